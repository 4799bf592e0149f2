"""HMAC signatures of senders who have a scheme of their own."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from attrs import Attribute, Factory, field, frozen, validators

from eventrouter.envelope import Headers
from eventrouter.errors import InvalidSignature, RegistrationError
from eventrouter.signatures.freshness import check_fresh, refuse_no_duration, write_seconds
from eventrouter.signatures.keys import (
    Encoding,
    Keys,
    check,
    fingerprint,
    read_secrets,
    signature,
)
from eventrouter.signatures.scheme import refuse_no_header, signed_header

_BODY, _TIMESTAMP = "{body}", "{timestamp}"


def _refuse_no_digest(_: Any, __: Attribute[Any], digest: Any) -> None:
    # SHAKE has no length of its own, and what OpenSSL adds may be missing elsewhere.
    known = sorted(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake"))
    if digest not in known:
        raise RegistrationError(f"digest={digest!r}: it is one of {', '.join(known)}")


def _refuse_no_encoding(_: Any, __: Attribute[Any], encoding: Any) -> None:
    if encoding not in ("hex", "base64"):
        raise RegistrationError(f"encoding={encoding!r}: it is 'hex' or 'base64'")


def _refuse_no_prefix(_: Any, __: Attribute[Any], prefix: Any) -> None:
    if not (isinstance(prefix, str) and prefix.isascii()):
        raise RegistrationError(f"prefix={prefix!r}: it is ASCII text, such as 'sha256='")


def _refuse_no_content(scheme: HMAC, _: Attribute[Any], signed: Any) -> None:
    fits = isinstance(signed, str) and signed.isascii() and signed.count(_BODY) == 1
    if not fits or (_TIMESTAMP in signed) is (scheme.timestamp_header is None):
        raise RegistrationError(
            f"signed={signed!r}: it is ASCII text with {_BODY} in it once, and with {_TIMESTAMP} "
            "where there is a timestamp_header"
        )


def _usually_signed(scheme: HMAC) -> str:
    return _BODY if scheme.timestamp_header is None else f"{_TIMESTAMP}.{_BODY}"


@frozen
class HMAC:
    """
    Any HMAC (RFC 2104) of the body, or of a time and the body, in a header.

    Without ``timestamp_header``, whoever has seen a delivery can send it again for as long as its
    secret is in use; a ``Guard`` knows it by its body.

    Args:
        secrets: The secret, or several while it changes; the first one signs.
        header: The header with the signature.
        digest: The hash function, one of ``hashlib.algorithms_guaranteed``.
        encoding: How the signature is written: ``"hex"``, in lower case, or ``"base64"``.
        prefix: What stands before it in the header: ``"sha256="``.
        timestamp_header: The header with the time that is signed, in whole seconds since 1970.
        signed: What is signed, in ASCII: ``"{body}"``, or ``"{timestamp}.{body}"`` where there is a
            ``timestamp_header``.
        tolerance: How many seconds before or after now it may have been signed, if the time is.

    Raises:
        RegistrationError: If a secret is blank, or no text or bytes, or another of these is not
            what is said here.
    """

    secrets: Keys = field(converter=read_secrets, repr=False)
    header: str = field(validator=refuse_no_header)
    digest: str = field(default="sha256", validator=_refuse_no_digest, kw_only=True)
    encoding: Encoding = field(default="hex", validator=_refuse_no_encoding, kw_only=True)
    prefix: str = field(default="", validator=_refuse_no_prefix, kw_only=True)
    timestamp_header: str | None = field(
        default=None, validator=validators.optional(refuse_no_header), kw_only=True
    )
    signed: str = field(
        default=Factory(_usually_signed, takes_self=True),
        validator=_refuse_no_content,
        kw_only=True,
    )
    tolerance: float = field(default=300, validator=refuse_no_duration, kw_only=True)

    def verify(self, raw: bytes, headers: Headers, now: datetime | None = None) -> str:
        """
        Check the signature of a delivery.

        Returns:
            The SHA-256 of what is signed, for a ``Guard``.

        Raises:
            InvalidSignature: If it is missing, malformed, made with none of the secrets, or too
                old or too new.
            ValueError: If ``now`` has no offset.
        """
        given = signed_header(headers, self.header)
        if not given.startswith(self.prefix):
            raise InvalidSignature(f"the header {self.header} does not start with {self.prefix}")
        seconds = ""
        if self.timestamp_header is not None:
            seconds = signed_header(headers, self.timestamp_header)
            check_fresh(seconds, self.timestamp_header, now, self.tolerance)
        content = self._content(seconds, raw)
        check([self._sign(key, content) for key in self.secrets], [given], self.header)
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
        if self.timestamp_header is None:
            return {self.header: self._sign(self.secrets[0], self._content("", raw))}
        seconds = write_seconds(now)
        return {
            self.header: self._sign(self.secrets[0], self._content(seconds, raw)),
            self.timestamp_header: seconds,
        }

    def _content(self, seconds: str, raw: bytes) -> bytes:
        before, after = self.signed.replace(_TIMESTAMP, seconds).encode().split(_BODY.encode())
        return b"%b%b%b" % (before, raw, after)

    def _sign(self, key: bytes, content: bytes) -> str:
        return self.prefix + signature(key, content, self.digest, self.encoding)
