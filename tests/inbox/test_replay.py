"""Trying dead letters again."""

from __future__ import annotations

from typing import Any

import pytest

from eventrouter import Event, Inbox, RegistrationError, Replay, Router, Status
from eventrouter.stores import InboxStore
from tests.events import PAID, Paid, raw_event
from tests.inbox.conftest import only_letter, process_all

pytestmark = pytest.mark.anyio


class Shop:
    """Two handlers, of which one fails until the bank is back."""

    def __init__(self, router: Router) -> None:
        self.is_bank_back = False
        self.ran: list[str] = []
        router.add_route("order.paid", self.audit)
        router.add_route("order.paid", self.settle)
        router.add_route("order.*", self.take_any)
        router.on_any(self.observe)

    async def audit(self, paid: Paid) -> None:
        self.ran.append("audit")

    async def settle(self, paid: Paid) -> None:
        self.ran.append("settle")
        if not self.is_bank_back:
            raise ConnectionError("the bank is away")

    async def take_any(self, payload: Any) -> None:
        self.ran.append("take_any")

    async def observe(self, event: Event[Any]) -> None:
        self.ran.append("observe")


@pytest.fixture
def shop(router: Router) -> Shop:
    return Shop(router)


async def set_aside(store: InboxStore, router: Router, raw: bytes) -> None:
    inbox = Inbox(store, attempts=1)
    await inbox.accept(raw)
    await process_all(inbox, router)


async def test_only_the_handlers_that_failed_run_again(
    store: InboxStore, router: Router, shop: Shop
) -> None:
    await set_aside(store, router, raw_event())
    shop.ran.clear()
    shop.is_bank_back = True

    result = await Replay(router, store).run(await only_letter(store))

    assert (result.status, shop.ran) == (Status.HANDLED, ["settle"])
    assert await store.count_letters() == 0


async def test_all_handlers_run_again_if_asked_for(
    store: InboxStore, router: Router, shop: Shop
) -> None:
    await set_aside(store, router, raw_event())
    shop.ran.clear()
    shop.is_bank_back = True

    await Replay(router, store, all_handlers=True).run(await only_letter(store))

    assert shop.ran == ["audit", "settle", "observe"]


async def test_what_fails_again_stays(store: InboxStore, router: Router, shop: Shop) -> None:
    await set_aside(store, router, raw_event())

    replay = Replay(router, store)
    results = [await replay.run(await only_letter(store)) for _ in range(2)]

    assert [result.status for result in results] == [Status.FAILED] * 2
    assert await store.count_letters() == 1


async def test_what_would_run_is_told_and_does_not(
    store: InboxStore, router: Router, shop: Shop
) -> None:
    await set_aside(store, router, raw_event())
    shop.ran.clear()

    explanation = Replay(router, store).explain(await only_letter(store))

    running = [verdict.route.handler for verdict in explanation.verdicts if verdict.runs]
    assert (running, shop.ran) == ([shop.settle], [])
    assert await store.count_letters() == 1


async def test_a_mended_event_is_processed_in_place_of_what_arrived(
    store: InboxStore, router: Router, shop: Shop
) -> None:
    await set_aside(store, router, raw_event(payload={"order": 7}))
    shop.is_bank_back = True
    shop.ran.clear()

    result = await Replay(router, store).run(await only_letter(store), raw=raw_event())

    assert (result.status, shop.ran) == (Status.HANDLED, ["audit", "settle"])  # "observe" had run
    assert await store.count_letters() == 0


async def test_upcasters_are_applied_anew(store: InboxStore, router: Router) -> None:
    seen: list[Paid] = []
    await set_aside(store, router, raw_event(payload={"order": "o-1"}, version="v1"))

    @router.upcast("order.paid", "v1", "v2")
    def add_cents(old: dict[str, Any]) -> dict[str, Any]:
        return {**old, "cents": 995}

    @router.on("order.paid", version="v2")
    async def settle(paid: Paid) -> None:
        seen.append(paid)

    result = await Replay(router, store).run(await only_letter(store))

    assert (result.status, seen) == (Status.HANDLED, [PAID])


async def test_a_handler_that_is_not_there_any_more_is_no_success(
    store: InboxStore, router: Router, shop: Shop
) -> None:
    await set_aside(store, router, raw_event())

    other = Router()
    other.on("order.paid")(shop.take_any)

    with pytest.raises(RegistrationError, match=r'no handler ".*Shop\.settle" takes the event now'):
        await Replay(other, store).run(await only_letter(store))

    assert await store.count_letters() == 1
