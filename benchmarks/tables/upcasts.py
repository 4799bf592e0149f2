"""What upcasters cost: an event that goes through four, and one that needs none."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from attrs import frozen

from benchmarks.contenders.contender import Handler, Seen, counting
from benchmarks.contenders.eventrouter import without_msgspec
from benchmarks.events import SAMPLES, SOURCE, TIMESTAMP
from benchmarks.rounds import Run, measure, repeated
from benchmarks.tables.effort import Effort
from eventrouter import Router

EVENT_TYPE = SAMPLES[0].event_type
KINDS = ("msgspec", "standard library")

ALONE = "v5, no upcasters"
EXACT = "v5"
BY_HAND = "v1, then four calls"
UPCAST = "v1 to v5, upcast"


@frozen
class UserCreatedV1:
    user_id: str
    username: str
    age: int


@frozen
class UserCreatedV2:
    user_id: str
    username: str
    age: int
    email: str | None


@frozen
class UserCreatedV3:
    user_id: str
    username: str
    age: int
    emails: tuple[str, ...]


@frozen
class UserCreatedV4:
    user_id: str
    name: str
    age: int
    emails: tuple[str, ...]


@frozen
class UserCreatedV5:
    user_id: str
    name: str
    is_adult: bool
    emails: tuple[str, ...]


def add_email(old: UserCreatedV1) -> UserCreatedV2:
    return UserCreatedV2(old.user_id, old.username, old.age, None)


def allow_several(old: UserCreatedV2) -> UserCreatedV3:
    emails = () if old.email is None else (old.email,)
    return UserCreatedV3(old.user_id, old.username, old.age, emails)


def rename(old: UserCreatedV3) -> UserCreatedV4:
    return UserCreatedV4(old.user_id, old.username, old.age, old.emails)


def drop_age(old: UserCreatedV4) -> UserCreatedV5:
    return UserCreatedV5(old.user_id, old.name, old.age >= 18, old.emails)


def raw_event(version: str, payload: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "event_type": EVENT_TYPE,
            "timestamp": TIMESTAMP,
            "payload": payload,
            "metadata": {"source": SOURCE, "version": version},
        }
    ).encode()


OLD = raw_event("v1", {"user_id": "12345", "username": "johndoe", "age": 42})
NEW = raw_event("v5", {"user_id": "12345", "name": "johndoe", "is_adult": True, "emails": []})
EXPECTED = UserCreatedV5("12345", "johndoe", True, ())


def results(effort: Effort) -> dict[str, Any]:
    """The median seconds of a dispatch, by how JSON is read and what becomes of the event."""
    return asyncio.run(_measured(effort))


async def _measured(effort: Effort) -> dict[str, Any]:
    runs = {f"{kind}: {name}": run for kind in KINDS for name, run in (await _runs(kind)).items()}
    seconds = await measure(runs, rounds=effort.rounds, turn=effort.turn)
    return {kind: {name: seconds[f"{kind}: {name}"] for name in ROWS} for kind in KINDS}


async def _runs(kind: str) -> dict[str, Run]:
    seen = Seen()
    alone = router_of("v5", counting(UserCreatedV5, seen), kind)
    old = router_of("v1", counting(UserCreatedV1, Seen()), kind)
    exact, upcasting = (
        router_of("v5", counting(UserCreatedV5, seen), kind, with_upcasters=True) for _ in range(2)
    )
    # Each has seen both kinds of event when it is measured with one of them.
    for router, raw in (
        (exact, OLD),
        (exact, NEW),
        (upcasting, NEW),
        (upcasting, OLD),
        (alone, NEW),
    ):
        await router.dispatch(raw)
        if seen.last != EXPECTED:
            raise AssertionError(f"the payload is {seen.last}, not {EXPECTED}")
    return {
        ALONE: repeated(alone.dispatch, NEW),
        EXACT: repeated(exact.dispatch, NEW),
        BY_HAND: by_hand(old),
        UPCAST: repeated(upcasting.dispatch, OLD),
    }


def router_of(version: str, handler: Handler, kind: str, *, with_upcasters: bool = False) -> Router:
    """A router with one handler, and the four upcasters to its version."""
    router = Router() if kind == "msgspec" else without_msgspec(Router())
    router.add_route(EVENT_TYPE, handler, version=version)
    if with_upcasters:
        router.upcast(EVENT_TYPE, "v1", "v2")(add_email)
        router.upcast(EVENT_TYPE, "v2", "v3")(allow_several)
        router.upcast(EVENT_TYPE, "v3", "v4")(rename)
        router.upcast(EVENT_TYPE, "v4", "v5")(drop_age)
    router.compile()
    return router


def by_hand(router: Router) -> Run:
    """What dispatches an event to the handler of its own version, and calls the four besides."""
    payload = UserCreatedV1("12345", "johndoe", 42)

    async def run(calls: int) -> None:
        for _ in range(calls):
            await router.dispatch(OLD)
            drop_age(rename(allow_several(add_email(payload))))

    return run


ROWS = (ALONE, EXACT, BY_HAND, UPCAST)
#: Which row is compared with which.
REFERENCES = {EXACT: ALONE, UPCAST: BY_HAND}


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = [f"{'upcasting':44}{'median':>12}   times", ""]
    for kind, seconds in table.items():
        for name, taken in seconds.items():
            reference = REFERENCES.get(name)
            ratio = f"   {taken / seconds[reference]:.2f} x {reference}" if reference else ""
            shown.append(f"{f'{kind}: {name}':44}{taken * 1e6:9.2f} µs{ratio}")
    return shown
