"""What Redis's errors mean, and what to do about them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from redis import exceptions

from eventrouter.errors import StoreError

#: By the class of the error, the special before the general.
_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (
        exceptions.AuthenticationError,
        "the server refused the credentials; see to the user and password of the URL",
    ),
    (
        exceptions.NoPermissionError,
        "the user may not do it; let it run GET, SET, PEXPIRE, PTTL, EVAL, EVALSHA and INFO on the "
        "keys of the prefix",
    ),
    (
        exceptions.ReadOnlyError,
        "the server is a replica, which can't be written to; name the primary",
    ),
    (
        exceptions.OutOfMemoryError,
        "the server has no memory left; raise its maxmemory, or have keys remembered for less long",
    ),
    (exceptions.BusyLoadingError, "the server is still reading its data; try again later"),
    (
        exceptions.TimeoutError,
        "the server gave no answer in time; see that it can be reached and is not overloaded",
    ),
    (exceptions.ConnectionError, "there is no connection; see that the server runs and is reached"),
)
#: By how the text of any other error begins.
_REASONS_BY_CODE: Final = {
    "WRONGTYPE": "a key of the prefix is not of this store; give it a prefix= of its own",
    "FOREIGN": "a key of the prefix is not of this store; give it a prefix= of its own",
    "OOM": "the server has no memory left; raise its maxmemory, or have keys remembered for less "
    "long",
    "MISCONF": "the server can't write to its disk, and takes no changes; see its log",
    "NOREPLICAS": "the server has too few replicas to take changes; see that they run",
}


@contextmanager
def explained(address: str) -> Generator[None]:
    """
    Say what an error of Redis means for that server.

    Raises:
        StoreError: In place of it.
    """
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise StoreError(f"Redis at {address}: {_reason_of(error)} ({error})") from error


def _reason_of(error: Exception) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    code = str(error).partition(" ")[0]
    return _REASONS_BY_CODE.get(code, "the server could not do it")
