"""Any order of calls, of time that passes and of crashes, beside a model."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eventrouter import Event, MemoryStore, SqliteStore, StoreError
from eventrouter.contexts import driven
from eventrouter.stores import Claim, DeadLetter, Entry, Outgoing, PostgresStore
from eventrouter.testing import FakeClock
from eventrouter.testing.letters import NOON, letter_of
from tests.stores import model

T = TypeVar("T")

SECONDS = st.integers(1, 6)
KEYS = st.sampled_from("abc")
ENTRY_KEYS = st.sampled_from(["a", "b", None])
TYPES = st.sampled_from(["order.paid", "order.sent", None])
MINUTES = st.integers(0, 5)


class KeyStores(RuleBasedStateMachine):
    """A store of keys and the model, told the same."""

    store: Any  # of the subclass

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.keys = model.Keys()
        self.claims: list[Claim] = []

    def done(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return driven(call())

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(key=KEYS, lease=SECONDS)
    def claim(self, key: str, lease: int) -> None:
        claim = self.done(lambda: self.store.claim(key, lease))
        assert claim.refused is self.keys.refused(key, self.clock())
        self.claims.append(claim)
        if claim.refused is None:
            self.keys.set(claim, False, self.clock() + lease)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), lease=SECONDS)
    def renew(self, data: st.DataObject, lease: int) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        expected = self.keys.is_held_by(claim, self.clock())
        assert self.done(lambda: self.store.renew(claim, lease)) is expected
        if expected:
            self.keys.set(claim, False, self.clock() + lease)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), ttl=SECONDS, keys=st.lists(KEYS, max_size=3))
    def complete(self, data: st.DataObject, ttl: int, keys: list[str]) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        expected = self.keys.can_complete(claim, self.clock())
        was_completed = self.keys.is_completed_by(claim, self.clock())
        given = [each for each in map(self.new_outgoing, keys) if each is not None]
        complete = partial(self.store.complete, claim, ttl, *([given] if given else []))
        assert self.done(complete) is expected
        if expected:
            self.keys.set(claim, True, self.clock() + ttl)
        if expected and not was_completed:
            self.send(given)

    def new_outgoing(self, key: str) -> Outgoing | None:
        """An event to be published, if the store has an outbox."""
        return None

    def send(self, given: list[Outgoing]) -> None:
        """Have the model put them into its outbox."""

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        expected = self.keys.is_held_by(claim, self.clock())
        assert self.done(lambda: self.store.release(claim)) is expected
        if expected:
            del self.keys.holders[claim.key]

    @rule(limit=st.integers(1, 3))
    def purge_keys(self, limit: int) -> None:
        assert self.done(lambda: self.store.purge_keys(limit)) <= limit


class Stores(KeyStores):
    """A store of everything and the model, told the same."""

    store: MemoryStore | SqliteStore | PostgresStore

    def __init__(self) -> None:
        super().__init__()
        self.entries = model.Entries()
        self.letters = model.Letters()
        self.taken: list[Entry] = []
        self.outgoing = model.Outgoing()
        self.taken_outgoing: list[Outgoing] = []
        self.given = 0

    def send(self, given: list[Outgoing]) -> None:
        self.outgoing.sending += [
            model.Sending(each.event.type, each.key, self.clock()) for each in given
        ]

    def new_outgoing(self, key: str) -> Outgoing:
        self.given += 1
        return Outgoing(Event(str(self.given), None), b"{}", {}, key)

    # Events to be published

    @rule(limit=st.integers(1, 4), lease=SECONDS)
    def take_outgoing(self, limit: int, lease: int) -> None:
        taken = self.done(lambda: self.store.take_outgoing(limit=limit, lease=lease))
        expected = self.outgoing.taken(limit, self.clock())
        assert [(each.event.type, each.key, each.failed) for each in taken] == [
            (sending.type, sending.key, sending.failed) for sending in expected
        ]
        for each, sending in zip(taken, expected, strict=True):
            assert sending.id in ("", each.id)
            sending.id, sending.token, sending.due = each.id, each.token, self.clock() + lease
        self.taken_outgoing += taken

    @precondition(lambda self: self.taken_outgoing)
    @rule(data=st.data())
    def sent(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from([each.id for each in self.taken_outgoing])))
        there = [sending for sending in self.outgoing.sending if sending.id in ids]
        assert self.done(lambda: self.store.sent(ids)) == len(there)
        self.outgoing.sending = [one for one in self.outgoing.sending if one not in there]

    @precondition(lambda self: self.taken_outgoing)
    @rule(data=st.data(), delay=st.integers(0, 3), charge=st.booleans())
    def give_back_outgoing(self, data: st.DataObject, delay: int, charge: bool) -> None:
        given_back = data.draw(st.lists(st.sampled_from(self.taken_outgoing), unique_by=id))
        had = {(each.id, each.token) for each in given_back}
        still = [s for s in self.outgoing.sending if s.token and (s.id, s.token) in had]
        give_back = partial(self.store.give_back_outgoing, given_back, delay, charge=charge)
        assert self.done(give_back) == len(still)
        for sending in still:
            sending.due, sending.token = self.clock() + delay, ""
            sending.failed += charge

    # Entries of an inbox

    @rule(key=ENTRY_KEYS)
    def put(self, key: str | None) -> None:
        id = self.done(lambda: self.store.put(b"{}", {}, NOON, key=key))
        assert id not in self.entries.waiting
        self.entries.waiting[id] = model.Waiting(id, key, self.clock())

    @rule(limit=st.integers(1, 3), lease=SECONDS)
    def take(self, limit: int, lease: int) -> None:
        taken = self.done(lambda: self.store.take("w", limit=limit, lease=lease))
        due = self.entries.due(self.clock())[:limit]
        assert [(e.id, e.key, e.attempts) for e in taken] == [
            (e.id, e.key, e.attempts + 1) for e in due
        ]
        for entry, waiting in zip(taken, due, strict=True):
            waiting.taken, waiting.due = entry, self.clock() + lease
            waiting.attempts += 1
        self.taken += taken

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), lease=SECONDS)
    def keep(self, data: st.DataObject, lease: int) -> None:
        entry = data.draw(st.sampled_from(self.taken))
        expected = self.entries.has(entry)
        assert self.done(lambda: self.store.keep(entry, lease)) is expected
        if expected:
            self.entries.waiting[entry.id].due = self.clock() + lease

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), delay=st.integers(0, 3), charge=st.booleans())
    def give_back(self, data: st.DataObject, delay: int, charge: bool) -> None:
        entry = data.draw(st.sampled_from(self.taken))
        expected = self.entries.has(entry)
        assert self.done(lambda: self.store.give_back(entry, delay, charge=charge)) is expected
        if expected:
            waiting = self.entries.waiting[entry.id]
            waiting.taken, waiting.due = None, self.clock() + delay
            waiting.attempts -= not charge

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.taken))
        expected = self.entries.has(entry)
        assert self.done(lambda: self.store.done(entry)) is expected
        if expected:
            self.entries.remove(entry, self.clock())

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), type=TYPES)
    def set_aside(self, data: st.DataObject, type: str | None) -> None:
        entry, letter = data.draw(st.sampled_from(self.taken)), letter_of(type=type)
        expected = self.entries.has(entry)
        id = self.done(lambda: self.store.set_aside(entry, letter))
        assert (id is not None) is expected
        if id is not None:
            self.entries.remove(entry, self.clock())
            self.letters.add(letter, id)

    # Dead letters

    @rule(minute=MINUTES, type=TYPES)
    def add_letter(self, minute: int, type: str | None) -> None:
        letter = letter_of(minute, type=type)
        self.letters.add(letter, self.done(lambda: self.store.add_letter(letter)))

    @precondition(lambda self: self.letters.letters)
    @rule(data=st.data())
    def remove_letters(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from([*self.letters.letters, "none"])))
        there = set(ids) - {"none"}
        assert self.done(lambda: self.store.remove_letters(ids)) == len(there)
        for id in there:
            del self.letters.letters[id]

    @rule(minute=MINUTES, limit=st.integers(1, 3))
    def purge_letters(self, minute: int, limit: int) -> None:
        before = letter_of(minute).received
        early = [one for one in self.letters.letters.values() if one.received < before]
        early.sort(key=lambda one: one.received)
        assert self.done(lambda: self.store.purge_letters(before, limit)) == len(early[:limit])
        for letter in early[:limit]:
            del self.letters.letters[letter.id]

    @rule(type=TYPES, limit=st.integers(1, 3), oldest_first=st.booleans())
    def find_some_letters(self, type: str | None, limit: int, oldest_first: bool) -> None:
        found = self.paged(limit, oldest_first, type)
        expected = [one for one in self.letters.letters.values() if one.type == type]
        assert found == (expected if oldest_first else expected[::-1])

    def paged(self, limit: int, oldest_first: bool, type: str | None) -> list[DeadLetter]:
        found, cursor = list[DeadLetter](), None
        while True:
            find = partial(self.store.find_letters, limit=limit, oldest_first=oldest_first)
            page = self.done(partial(find, cursor=cursor, type=type))
            found += page.letters
            cursor = page.cursor
            if cursor is None:
                return found

    @invariant()
    def all_letters_are_there(self) -> None:
        found = driven(self.store.find_letters(oldest_first=True))
        assert found.letters == tuple(self.letters.letters.values())
        assert driven(self.store.count_letters()) == len(found.letters)

    @invariant()
    def all_entries_are_there(self) -> None:
        assert driven(self.store.count_entries()) == self.entries.counts(self.clock())

    @invariant()
    def all_outgoing_are_there(self) -> None:
        assert driven(self.store.count_outgoing()) == self.outgoing.counts(self.clock())


class InMemory(Stores):
    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore(clock=self.clock)


class InFile(Stores):
    """A file, and a connection to it that breaks now and then."""

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "events.db"
        self.open_again()
        self.breaks_after: int | None = None
        self.left_behind: list[SqliteStore] = []

    def open_again(self) -> None:
        self.store = SqliteStore(self.path, clock=self.clock)

    @rule()
    def close(self) -> None:
        assert isinstance(self.store, SqliteStore)
        self.store.close()

    @rule()
    def go_on_in_another_process(self) -> None:
        """What the one before had is left as it is."""
        assert isinstance(self.store, SqliteStore)
        self.left_behind.append(self.store)
        self.open_again()

    @rule(steps=st.integers(0, 150))
    def break_the_next_call(self, steps: int) -> None:
        """After so many steps of SQLite, wherever it is then."""
        self.breaks_after = steps

    def done(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What is broken has done nothing, and may be asked for again."""
        assert isinstance(self.store, SqliteStore)
        if self.breaks_after is None:
            return driven(call())
        left, self.breaks_after = self.breaks_after, None
        connection = self.store._database._opened()

        has_begun = False

        def is_over() -> bool:
            nonlocal left, has_begun
            left -= 1
            has_begun = has_begun or connection.in_transaction
            # A COMMIT that has done its work would say that it was interrupted.
            return left < 0 and connection.in_transaction is has_begun

        connection.set_progress_handler(is_over, 1)
        try:
            return driven(call())
        except StoreError:
            return driven(call())
        finally:
            if self.store._database._connection is connection:  # it was not broken
                connection.set_progress_handler(None, 1)

    def teardown(self) -> None:
        assert isinstance(self.store, SqliteStore)
        for store in [self.store, *self.left_behind]:
            store.close()
        self.folder.cleanup()


TestInMemory = InMemory.TestCase
TestInFile = InFile.TestCase
TestInMemory.settings = settings(max_examples=60, stateful_step_count=40)
TestInFile.settings = settings(max_examples=40, stateful_step_count=30)
