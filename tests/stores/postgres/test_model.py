"""Any order of calls, of time that passes and of connections that are cut, beside a model."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from eventrouter import Status, StoreError
from eventrouter.contexts import driven
from eventrouter.stores import Claim, Outgoing, PostgresStore
from eventrouter.stores.postgres.session import Session
from tests.postgres import backends, postgres_store, terminate
from tests.services import POSTGRES
from tests.stores.test_model import KEYS, SECONDS, Stores

T = TypeVar("T")


class Undone(Exception):
    """Raised in a transaction, so that nothing of it is done."""


class InDatabase(Stores):
    """A database, and connections to it that are cut now and then."""

    @initialize()
    def open(self) -> None:
        self.stack = ExitStack()
        self.use(self.stack.enter_context(postgres_store(clock=self.clock)))
        self.cut_before: int | None = None

    def use(self, store: PostgresStore) -> None:
        self.store = self.in_database = store

    @rule()
    def close(self) -> None:
        self.in_database.close()

    @rule()
    def go_on_in_another_process(self) -> None:
        """What the one before had is left as it is."""
        name = self.in_database.schema
        self.use(PostgresStore(POSTGRES, schema=name, connections=1, clock=self.clock))
        self.stack.callback(self.in_database.close)

    @rule()
    def cut_all_that_nobody_uses(self) -> None:
        """It is not noticed."""
        terminate(*backends(self.in_database))

    @rule(statements=st.integers(0, 3))
    def cut_the_next_call(self, statements: int) -> None:
        """After so many statements, if it has as many."""
        self.cut_before = statements

    @rule(key=KEYS, ttl=SECONDS, is_undone=st.booleans(), keys=st.lists(KEYS, max_size=3))
    def transact(self, key: str, ttl: int, is_undone: bool, keys: list[str]) -> None:
        expected = self.keys.refused(key, self.clock())
        given = [self.new_outgoing(key) for key in keys]

        def work(connection: Any) -> tuple[str, list[Outgoing]]:
            assert driven(self.in_database.claim(key, 60)).refused is Status.IN_PROGRESS
            if is_undone:
                raise Undone
            return "worked", given

        try:
            claim, value = self.done_in_thread(lambda: self.in_database.transact(key, ttl, work))
        except Undone:
            assert is_undone
            assert expected is None
            return
        assert claim.refused is expected
        assert value == (None if expected else "worked")
        if expected is None:
            self.keys.set(claim, True, self.clock() + ttl)
            self.send(given)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def claim_while_it_is_claimed_otherwise(self, data: st.DataObject) -> None:
        claim: Claim = data.draw(st.sampled_from(self.claims))
        if self.keys.holder(claim.key, self.clock()) is not None:
            refused, value = self.in_database.transact(claim.key, 60, lambda _: ("worked", ()))
            assert refused.refused is self.keys.refused(claim.key, self.clock())
            assert value is None

    def done(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self.done_in_thread(lambda: driven(call()))

    def done_in_thread(self, call: Callable[[], T]) -> T:
        """What is cut has done nothing, and may be asked for again."""
        if self.cut_before is None:
            return call()
        left, self.cut_before = self.cut_before, None
        execute = Session.execute

        def execute_or_cut(session: Session, statement: str, **values: Any) -> Any:
            nonlocal left
            left -= 1
            if left == -1:
                terminate(session.connection.info.backend_pid)
            return execute(session, statement, **values)

        setattr(Session, "execute", execute_or_cut)  # noqa: B010
        try:
            return call()
        except StoreError:
            return call()
        finally:
            setattr(Session, "execute", execute)  # noqa: B010

    def teardown(self) -> None:
        self.stack.close()


TestInDatabase = InDatabase.TestCase
TestInDatabase.settings = settings(max_examples=25, stateful_step_count=25)
