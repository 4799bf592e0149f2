"""Any sequence of deliveries, failures, kills and lost leases, beside a model."""

from __future__ import annotations

from typing import Any

from attrs import define
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from eventrouter import ClaimLost, Idempotency, MemoryStore, Router, Status
from eventrouter.contexts import driven
from eventrouter.stores import make_key
from eventrouter.testing import FakeClock
from tests.events import raw_event

LEASE, TTL = 10, 100
IDS = st.sampled_from(["e-1", "e-2"])
NAMES: tuple[str, ...] = ("charge", "send")
#: What a handler does: succeeds, fails, or takes so long that another delivery begins meanwhile.
DEEDS = st.sampled_from(["succeed", "fail", "lose"])


@define
class Known:
    """What the model knows of a handler and an event: until when it is done, or being done."""

    completed: float = 0
    held: float = 0


class Deliveries(RuleBasedStateMachine):
    """A router of two handlers, and what should become of each delivery."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.store = MemoryStore(clock=self.clock)
        self.router = Router(
            idempotency=Idempotency(self.store, lease=LEASE, ttl=TTL), dead_letters=self.store
        )
        self.id = ""
        self.deeds = dict.fromkeys(NAMES, "succeed")
        self.known: dict[tuple[str, str], Known] = {}
        self.letters = 0
        for name in NAMES:
            self._add(name)

    def _add(self, name: str) -> None:
        def handle(payload: Any) -> None:
            if self.deeds[name] == "fail":
                raise OSError(name)
            if self.deeds[name] == "lose":
                self.clock.advance(LEASE + 1)
                driven(self.store.claim(self._key(self.id, name), LEASE))

        handle.__qualname__ = name
        self.router.on("order.paid")(handle)

    def _key(self, id: str, name: str) -> str:
        return make_key(None, id, f"{__name__}.{name}")

    def _expected(
        self, id: str, name: str, now: float
    ) -> tuple[type[Exception] | Status | None, float]:
        """What becomes of a handler, and when."""
        known = self.known.setdefault((id, name), Known())
        if now < known.completed:
            return Status.DUPLICATE, now
        if now < known.held:
            return Status.IN_PROGRESS, now
        if self.deeds[name] == "fail":
            return OSError, now
        if self.deeds[name] == "lose":
            now += LEASE + 1
            known.held = now + LEASE
            return ClaimLost, now
        known.completed = now + TTL
        return None, now

    @rule(seconds=st.sampled_from([1, 9, 60, 200]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(id=IDS, name=st.sampled_from(NAMES))
    def another_process_is_killed(self, id: str, name: str) -> None:
        known = self.known.setdefault((id, name), Known())
        claim = driven(self.store.claim(self._key(id, name), LEASE))
        assert (claim.refused is None) is (self.clock() >= max(known.completed, known.held))
        if claim.refused is None:
            known.held = self.clock() + LEASE

    @rule(id=IDS, first=DEEDS, second=DEEDS)
    def deliver(self, id: str, first: str, second: str) -> None:
        self.id, self.deeds = id, dict(zip(NAMES, (first, second), strict=True))
        now, expected = self.clock(), list[Any]()
        for name in NAMES:
            became, now = self._expected(id, name, now)
            expected.append(became)

        result = self.router.process_sync(raw_event(id=id))

        errors = {became for became in expected if isinstance(became, type)}
        is_set_aside = errors == {OSError} and Status.IN_PROGRESS not in expected
        self.letters += is_set_aside
        assert expected == [
            type(handler.error) if handler.error is not None else handler.skipped
            for handler in result.handlers
        ]
        assert result.status is _status(expected)
        assert (result.dead_letter is not None) is is_set_aside
        assert result.retryable is (not is_set_aside and not result.ok)
        assert driven(self.store.count_letters()) == self.letters


def _status(expected: list[Any]) -> Status:
    if any(isinstance(became, type) for became in expected):
        return Status.FAILED
    if Status.IN_PROGRESS in expected:
        return Status.IN_PROGRESS
    return Status.DUPLICATE if expected == [Status.DUPLICATE] * 2 else Status.HANDLED


TestDeliveries = Deliveries.TestCase
