"""Any order of calls, of time that passes and of connections that break, beside a model."""

from __future__ import annotations

from contextlib import ExitStack, closing
from urllib.parse import urlsplit
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from eventrouter.stores import RedisStore
from tests.services import REDIS
from tests.stores.redis.aging import Aging
from tests.stores.redis.cuts import Cut, way_to
from tests.stores.redis.servers import emptied, require_redis
from tests.stores.test_model import KeyStores


class OnServer(KeyStores):
    """A server, and connections to it that break now and then, in the middle too."""

    @initialize()
    def open(self) -> None:
        self.stack = ExitStack()
        self.prefix = f"test-{uuid4().hex}:"
        self.client = self.stack.enter_context(emptied(self.prefix))
        where = urlsplit(REDIS)
        self.way = self.stack.enter_context(
            way_to(where.hostname or "127.0.0.1", where.port or 6379)
        )
        self.open_again()

    def open_again(self) -> None:
        self.name = f"test-{uuid4().hex}"
        url = f"redis://127.0.0.1:{self.way.port}?client_name={self.name}"
        store = self.stack.enter_context(closing(RedisStore(url, prefix=self.prefix)))
        # What the examples take themselves is not to count beside what they say that passes.
        self.store = Aging(store, self.clock, self.client, scale=100)

    @rule()
    def go_on_in_another_process(self) -> None:
        """What the one before had is left as it is."""
        self.store.grow_older()
        self.open_again()

    @rule(where=st.sampled_from(["before", "after"]))
    def cut_the_next_call(self, where: Cut) -> None:
        self.way.cut = where

    @rule()
    def kill_the_connections(self) -> None:
        for one in self.client.client_list():
            if one["name"] == self.name:
                self.client.client_kill_filter(_id=one["id"])

    def teardown(self) -> None:
        self.stack.close()


def test_any_order_of_calls_and_of_broken_connections() -> None:
    require_redis()

    run_state_machine_as_test(OnServer, settings=settings(max_examples=40, stateful_step_count=30))
