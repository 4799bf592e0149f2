"""A server that would lose events is refused, and the fix is named."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from faststream.redis import RedisBroker
from redis.asyncio import Redis

from eventrouter import RegistrationError, StoreError
from eventrouter.integrations.faststream.queues import connection_of
from eventrouter.integrations.faststream.redis import RedisPublisher, RedisQueue
from eventrouter.integrations.faststream.redis.server import RIGHTS
from tests.brokers.redis.servers import PrivateServer, private_server

pytestmark = pytest.mark.anyio


async def open_and_close(url: str, *, volatile: bool = False, **options: Any) -> None:
    queue = connection_of(
        url, subject="orders", group="billing", declare=True, volatile=volatile, **options
    ).queue
    try:
        await queue.open(1)
        await queue.stop()
    finally:
        await queue.close()


async def refusal(url: str, **options: Any) -> str:
    with pytest.raises(RegistrationError) as refused:
        await open_and_close(url, **options)
    return str(refused.value)


@asynccontextmanager
async def client_of(server: PrivateServer) -> AsyncGenerator[Any]:
    client: Any = Redis.from_url(server.url)
    try:
        yield client
    finally:
        await client.aclose()


async def test_one_that_keeps_all_at_once_is_taken_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with private_server(tmp_path) as server:
        await open_and_close(server.url)

    assert caplog.text == ""


async def test_one_that_keeps_nothing_on_disk_is_refused(tmp_path: Path) -> None:
    with private_server(tmp_path, appendonly="no") as server:
        text = await refusal(server.url)

    assert "appendonly no" in text
    assert "set appendonly yes" in text
    assert "volatile=True, or --allow-volatile" in text


async def test_if_it_may_lose_events_that_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with private_server(tmp_path, appendonly="no", maxmemory_policy="allkeys-lru") as server:
        await open_and_close(server.url, volatile=True)

    assert "may lose events, as was allowed: it has appendonly no" in caplog.text
    assert "it has maxmemory-policy allkeys-lru" in caplog.text


async def test_one_that_leaves_the_disk_to_the_system_is_refused(tmp_path: Path) -> None:
    with private_server(tmp_path, appendfsync="no") as server:
        assert "set appendfsync always, or everysec" in await refusal(server.url)


async def test_one_that_deletes_what_it_has_is_refused(tmp_path: Path) -> None:
    with private_server(tmp_path, maxmemory_policy="allkeys-lru") as server:
        assert "set maxmemory-policy noeviction" in await refusal(server.url)


async def test_what_may_be_lost_within_a_second_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with private_server(tmp_path, appendfsync="everysec") as server:
        await open_and_close(server.url)

    assert "appendfsync everysec" in caplog.text
    assert "the events of the last second may be lost" in caplog.text


async def test_one_that_does_not_tell_its_settings_is_taken_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with private_server(tmp_path) as server:
        async with client_of(server) as client:
            await client.acl_setuser(
                "app", enabled=True, passwords=["+open"], keys=["*"], categories=["+@all"],
                commands=["-config"],
            )  # fmt: skip
        await open_and_close(server.url.replace("redis://", "redis://app:open@"))

    assert "unknown, as CONFIG GET is not allowed" in caplog.text


async def test_rights_that_are_missing_are_told(tmp_path: Path) -> None:
    with private_server(tmp_path) as server:
        async with client_of(server) as client:
            await client.acl_setuser(
                "app", enabled=True, passwords=["+open"], keys=["*"], categories=["+@all"],
                commands=["-evalsha"],
            )  # fmt: skip
        with pytest.raises(StoreError, match=r"it takes the rights \+@stream .* \+@scripting"):
            await open_and_close(server.url.replace("redis://", "redis://app:open@"))


async def test_the_rights_that_are_told_are_enough(tmp_path: Path) -> None:
    """Though one who has them alone is not told when it writes to the disk."""
    with private_server(tmp_path) as server:
        async with client_of(server) as client:
            rights = RIGHTS.split()
            await client.execute_command("ACL", "SETUSER", "app", "on", ">open", "~*", *rights)
        url = server.url.replace("redis://", "redis://app:open@")
        await open_and_close(url)


async def test_a_replica_is_refused(tmp_path: Path) -> None:
    with private_server(tmp_path, replicaof="127.0.0.1 1") as server:
        text = await refusal(server.url)

    assert "is a replica" in text
    assert "connect to its master, 127.0.0.1:1" in text


async def test_a_part_of_a_cluster_is_refused(tmp_path: Path) -> None:
    with private_server(tmp_path, cluster_enabled="yes") as server:
        assert "is part of a cluster" in await refusal(server.url)


async def test_a_name_that_is_something_else_s_is_refused(tmp_path: Path) -> None:
    with private_server(tmp_path) as server:
        async with client_of(server) as client:
            await client.set("orders", "a text")
        text = await refusal(server.url)

    assert "the key 'orders'" in text
    assert "is a string, and a stream is needed" in text


async def test_a_broker_that_makes_text_of_all_is_refused(tmp_path: Path) -> None:
    with private_server(tmp_path) as server:
        broker = cast(Any, RedisBroker)(server.url, decode_responses=True)
        queue = RedisQueue(broker, "orders", "billing")
        try:
            with pytest.raises(RegistrationError, match="leave out decode_responses=True"):
                await queue.open(1)
        finally:
            await queue.close()


async def test_where_there_is_no_server_is_told_without_the_password() -> None:
    with pytest.raises(StoreError) as failed:
        await open_and_close("redis://app:hunter2@127.0.0.1:1/0")

    assert "Redis at 127.0.0.1:1: ConnectionError" in str(failed.value)
    assert "hunter2" not in str(failed.value)


async def test_a_wrong_password_is_told_of_and_not_told(tmp_path: Path) -> None:
    with (
        private_server(tmp_path, requirepass="right") as server,
        pytest.raises(StoreError) as failed,
    ):
        await open_and_close(server.url.replace("redis://", "redis://:hunter2@"))

    assert "invalid username-password pair" in str(failed.value)
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize("subject", ["", "orders.*", "orders?"])
def test_there_are_no_patterns_of_streams(subject: str) -> None:
    with pytest.raises(RegistrationError, match="no patterns"):
        connection_of("redis://127.0.0.1", subject=subject, group="billing")


def test_a_stream_is_named_once() -> None:
    with pytest.raises(RegistrationError, match="named twice"):
        connection_of("redis://127.0.0.1", subject="orders", stream="others", group="billing")


def test_a_url_that_is_none_is_not_told() -> None:
    with pytest.raises(RegistrationError) as refused:
        connection_of("redis://:hunter2@host:port", subject="orders", group="billing")

    assert "hunter2" not in str(refused.value)


def test_dead_letters_are_not_set_aside_to_where_they_come_from() -> None:
    with pytest.raises(RegistrationError, match="each would come again"):
        connection_of("redis://127.0.0.1", subject="orders", group="billing", dead_letters="orders")


@pytest.mark.parametrize("stream", ["", "events.{kind}", "events.{type"])
def test_a_name_of_a_stream_has_the_type_in_braces_alone(stream: str) -> None:
    with pytest.raises(RegistrationError, match="all that can be in braces"):
        RedisPublisher(RedisBroker("redis://127.0.0.1"), stream)
