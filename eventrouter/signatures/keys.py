"""The secrets of a sender, the signatures made with them and their comparison."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias

from eventrouter.errors import InvalidSignature, RegistrationError

#: A secret, as text or bytes; or several of them, of which the first is the one to sign with.
Secrets: TypeAlias = str | bytes | Sequence[str | bytes]
#: Keys of HMAC: the bytes of secrets.
Keys: TypeAlias = tuple[bytes, ...]
#: How a signature is written.
Encoding: TypeAlias = Literal["hex", "base64"]

#: How many secrets a scheme may have, and how many signatures a request. All are compared.
MOST: Final = 16


def read_secrets(secrets: Secrets) -> Keys:
    """
    The keys of secrets whose text is the key, in UTF-8.

    Raises:
        RegistrationError: If there is none or too many, or one is blank or no text or bytes.
    """
    return keys_of(secrets, _key_of_text)


def keys_of(secrets: Secrets, key_of: Callable[[str], bytes]) -> Keys:
    """
    The keys of secrets; one given as bytes is a key already.

    Args:
        secrets: One or several.
        key_of: Makes a key of a text, or raises ``RegistrationError``.

    Raises:
        RegistrationError: If there is none or too many, or one is blank or no text or bytes.
    """
    several = (secrets,) if isinstance(secrets, str | bytes) else secrets
    if not isinstance(several, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RegistrationError(_unfit(several))
    keys = tuple(_key(secret, key_of) for secret in several)
    if not 1 <= len(keys) <= MOST:
        raise RegistrationError(f"{len(keys)} secrets: give one at least and {MOST} at most")
    return keys


def _key(secret: Any, key_of: Callable[[str], bytes]) -> bytes:
    # No message shows the secret: it may well be the right one, with a slip.
    if not isinstance(secret, str | bytes):
        raise RegistrationError(_unfit(secret))
    if not secret.strip():
        raise RegistrationError("a secret is blank: anyone could sign with it")
    if isinstance(secret, bytes):
        return secret
    if secret != secret.strip():
        raise RegistrationError(
            "a secret has white space around it, such as the end of a line; strip it, or give it "
            "as bytes if it is meant"
        )
    return key_of(secret)


def _unfit(secret: Any) -> str:
    unset = "; is the environment variable set?" if secret is None else ""
    return f"a secret is text or bytes, not {type(secret).__qualname__}{unset}"


def _key_of_text(secret: str) -> bytes:
    try:
        return secret.encode()
    except UnicodeEncodeError:
        raise RegistrationError("a secret is no Unicode text; give it as bytes") from None


def signature(
    key: bytes, content: bytes, digest: str = "sha256", encoding: Encoding = "hex"
) -> str:
    """The HMAC of the content (https://www.rfc-editor.org/rfc/rfc2104), written as text."""
    made = hmac.digest(key, content, digest)
    return made.hex() if encoding == "hex" else base64.b64encode(made).decode()


def check(expected: Sequence[str], given: Sequence[str], name: str) -> None:
    """
    Refuse signatures of which none is expected, in a time that does not tell how near they are.

    They are compared as text: what could be written in two ways is right in one of them only.

    Args:
        expected: Those made with each of the secrets.
        given: Those that arrived, ASCII.
        name: The header they came in.

    Raises:
        InvalidSignature: If there are too many, or none is right.
    """
    if len(given) > MOST:
        raise InvalidSignature(f"the header {name} holds {len(given)} signatures, over {MOST}")
    # Not any(), which would tell by its time which one was right.
    if not sum(hmac.compare_digest(right, one) for right in expected for one in given):
        raise InvalidSignature(
            f"the signature in the header {name} is of none of the secrets: another secret, or "
            "the body was changed on the way"
        )


def fingerprint(content: bytes) -> str:
    """What a delivery is known by that has no signed id; nobody can sign with it."""
    return hashlib.sha256(content).hexdigest()
