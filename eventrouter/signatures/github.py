"""The signatures of GitHub's webhooks."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from eventrouter.envelope import Headers
from eventrouter.errors import InvalidSignature
from eventrouter.signatures.keys import Keys, check, fingerprint, read_secrets, signature
from eventrouter.signatures.scheme import find_header, signed_header

_HEADER = "X-Hub-Signature-256"
_SHA1_HEADER = "X-Hub-Signature"


@frozen
class GitHub:
    """
    GitHub's webhooks: ``X-Hub-Signature-256``, over the body alone.

    Neither a time nor ``X-GitHub-Delivery`` is signed. Whoever has seen a delivery can send it
    again for as long as its secret is in use, under another id: a ``Guard`` knows it by its body.
    The older ``X-Hub-Signature``, with SHA-1, is not accepted.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries

    Args:
        secrets: The webhook's secret, or several while it changes; the first one signs.

    Raises:
        RegistrationError: If a secret is blank, or no text or bytes.
    """

    secrets: Keys = field(converter=read_secrets, repr=False)

    def verify(self, raw: bytes, headers: Headers, now: datetime | None = None) -> str:
        """
        Check the signature of a delivery; the time plays no part.

        Returns:
            The SHA-256 of the body, for a ``Guard``.

        Raises:
            InvalidSignature: If it is missing, malformed, or made with none of the secrets.
        """
        if find_header(headers, _HEADER) is None and find_header(headers, _SHA1_HEADER):
            raise InvalidSignature(
                f"the header {_HEADER} is missing; {_SHA1_HEADER}, with SHA-1, is not accepted"
            )
        given = signed_header(headers, _HEADER)
        if not given.startswith("sha256="):
            raise InvalidSignature(f"the header {_HEADER} does not start with sha256=")
        check([self._sign(key, raw) for key in self.secrets], [given], _HEADER)
        return fingerprint(raw)

    def sign(self, raw: bytes) -> dict[str, str]:
        """The header to send with a body."""
        return {_HEADER: self._sign(self.secrets[0], raw)}

    def _sign(self, key: bytes, raw: bytes) -> str:
        return f"sha256={signature(key, raw)}"
