"""One Redis server, and connections to it that threads share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import AuthenticationError, NoScriptError, ReadOnlyError
from redis.retry import Retry

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.stores.redis.failures import explained
from eventrouter.stores.redis.scripts import Script

# Four tries of 3 s, and the waits between them, end before a router gives the store up.
_TIMEOUT = 3  # seconds
_RETRIES = 3
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 0.5  # seconds
_NEVER: Final = Retry(NoBackoff(), 0)

T = TypeVar("T")


class Server:
    """
    A Redis server.

    Connections are made when they are needed. A forked process makes its own.

    Args:
        server: The URL of the server, or a client of it.

    Raises:
        RegistrationError: If it is neither.
    """

    def __init__(self, server: Any) -> None:
        self._is_own = isinstance(server, str)
        self._client = _client_of(server) if isinstance(server, str) else server
        if not isinstance(self._client, redis.Redis):
            raise RegistrationError(
                f"{type(server).__qualname__} is neither a URL nor a client: "
                "RedisStore('redis://127.0.0.1:6379/0'), or RedisStore(redis.Redis(...)), which "
                "is not the one of redis.asyncio"
            )
        # Not left to the client, which does not try again to get a connection from its pool. One
        # that was given has been told by its owner how often to try.
        self._retry = (
            Retry(ExponentialBackoff(cap=_LONGEST_WAIT, base=_FIRST_WAIT), _RETRIES)
            if self._is_own
            else _NEVER
        )
        self._is_checked = False

    @property
    def address(self) -> str:
        """Where it is, without credentials."""
        pool = cast("Any", self._client.connection_pool)
        where: dict[str, Any] = pool.connection_kwargs
        if "path" in where:
            return f"{where['path']}, database {where.get('db') or 0}"
        if "host" not in where:  # Sentinel tells it when it is asked
            return f"the primary of {pool.service_name}"
        return f"{where['host']}:{where.get('port', 6379)}/{where.get('db') or 0}"

    def run(self, script: Script, key: str, *arguments: str | int) -> Any:
        """
        Run a script on a key.

        Raises:
            StoreError: If Redis can't, or is set to forget keys.
        """
        if not self._is_checked:
            self.check()
        try:
            return self._retried(lambda: self._run(script, key.encode(), *arguments))
        except StoreError:
            self._is_checked = False  # what comes back may be another server
            raise

    def check(self) -> None:
        """
        Look whether it remembers keys for as long as it is told to.

        Raises:
            StoreError: If it does not, or can't be asked.
        """
        memory: dict[str, Any] = self._retried(lambda: cast("Any", self._client).info("memory"))
        policy = memory.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise StoreError(
                f"Redis at {self.address}: its maxmemory-policy is {policy}, so it may forget what "
                "ran, which then runs again; set it to noeviction, or name another server"
            )
        self._is_checked = True

    def _run(self, script: Script, *arguments: bytes | str | int) -> Any:
        client = cast("Any", self._client)
        try:
            return client.evalsha(script.digest, 1, *arguments)
        except NoScriptError:  # the first time, and when the server has started anew
            return client.eval(script.text, 1, *arguments)
        except ReadOnlyError:  # the primary has changed: its name may lead to another
            client.connection_pool.disconnect(inuse_connections=False)
            raise

    def _retried(self, call: Callable[[], T]) -> T:
        with explained(self.address):
            return self._retry.call_with_retry(call, lambda error: None, is_retryable=_may_pass)

    def close(self) -> None:
        """Close the connections, unless they are those of a client that was given."""
        if self._is_own:
            self._client.close()


def _client_of(url: str) -> redis.Redis:
    try:
        return cast(
            "redis.Redis",
            cast("Any", redis.Redis).from_url(
                url,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
                retry=_NEVER,
            ),
        )
    except (ValueError, TypeError):  # which tell of the URL, and with it of the password
        raise RegistrationError(
            "the URL of RedisStore is none that can be read: it is "
            "redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// with TLS, or unix://PATH, with "
            "special characters in USER and PASSWORD written as %XX"
        ) from None


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, AuthenticationError)
