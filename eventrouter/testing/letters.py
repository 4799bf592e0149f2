"""What every ``DeadLetterStore`` must do, as tests."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from attrs import evolve
from typing_extensions import Unpack

from eventrouter.errors import RegistrationError
from eventrouter.result import Status
from eventrouter.stores.letters import DeadLetter, DeadLetterStore, HandlerOutcome, LetterFilter
from eventrouter.testing.clock import FakeClock
from eventrouter.testing.refusals import refused_with

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def letter_of(minute: int = 0, **parts: Any) -> DeadLetter:
    """A letter that arrived so many minutes after noon."""
    received = NOON + timedelta(minutes=minute)
    given: dict[str, Any] = {
        "raw": b"{}",
        "received": received,
        "status": Status.FAILED,
        "error": "builtins.OSError",
        "message": "no",
    }
    return DeadLetter(**(given | parts))


class DeadLetterStoreContract:
    """
    Tests for a store of dead letters: subclass it, say how to open it, and let pytest collect it.

    Its tests are async functions without fixtures, for the plugin of your choice.
    """

    def open_store(self, clock: FakeClock) -> AbstractAsyncContextManager[DeadLetterStore]:
        """
        Open an empty store that goes by that clock, and close it again.

        Args:
            clock: Gives the seconds since 1970.
        """
        raise NotImplementedError

    async def test_a_letter_is_found_as_it_was_added(self) -> None:
        letter = DeadLetter(
            raw=b'\x00\xff{"event_type": "order.paid"}',
            headers={"X-Id": "1", "x-name": "Zoë \ud800\0"},
            received=NOON + timedelta(microseconds=123_457),
            status=Status.FAILED,
            error="builtins.ConnectionError",
            message="the database is away \ud800\0",
            traceback='  File "shop.py", line 3\n',
            type="order.paid",
            version="v2",
            event_id="evt_\ud8001",
            attempts=5,
            handlers=(
                HandlerOutcome("shop.book", 5, "builtins.ConnectionError"),
                HandlerOutcome("shop.audit", 1),
            ),
        )
        async with self.open_store(FakeClock()) as store:
            id = await store.add_letter(letter)

            assert await store.get_letter(id) == evolve(letter, id=id)

    async def test_a_letter_of_what_was_no_event_is_found_as_it_was_added(self) -> None:
        letter = letter_of(raw=b"", status=Status.MALFORMED)
        async with self.open_store(FakeClock()) as store:
            id = await store.add_letter(letter)

            assert await store.get_letter(id) == evolve(letter, id=id)

    async def test_a_letter_keeps_a_megabyte_of_any_bytes(self) -> None:
        raw = bytes(range(256)) * 4_096
        async with self.open_store(FakeClock()) as store:
            found = await store.get_letter(await store.add_letter(letter_of(raw=raw)))

            assert found is not None
            assert found.raw == raw

    async def test_a_time_with_another_offset_is_the_same_time(self) -> None:
        received = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
        async with self.open_store(FakeClock()) as store:
            found = await store.get_letter(await store.add_letter(letter_of(received=received)))

            assert found is not None
            assert found.received == NOON

    async def test_what_is_not_there_is_not_found(self) -> None:
        async with self.open_store(FakeClock()) as store:
            id = await store.add_letter(letter_of())

            for other in ("", "0", "x", f"{id}0", f"0{id}", f" {id}", f"-{id}", "9" * 30, "²"):
                assert await store.get_letter(other) is None
                assert await store.remove_letters([other]) == 0

    async def test_an_id_is_not_given_twice(self) -> None:
        async with self.open_store(FakeClock()) as store:
            first = await store.add_letter(letter_of())
            await store.remove_letters([first])

            assert await store.add_letter(letter_of()) != first

    async def test_the_last_that_was_added_comes_first(self) -> None:
        async with self.open_store(FakeClock()) as store:
            ids = [await store.add_letter(letter_of(minute)) for minute in (3, 1, 2)]

            found = await store.find_letters()

            assert [letter.id for letter in found.letters] == ids[::-1]
            assert found.cursor is None

    async def test_it_comes_last_if_the_oldest_are_to_come_first(self) -> None:
        async with self.open_store(FakeClock()) as store:
            ids = [await store.add_letter(letter_of(minute)) for minute in (3, 1, 2)]

            found = await store.find_letters(oldest_first=True)

            assert [letter.id for letter in found.letters] == ids

    async def test_pages_have_every_letter_once(self) -> None:
        async with self.open_store(FakeClock()) as store:
            ids = [await store.add_letter(letter_of(minute)) for minute in range(7)]

            for limit in (1, 2, 7, 8):
                for oldest_first in (False, True):
                    found = await _paged(store, limit, oldest_first=oldest_first)
                    assert found == (ids if oldest_first else ids[::-1])

    async def test_a_letter_added_between_two_pages_repeats_none(self) -> None:
        async with self.open_store(FakeClock()) as store:
            first, second, third = [await store.add_letter(letter_of()) for _ in range(3)]
            page = await store.find_letters(limit=2)
            await store.add_letter(letter_of())
            await store.remove_letters([second])

            rest = await store.find_letters(limit=2, cursor=page.cursor)

            assert [letter.id for letter in page.letters] == [third, second]
            assert [letter.id for letter in rest.letters] == [first]

    async def test_letters_are_found_by_what_they_are(self) -> None:
        async with self.open_store(FakeClock()) as store:
            paid = await store.add_letter(letter_of(0, type="order.paid", version="v1"))
            newer = await store.add_letter(letter_of(1, type="order.paid", version="v2"))
            other = await store.add_letter(letter_of(2, type="order.sent", error="shop.Lost"))
            broken = await store.add_letter(letter_of(3, status=Status.MALFORMED))
            minute = timedelta(minutes=1)

            async def found(**which: Unpack[LetterFilter]) -> set[str]:
                page = await store.find_letters(**which)
                assert await store.count_letters(**which) == len(page.letters)
                return {letter.id for letter in page.letters}

            assert await found() == {paid, newer, other, broken}
            assert await found(type="order.paid") == {paid, newer}
            assert await found(type="order.paid", version="v2") == {newer}
            assert await found(type="Order.paid") == set()
            assert await found(type=None) == {broken}
            assert await found(version=None) == {other, broken}
            assert await found(status=Status.MALFORMED) == {broken}
            assert await found(error="shop.Lost") == {other}
            assert await found(error="shop.Lost", type="order.paid") == set()
            assert await found(after=NOON + minute) == {newer, other, broken}
            assert await found(before=NOON + minute) == {paid}
            assert await found(after=NOON + minute, before=NOON + 2 * minute) == {newer}

    async def test_pages_of_some_letters_have_each_of_them_once(self) -> None:
        async with self.open_store(FakeClock()) as store:
            for minute in range(12):
                await store.add_letter(letter_of(minute, type=f"type.{minute % 3}"))

            found = await _paged(store, 3, type="type.1")

            assert len(found) == len(set(found)) == 4

    async def test_removed_letters_are_gone_and_counted_once(self) -> None:
        async with self.open_store(FakeClock()) as store:
            ids = [await store.add_letter(letter_of(minute)) for minute in range(3)]

            assert await store.remove_letters([ids[0], ids[2], ids[0], "none"]) == 2
            assert await store.remove_letters([ids[0]]) == 0
            assert await store.remove_letters([]) == 0

            assert await _paged(store, 10) == [ids[1]]

    async def test_thousands_can_be_removed_at_once(self) -> None:
        async with self.open_store(FakeClock()) as store:
            id = await store.add_letter(letter_of())

            removed = await store.remove_letters([*(f"9{n:06}" for n in range(40_000)), id])

            assert removed == 1

    async def test_purging_deletes_what_arrived_first_and_no_more_than_it_was_told(self) -> None:
        async with self.open_store(FakeClock()) as store:
            ids = {minute: await store.add_letter(letter_of(minute)) for minute in (3, 1, 2, 4)}
            before = NOON + timedelta(minutes=4)

            assert await store.purge_letters(before, limit=2) == 2
            assert await _paged(store, 10, oldest_first=True) == [ids[3], ids[4]]
            assert await store.purge_letters(before, limit=2) == 1
            assert await store.purge_letters(before, limit=2) == 0

    async def test_what_can_not_be_asked_for_is_refused(self) -> None:
        naive = NOON.replace(tzinfo=None)
        unknown: Any = {"colour": "red"}
        async with self.open_store(FakeClock()) as store:
            for call in (
                lambda: store.find_letters(limit=0),
                lambda: store.find_letters(cursor="x"),
                lambda: store.find_letters(after=naive),
                lambda: store.find_letters(**unknown),
                lambda: store.count_letters(**unknown),
                lambda: store.count_letters(before=naive),
                lambda: store.purge_letters(naive),
                lambda: store.purge_letters(NOON, limit=0),
            ):
                with refused_with(RegistrationError):
                    await call()


async def _paged(
    store: DeadLetterStore,
    limit: int,
    *,
    oldest_first: bool = False,
    **which: Unpack[LetterFilter],
) -> list[str]:
    """The ids on all pages."""
    ids = list[str]()
    cursor: str | None = None
    while True:
        page = await store.find_letters(
            limit=limit, cursor=cursor, oldest_first=oldest_first, **which
        )
        assert len(page.letters) <= limit
        ids += [letter.id for letter in page.letters]
        cursor = page.cursor
        if cursor is None:
            return ids
