"""What is said when the server can't do what it was asked, and that it can be asked again."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from eventrouter import RegistrationError, Router, Status, StoreError
from eventrouter.contexts import driven
from eventrouter.stores import RedisStore
from eventrouter.stores.redis.scripts import RENEW
from tests.events import raw_event
from tests.stores.redis.servers import OwnServer, free_port, own_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    with own_server(tmp_path) as server:
        yield server


@pytest.fixture
def store(server: OwnServer) -> Iterator[RedisStore]:
    with closing(server.store()) as store:
        yield store


def test_a_server_that_is_down_and_back(server: OwnServer, store: RedisStore) -> None:
    claim = driven(store.claim("a", 60))
    server.kill()
    with pytest.raises(StoreError, match=f"127.0.0.1:{server.port}/0: there is no connection"):
        driven(store.complete(claim, 60))
    server.start()

    assert driven(store.complete(claim, 60))
    assert driven(store.claim("a", 60)).refused is Status.DUPLICATE


def test_a_server_that_is_down_at_first(tmp_path: Path) -> None:
    with (
        closing(RedisStore(f"redis://127.0.0.1:{free_port()}/3")) as store,
        pytest.raises(StoreError, match="/3: there is no connection; see that the server"),
    ):
        driven(store.check())


def test_while_the_server_is_down_no_handler_runs(server: OwnServer, store: RedisStore) -> None:
    router, ran = Router(idempotency=store), list[Any]()

    @router.on("order.paid")
    def charge(payload: Any) -> None:
        ran.append(payload)

    server.kill()

    result = router.process_sync(raw_event(id="e-1"))

    assert (result.status, result.retryable, ran) == (Status.FAILED, True, [])
    assert isinstance(result.error, StoreError)


def test_a_server_that_started_anew_is_told_the_scripts_again(
    server: OwnServer, store: RedisStore
) -> None:
    driven(store.claim("a", 60))
    server.kill()
    server.start()

    assert driven(store.claim("b", 60)).refused is None


def test_a_server_without_persistence_has_forgotten_all(
    server: OwnServer, store: RedisStore
) -> None:
    driven(store.complete(driven(store.claim("a", 60)), 60))
    server.kill()
    server.start()

    assert driven(store.claim("a", 60)).refused is None


def test_a_server_that_appends_to_a_file_has_forgotten_nothing_it_answered(
    tmp_path: Path,
) -> None:
    options = ("--appendonly", "yes", "--appendfsync", "always")
    with own_server(tmp_path, *options) as server, closing(server.store()) as store:
        claims = [driven(store.claim(f"{number}", 60)) for number in range(50)]
        for claim in claims[:25]:
            driven(store.complete(claim, 60))
        server.kill()
        server.start()

        refused = [driven(store.claim(claim.key, 60)).refused for claim in claims]
        assert refused == [Status.DUPLICATE] * 25 + [Status.IN_PROGRESS] * 25


def test_a_replica_can_not_be_written_to_until_it_is_the_primary(
    tmp_path: Path, server: OwnServer
) -> None:
    with (
        own_server(tmp_path, "--replicaof", "127.0.0.1", str(server.port)) as replica,
        closing(replica.store()) as store,
        replica.client() as client,
    ):
        with pytest.raises(StoreError, match="is a replica, which can't be written to"):
            driven(store.claim("a", 60))
        client.replicaof("NO", "ONE")

        assert driven(store.claim("a", 60)).refused is None


def test_a_primary_that_has_become_a_replica_is_looked_for_anew(
    server: OwnServer, store: RedisStore
) -> None:
    driven(store.claim("a", 60))
    with server.client() as client:
        client.replicaof("127.0.0.1", str(free_port()))
        with pytest.raises(StoreError, match="name the primary"):
            driven(store.claim("b", 60))

        assert len(client.client_list(_type="normal")) == 1  # which is this one


@pytest.mark.parametrize("value", ["list", "text"])
def test_a_key_that_is_not_of_the_store_is_left_as_it_is(
    server: OwnServer, store: RedisStore, value: str
) -> None:
    with server.client(decode_responses=True) as client:
        claim = driven(store.claim("a", 60))
        client.delete("eventrouter:a")
        if value == "list":
            client.rpush("eventrouter:a", "x")
        else:
            client.set("eventrouter:a", "x")

        for call in (
            lambda: store.claim("a", 60),
            lambda: store.renew(claim, 60),
            lambda: store.complete(claim, 60),
            lambda: store.release(claim),
        ):
            with pytest.raises(StoreError, match="not of this store; give it a prefix= of its own"):
                driven(call())

        left = client.lrange("eventrouter:a", 0, -1) if value == "list" else "x"
        assert left == (["x"] if value == "list" else client.get("eventrouter:a"))


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_evicts_keys_is_refused_until_it_does_not(
    tmp_path: Path, policy: str
) -> None:
    with (
        own_server(tmp_path, "--maxmemory-policy", policy) as server,
        closing(server.store()) as store,
        server.client() as client,
    ):
        for call in (lambda: store.check(), lambda: store.claim("a", 60)):
            with pytest.raises(StoreError, match=f"maxmemory-policy is {policy}, so it may forget"):
                driven(call())
        assert client.dbsize() == 0
        client.config_set("maxmemory-policy", "noeviction")

        driven(store.check())
        assert driven(store.claim("a", 60)).refused is None


def test_a_server_that_is_exchanged_for_one_that_evicts_is_refused(tmp_path: Path) -> None:
    with own_server(tmp_path) as server, closing(server.store()) as store:
        driven(store.claim("a", 60))
        server.kill()
        with pytest.raises(StoreError, match="there is no connection"):
            driven(store.claim("b", 60))
        server.options = ("--maxmemory-policy", "allkeys-lru")
        server.start()

        with pytest.raises(StoreError, match="maxmemory-policy is allkeys-lru"):
            driven(store.claim("b", 60))


def test_a_server_without_memory(tmp_path: Path) -> None:
    with (
        own_server(tmp_path, "--maxmemory", "1") as server,
        closing(server.store()) as store,
        pytest.raises(StoreError, match="no memory left; raise its maxmemory"),
    ):
        driven(store.claim("a", 60))


def test_a_server_that_gives_no_answer(server: OwnServer) -> None:
    client = server.client(socket_timeout=0.1, retry=Retry(NoBackoff(), 0))
    with client, closing(RedisStore(client)) as store:
        driven(store.claim("a", 60))
        server.pause()
        with pytest.raises(StoreError, match="the server gave no answer in time"):
            driven(store.claim("b", 60))
        server.go_on()

        assert driven(store.claim("c", 60)).refused is None


def test_something_else_that_is_wrong_says_what(server: OwnServer, store: RedisStore) -> None:
    with server.client() as client:
        client.config_set("min-replicas-to-write", 1)
        with pytest.raises(StoreError, match="too few replicas to take changes"):
            driven(store.claim("a", 60))

        client.config_set("min-replicas-to-write", 0)
        client.set("eventrouter:a", "claimed 0")
        with pytest.raises(StoreError, match=r"the server could not do it \(.*not an integer"):
            store._server.run(RENEW, "eventrouter:a", "0", "soon")


def test_a_user_who_may_not_run_scripts(server: OwnServer) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "clerk", "on", ">s3cret", "~*", "+info")
    with (
        closing(RedisStore(f"redis://clerk:s3cret@127.0.0.1:{server.port}")) as store,
        pytest.raises(StoreError, match="the user may not do it; let it run GET, SET"),
    ):
        driven(store.claim("a", 60))


def test_a_user_who_may_do_what_is_asked_for_needs_no_more(server: OwnServer) -> None:
    may = ("~eventrouter:*", "+get", "+set", "+pexpire", "+pttl", "+eval", "+evalsha", "+info")
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "clerk", "on", ">s3cret", *may)
    with closing(RedisStore(f"redis://clerk:s3cret@127.0.0.1:{server.port}")) as store:
        claim = driven(store.claim("a", 60))
        assert driven(store.claim("a", 60)).refused is Status.IN_PROGRESS
        assert driven(store.renew(claim, 60))
        assert driven(store.complete(claim, 60))
        assert driven(store.release(driven(store.claim("b", 60))))


@pytest.mark.parametrize("user", ["", "clerk"])
def test_no_text_tells_the_password(tmp_path: Path, user: str) -> None:
    with own_server(tmp_path, "--requirepass", "right") as server:
        url = f"redis://{user}:pa55word@127.0.0.1:{server.port}"
        with closing(RedisStore(url)) as store:
            with pytest.raises(StoreError, match="the server refused the credentials") as refused:
                driven(store.claim("a", 60))
            texts = [repr(store), str(refused.value), *traceback.format_exception(refused.value)]
            assert "pa55word" not in "".join(texts)
            assert b"pa55word" not in pickle.dumps(refused.value)
    with closing(RedisStore(url)) as store, pytest.raises(StoreError) as away:
        driven(store.claim("a", 60))
    assert "pa55word" not in "".join(traceback.format_exception(away.value))


@pytest.mark.parametrize(
    "url",
    [
        "redis://clerk:pa55/word@127.0.0.1:6379",
        "redis://127.0.0.1:pa55",
        "http://:pa55@127.0.0.1",
        "127.0.0.1:6379",
        "redis://127.0.0.1/?socket_timeout=pa55",
        "",
    ],
)
def test_a_url_that_is_none_is_refused_when_made(url: str) -> None:
    with pytest.raises(RegistrationError, match="none that can be read") as refused:
        RedisStore(url)

    assert "pa55" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("server", [None, b"redis://127.0.0.1", 6379])
def test_what_is_neither_a_url_nor_a_client_is_refused_when_made(server: object) -> None:
    with pytest.raises(RegistrationError, match="is neither a URL nor a client"):
        RedisStore(server)


def test_a_client_that_needs_an_event_loop_is_refused_when_made() -> None:
    with pytest.raises(RegistrationError, match="is not the one of redis"):
        RedisStore(Redis())


@pytest.mark.parametrize("prefix", ["", None, b"a"])
def test_a_prefix_that_is_no_text_is_refused_when_made(prefix: str) -> None:
    with pytest.raises(RegistrationError, match="it is text, such as 'eventrouter:'"):
        RedisStore("redis://127.0.0.1", prefix=prefix)


@pytest.mark.parametrize(
    ("server", "shown"),
    [
        ("redis://127.0.0.1", "127.0.0.1:6379/0"),
        ("rediss://a:b@host:1/2", "host:1/2"),
        ("unix:///run/redis.sock?db=3", "/run/redis.sock, database 3"),
        (cast("Any", Sentinel)([("host", 1)]).master_for("orders"), "the primary of orders"),
    ],
)
def test_where_it_is_is_told_for_every_kind_of_address(server: Any, shown: str) -> None:
    assert repr(RedisStore(server)) == f"RedisStore({shown}, prefix='eventrouter:')"
