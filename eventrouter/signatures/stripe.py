"""The signatures of Stripe's webhooks."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from eventrouter.envelope import Headers
from eventrouter.errors import InvalidSignature
from eventrouter.signatures.freshness import check_fresh, refuse_no_duration, write_seconds
from eventrouter.signatures.keys import Keys, check, fingerprint, read_secrets, signature
from eventrouter.signatures.scheme import signed_header

_HEADER = "Stripe-Signature"


@frozen
class Stripe:
    """
    Stripe's webhooks: ``Stripe-Signature: t=<seconds>,v1=<hex>``, over the time and the body.

    Members other than ``t`` and ``v1`` are passed over: ``v0`` is the signature of test events.

    https://docs.stripe.com/webhooks/signature

    Args:
        secrets: The endpoint's secret, ``whsec_...``, or several while it changes; all sign.
        tolerance: How many seconds before or after now it may have been signed.

    Raises:
        RegistrationError: If a secret is blank, or no text or bytes, or the tolerance is no
            number of seconds.
    """

    secrets: Keys = field(converter=read_secrets, repr=False)
    tolerance: float = field(default=300, validator=refuse_no_duration, kw_only=True)

    def verify(self, raw: bytes, headers: Headers, now: datetime | None = None) -> str:
        """
        Check the signature of a delivery.

        Returns:
            The SHA-256 of the time and the body, for a ``Guard``. Stripe signs a further attempt
            anew, so that is another.

        Raises:
            InvalidSignature: If it is missing, malformed, made with none of the secrets, or too
                old or too new.
            ValueError: If ``now`` has no offset.
        """
        members = [part.partition("=") for part in signed_header(headers, _HEADER).split(",")]
        times = [value for name, _, value in members if name == "t"]
        given = [value for name, _, value in members if name == "v1"]
        if len(times) != 1 or not given:
            raise InvalidSignature(f"the header {_HEADER} needs one t=, and a v1=")
        check_fresh(times[0], _HEADER, now, self.tolerance)
        content = _content(times[0], raw)
        check([signature(key, content) for key in self.secrets], given, _HEADER)
        return fingerprint(content)

    def sign(self, raw: bytes, *, now: datetime | None = None) -> dict[str, str]:
        """
        The header to send with a body.

        Args:
            raw: The body.
            now: The time to sign, with an offset; the time of the call if not given.

        Raises:
            ValueError: If ``now`` has no offset, or lies before 1970.
        """
        seconds = write_seconds(now)
        content = _content(seconds, raw)
        made = [f"v1={signature(key, content)}" for key in self.secrets]
        return {_HEADER: ",".join([f"t={seconds}", *made])}


def _content(seconds: str, raw: bytes) -> bytes:
    return b"%b.%b" % (seconds.encode(), raw)
