"""The signatures of Slack's requests."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from eventrouter.envelope import Headers
from eventrouter.errors import InvalidSignature
from eventrouter.signatures.freshness import check_fresh, refuse_no_duration, write_seconds
from eventrouter.signatures.keys import Keys, check, fingerprint, read_secrets, signature
from eventrouter.signatures.scheme import signed_header

_HEADER = "X-Slack-Signature"
_TIME_HEADER = "X-Slack-Request-Timestamp"


@frozen
class Slack:
    """
    Slack's requests: ``X-Slack-Signature: v0=<hex>``, over the time and the body.

    https://docs.slack.dev/authentication/verifying-requests-from-slack/

    Args:
        secrets: The app's signing secret, or several while it changes; the first one signs.
        tolerance: How many seconds before or after now it may have been signed.

    Raises:
        RegistrationError: If a secret is blank, or no text or bytes, or the tolerance is no
            number of seconds.
    """

    secrets: Keys = field(converter=read_secrets, repr=False)
    tolerance: float = field(default=300, validator=refuse_no_duration, kw_only=True)

    def verify(self, raw: bytes, headers: Headers, now: datetime | None = None) -> str:
        """
        Check the signature of a request.

        Returns:
            The SHA-256 of the time and the body, for a ``Guard``. Slack signs a further attempt
            anew, so that is another.

        Raises:
            InvalidSignature: If it is missing, malformed, made with none of the secrets, or too
                old or too new.
            ValueError: If ``now`` has no offset.
        """
        given = signed_header(headers, _HEADER)
        if not given.startswith("v0="):
            raise InvalidSignature(f"the header {_HEADER} does not start with v0=")
        seconds = signed_header(headers, _TIME_HEADER)
        check_fresh(seconds, _TIME_HEADER, now, self.tolerance)
        content = _content(seconds, raw)
        check([_sign(key, content) for key in self.secrets], [given], _HEADER)
        return fingerprint(content)

    def sign(self, raw: bytes, *, now: datetime | None = None) -> dict[str, str]:
        """
        The headers to send with a body.

        Args:
            raw: The body.
            now: The time to sign, with an offset; the time of the call if not given.

        Raises:
            ValueError: If ``now`` has no offset, or lies before 1970.
        """
        seconds = write_seconds(now)
        return {
            _HEADER: _sign(self.secrets[0], _content(seconds, raw)),
            _TIME_HEADER: seconds,
        }


def _content(seconds: str, raw: bytes) -> bytes:
    return b"v0:%b:%b" % (seconds.encode(), raw)


def _sign(key: bytes, content: bytes) -> str:
    return f"v0={signature(key, content)}"
