"""The store on a Redis server keeps what every store of keys must."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from uuid import uuid4

import pytest

from eventrouter import Status
from eventrouter.contexts import driven
from eventrouter.stores import RedisStore
from eventrouter.testing import FakeClock, IdempotencyStoreContract
from tests.services import REDIS
from tests.stores.redis.aging import Aging
from tests.stores.redis.servers import emptied, require_redis


@pytest.fixture(autouse=True)
def _server() -> None:
    require_redis()


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex}:"


@pytest.mark.anyio
class TestKeys(IdempotencyStoreContract):
    """Keys."""

    @asynccontextmanager
    async def open_store(self, clock: FakeClock) -> AsyncIterator[Aging]:
        prefix = f"test-{uuid4().hex}:"
        with emptied(prefix) as client, closing(RedisStore(REDIS, prefix=prefix)) as store:
            yield Aging(store, clock, client)


def test_the_server_forgets_keys_by_itself_when_their_time_is_over(prefix: str) -> None:
    with emptied(prefix) as client, closing(RedisStore(REDIS, prefix=prefix)) as store:
        driven(store.claim("held", 60))
        driven(store.complete(driven(store.claim("completed", 60)), 3_600))
        driven(store.release(driven(store.claim("released", 60))))

        assert 59_000 < client.pttl(f"{prefix}held") <= 60_000
        assert 3_599_000 < client.pttl(f"{prefix}completed") <= 3_600_000
        assert 59_000 < client.pttl(f"{prefix}released") <= 60_000
        assert driven(store.purge_keys()) == 0


def test_of_a_claim_that_another_has_it_is_known_how_long_it_holds(prefix: str) -> None:
    with emptied(prefix), closing(RedisStore(REDIS, prefix=prefix)) as store:
        driven(store.claim("a", 60))

        left = driven(store.claim("a", 60)).seconds_left

        assert left is not None
        assert 50 < left <= 60


def test_a_claim_that_never_runs_out_says_so_by_nothing(prefix: str) -> None:
    with emptied(prefix) as client, closing(RedisStore(REDIS, prefix=prefix)) as store:
        driven(store.claim("a", 60))
        client.persist(f"{prefix}a")  # as someone may do by hand

        refused = driven(store.claim("a", 60))

        assert (refused.refused, refused.seconds_left) == (Status.IN_PROGRESS, None)


def test_stores_of_other_prefixes_do_not_know_each_other_s_keys(prefix: str) -> None:
    with (
        emptied(prefix),
        closing(RedisStore(REDIS, prefix=f"{prefix}a:")) as one,
        closing(RedisStore(REDIS, prefix=f"{prefix}b:")) as other,
    ):
        driven(one.claim("a", 60))

        assert driven(other.claim("a", 60)).refused is None


@pytest.mark.parametrize("seconds", [1e300, 1e15, 1e-9])
def test_a_lease_that_the_server_can_not_count_is_the_nearest_that_it_can(
    prefix: str, seconds: float
) -> None:
    with emptied(prefix), closing(RedisStore(REDIS, prefix=prefix)) as store:
        claim = driven(store.claim("a", seconds))

        assert claim.refused is None
        assert driven(store.complete(claim, seconds))


def test_a_claim_that_was_refused_asks_the_server_for_nothing(prefix: str) -> None:
    with emptied(prefix), closing(RedisStore(REDIS, prefix=prefix)) as store:
        driven(store.claim("a", 60))
        refused = driven(store.claim("a", 60))
        store._server.close()

        assert not driven(store.complete(refused, 60))
        assert store._server._client.connection_pool._in_use_connections == set()
