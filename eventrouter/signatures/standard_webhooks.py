"""The signatures of Standard Webhooks."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from uuid import uuid4

from attrs import field, frozen

from eventrouter.envelope import Headers
from eventrouter.errors import InvalidSignature, MalformedEvent, RegistrationError
from eventrouter.signatures.freshness import check_fresh, refuse_no_duration, write_seconds
from eventrouter.signatures.keys import Keys, Secrets, check, keys_of, signature
from eventrouter.signatures.scheme import refuse_no_header, signed_header

_VERSION = "v1,"
# Visible ASCII without the full stop, which the specification asks of senders: it stands between
# the parts of what is signed, so that an id with one could reach into the time and the body.
_ID = re.compile(r"[!-\-/-~]{1,256}")
_UNFIT = "must be 1 to 256 visible ASCII characters, and none a full stop"


def _read_secrets(secrets: Secrets) -> Keys:
    return keys_of(secrets, _key_of_text)


def _key_of_text(secret: str) -> bytes:
    text = secret.removeprefix("whsec_")
    try:
        # Some senders leave the padding away.
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise RegistrationError(
            "a secret of Standard Webhooks is whsec_ and base64; give one that is no base64 as "
            "bytes; the asymmetric keys whsk_ and whpk_ are not known here"
        )
    return key


@frozen
class StandardWebhooks:
    """
    Standard Webhooks: ``webhook-signature: v1,<base64>``, over an id, the time and the body.

    Several signatures, with a space between them, are one for each of several secrets. Those that
    do not start with ``v1,`` are passed over, the asymmetric ``v1a,`` too.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    Args:
        secrets: The endpoint's secret, base64 with or without ``whsec_`` before it, or as bytes
            the key itself; or several while it changes; all sign.
        tolerance: How many seconds before or after now it may have been signed.
        prefix: What the names of the headers begin with. Senders that use Svix may send
            ``svix-``.

    Raises:
        RegistrationError: If a secret is blank, or no base64, the tolerance is no number of
            seconds, or no header's name can begin with the prefix.
    """

    secrets: Keys = field(converter=_read_secrets, repr=False)
    tolerance: float = field(default=300, validator=refuse_no_duration, kw_only=True)
    prefix: str = field(default="webhook-", validator=refuse_no_header, kw_only=True)

    def verify(self, raw: bytes, headers: Headers, now: datetime | None = None) -> str:
        """
        Check the signature of a delivery.

        Returns:
            The id of the message, for a ``Guard``; it is the same in each attempt to deliver it.

        Raises:
            InvalidSignature: If it is missing, malformed, made with none of the secrets, or too
                old or too new.
            ValueError: If ``now`` has no offset.
        """
        id_name, time_name, name = self._names()
        id = signed_header(headers, id_name)
        if _ID.fullmatch(id) is None:
            raise InvalidSignature(f"the id in the header {id_name} {_UNFIT}")
        seconds = signed_header(headers, time_name)
        parts = signed_header(headers, name).split(" ")
        given = [part for part in parts if part.startswith(_VERSION)]
        if not given:
            raise InvalidSignature(f"no signature in the header {name} starts with {_VERSION}")
        check_fresh(seconds, time_name, now, self.tolerance)
        check(self._sign(id, seconds, raw), given, name)
        return id

    def sign(
        self, raw: bytes, *, id: str | None = None, now: datetime | None = None
    ) -> dict[str, str]:
        """
        The headers to send with a body.

        Args:
            raw: The body.
            id: The id of the message, the same in each attempt to deliver it; a new one if not
                given.
            now: The time to sign, with an offset; the time of the call if not given.

        Raises:
            MalformedEvent: If the id is not 1 to 256 visible ASCII characters without a full
                stop.
            ValueError: If ``now`` has no offset, or lies before 1970.
        """
        id = f"msg_{uuid4().hex}" if id is None else id
        if _ID.fullmatch(id) is None:
            raise MalformedEvent(f"the id to sign {_UNFIT}")
        seconds = write_seconds(now)
        values = id, seconds, " ".join(self._sign(id, seconds, raw))
        return dict(zip(self._names(), values, strict=True))

    def _names(self) -> tuple[str, str, str]:
        return f"{self.prefix}id", f"{self.prefix}timestamp", f"{self.prefix}signature"

    def _sign(self, id: str, seconds: str, raw: bytes) -> list[str]:
        content = b"%b.%b.%b" % (id.encode(), seconds.encode(), raw)
        return [_VERSION + signature(key, content, encoding="base64") for key in self.secrets]
