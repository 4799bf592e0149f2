"""What a server must be so that no event is lost, and what is said of one that is not."""

from __future__ import annotations

import re
from typing import Any, Final

from redis.exceptions import ResponseError

from eventrouter.errors import RegistrationError
from eventrouter.integrations.faststream.redis.server import Server, called, failing
from eventrouter.processing import LOGGER

_OLDEST: Final = (6, 2)
_OVERRIDE = "where events may be lost, as in tests, say so: volatile=True, or --allow-volatile"


async def check(server: Server, *, volatile: bool) -> None:
    """
    Check that the server keeps what it is given.

    Args:
        server: The server.
        volatile: Whether it may lose events all the same; that is logged then.

    Raises:
        RegistrationError: If it would lose events, or can't be used; it names the fix.
        StoreError: If it does not answer, or refuses.
    """
    name = called(server.client)
    if server.client.connection_pool.connection_kwargs.get("decode_responses"):
        raise RegistrationError(
            f"the broker of {name} makes text of all that it reads, and an event may be other "
            "bytes; leave out decode_responses=True"
        )
    with failing(server.client):
        info: dict[str, Any] = {}
        for section in ("server", "persistence", "memory", "replication"):
            info |= await server.client.info(section)
        _refuse_unfit(info, name)
        await _refuse_other_keys(server, name)
        fsync = await _fsync(server.client)
    losses = list(_losses(info, fsync))
    if losses and not volatile:
        raise RegistrationError(f"{name} would lose events: {'; '.join(losses)}; {_OVERRIDE}")
    for loss in losses:
        LOGGER.warning("%s may lose events, as was allowed: %s", name, loss)
    if not losses and fsync != "always":
        shown = "everysec" if fsync == "everysec" else "unknown, as CONFIG GET is not allowed"
        LOGGER.warning(
            "%s has appendfsync %s: if its machine fails, and not only Redis, the events of the "
            "last second may be lost; appendfsync always loses none",
            name,
            shown,
        )


def _refuse_unfit(info: dict[str, Any], name: str) -> None:
    version = str(info.get("redis_version", ""))
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < _OLDEST:
        raise RegistrationError(f"{name} is of version {version}; 6.2 or later is needed")
    if info.get("redis_mode") == "cluster":
        raise RegistrationError(
            f"{name} is part of a cluster, where a stream and what lies beside it need not be on "
            "one node; use one that is not, or Sentinel"
        )
    if info.get("role") == "slave":
        raise RegistrationError(
            f"{name} is a replica, which refuses to be written to; connect to its master, "
            f"{info.get('master_host')}:{info.get('master_port')}"
        )


def _losses(info: dict[str, Any], fsync: str | None) -> list[str]:
    losses = list[str]()
    if not info.get("aof_enabled"):
        losses.append(
            "it has appendonly no, so that all since its last snapshot, if it makes any, is gone "
            "when it ends; set appendonly yes"
        )
    elif fsync == "no":
        losses.append(
            "it has appendfsync no, so that half a minute is gone when its machine fails; set "
            "appendfsync always, or everysec"
        )
    policy = info.get("maxmemory_policy")
    if policy not in (None, "noeviction"):
        losses.append(
            f"it has maxmemory-policy {policy}, so that it deletes what it has when its memory is "
            "full; set maxmemory-policy noeviction"
        )
    return losses


async def _fsync(client: Any) -> str | None:
    """When it writes to the disk; None if it does not tell."""
    try:
        found = await client.config_get("appendfsync")
    except ResponseError:  # not allowed, or renamed, as by those who rent servers out
        return None
    value = found.get("appendfsync", found.get(b"appendfsync"))
    return value.decode() if isinstance(value, bytes) else value


async def _refuse_other_keys(server: Server, name: str) -> None:
    stream, due, failed, dead_letters = server.keys
    for key, kinds in {
        stream: "stream",
        dead_letters: "stream",
        due: "zset",
        failed: "hash",
    }.items():
        found = await server.client.type(key)
        kind = found.decode() if isinstance(found, bytes) else found
        if kind not in ("none", kinds):
            raise RegistrationError(
                f"the key {key!r} at {name} is a {kind}, and a {kinds} is needed; call it otherwise"
            )
