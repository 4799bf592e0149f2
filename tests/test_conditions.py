"""``where=``, alone and on a router."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from eventrouter import Event, RegistrationError, Router, Status
from eventrouter.conditions import Where, read_condition
from tests.routed import an_event, noting


def holds(where: Where, payload: Any, **metadata: str) -> bool:
    return read_condition(where).holds(Event.new("order.paid", payload, metadata=metadata))


def test_a_path_leads_into_the_payload() -> None:
    assert holds({"order.state": "paid"}, {"order": {"state": "paid"}})
    assert not holds({"order.state": "paid"}, {"order": {"state": "sent"}})


def test_all_values_must_be_met() -> None:
    where = {"a": 1, "b": 2}
    assert holds(where, {"a": 1, "b": 2})
    assert not holds(where, {"a": 1, "b": 3})


def test_a_number_in_a_path_is_an_index_into_a_list() -> None:
    assert holds({"lines.1.price": 5}, {"lines": [{"price": 4}, {"price": 5}]})
    assert not holds({"lines.1.price": 5}, {"lines": [{"price": 5}]})


def test_a_number_in_a_path_is_a_name_in_an_object() -> None:
    assert holds({"lines.1": 5}, {"lines": {"1": 5}})


@pytest.mark.parametrize("index", ["-1", "²", "99999999999999999999", "1_0", "x"])
def test_a_path_to_what_no_list_has_is_not_met(index: str) -> None:
    assert not holds({f"lines.{index}": 5}, {"lines": [5, 5]})


def test_metadata_in_front_leads_into_the_metadata() -> None:
    assert holds({"metadata.tenant": "acme"}, {}, tenant="acme")
    assert not holds({"metadata.tenant": "acme"}, {"metadata": {"tenant": "acme"}})


def test_a_metadata_name_may_hold_dots() -> None:
    assert holds({"metadata.x.tenant": "acme"}, {}, **{"x.tenant": "acme"})


def test_payload_in_front_leads_to_a_member_called_metadata() -> None:
    where = {"payload.metadata.tenant": "acme"}
    assert holds(where, {"metadata": {"tenant": "acme"}})
    assert not holds(where, {}, tenant="acme")


def test_payload_in_front_of_any_other_path_changes_nothing() -> None:
    assert holds({"payload.state": "paid"}, {"state": "paid"})


def test_metadata_and_payload_alone_are_members_of_the_payload() -> None:
    assert holds({"metadata": 1}, {"metadata": 1})
    assert holds({"payload": 1}, {"payload": 1})


@pytest.mark.parametrize("values", [{"opened", "closed"}, frozenset({"opened", 1})])
def test_a_set_means_any_of_its_values(values: Any) -> None:
    assert holds({"action": values}, {"action": "opened"})
    assert not holds({"action": values}, {"action": "edited"})


def test_an_empty_set_is_never_met() -> None:
    assert not holds({"action": set[str]()}, {"action": "opened"})


@pytest.mark.parametrize(
    ("value", "wanted"), [(True, 1), (1, True), (False, 0), (0, False), (True, {1}), (1.0, True)]
)
def test_true_is_no_one(value: Any, wanted: Any) -> None:
    assert not holds({"n": wanted}, {"n": value})


@pytest.mark.parametrize(("value", "wanted"), [(True, True), (1.0, 1), (1, 1.0), (False, {False})])
def test_equal_values_of_json_are_equal(value: Any, wanted: Any) -> None:
    assert holds({"n": wanted}, {"n": value})


def test_null_is_not_what_is_missing() -> None:
    assert holds({"n": None}, {"n": None})
    assert not holds({"n": None}, {})
    assert not holds({"metadata.n": None}, {})


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, [], {}, [[{}]]])
@pytest.mark.parametrize("wanted", ["opened", {"opened", "closed"}, 1, True, None])
def test_a_list_or_an_object_in_the_payload_is_no_error(value: Any, wanted: Any) -> None:
    assert not holds({"action": wanted}, {"action": value})


def test_a_list_may_be_asked_for() -> None:
    assert holds({"tags": ["a", "b"]}, {"tags": ["a", "b"]})


@pytest.mark.parametrize("payload", [None, 5, "text", [], {"order": "text"}, {"order": None}])
def test_a_path_through_what_has_no_members_is_not_met(payload: Any) -> None:
    assert not holds({"order.state": "paid"}, payload)


def test_a_predicate_is_given_the_event() -> None:
    def is_paid(event: Event[Any]) -> bool:
        return bool(event.payload["state"] == "paid" and event.metadata["tenant"] == "acme")

    assert holds(is_paid, {"state": "paid"}, tenant="acme")
    assert not holds(is_paid, {"state": "sent"}, tenant="acme")


def test_a_predicate_may_answer_with_anything() -> None:
    def state(event: Event[Any]) -> Any:
        return event.payload.get("state")

    assert holds(state, {"state": "paid"})
    assert not holds(state, {})


async def async_predicate(event: Event[Any]) -> bool:
    return True


class AsyncPredicate:
    async def __call__(self, event: Event[Any]) -> bool:
        return True


@pytest.mark.parametrize(
    "where", [async_predicate, AsyncPredicate(), functools.partial(async_predicate)]
)
def test_an_async_predicate_is_refused(where: Any) -> None:
    with pytest.raises(RegistrationError, match="can't be async"):
        Router().on("order.paid", where=where)(noting("a", []))


def test_an_empty_where_is_refused() -> None:
    with pytest.raises(RegistrationError, match="asks for nothing"):
        read_condition({})


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "metadata.", "payload."])
def test_a_path_with_an_empty_segment_is_refused(path: str) -> None:
    with pytest.raises(RegistrationError, match="empty segment"):
        read_condition({path: 1})


def test_a_path_that_is_no_text_is_refused() -> None:
    where: Any = {1: "paid"}
    with pytest.raises(RegistrationError, match="a path is text"):
        read_condition(where)


@pytest.mark.parametrize("where", [5, "state", [("state", "paid")], True])
def test_what_is_neither_mapping_nor_predicate_is_refused(where: Any) -> None:
    with pytest.raises(RegistrationError, match="values by path, or a predicate"):
        read_condition(where)


def test_its_text_is_what_was_asked_for() -> None:
    assert str(read_condition({"a.b": {"y", "x"}, "n": 1})) == "a.b='x' or 'y', n=1"


def is_large(event: Event[Any]) -> bool:
    return bool(event.payload["total"] > 100)


def test_the_text_of_a_predicate_is_its_name() -> None:
    assert str(read_condition(is_large)) == "is_large"


def test_an_event_that_meets_it_is_handled() -> None:
    router = Router()
    ran: list[str] = []
    router.on("order.paid", where={"state": "paid"})(noting("paid", ran))
    router.on("order.paid", where=is_large)(noting("large", ran))

    router.dispatch_sync(an_event("order.paid", {"state": "paid", "total": 5}))
    router.dispatch_sync(an_event("order.paid", {"state": "sent", "total": 500}))

    assert ran == ["paid", "large"]


def test_a_predicate_that_raises_fails_the_event() -> None:
    router = Router()
    ran: list[str] = []
    router.on("order.paid", where=is_large)(noting("large", ran))
    router.on("order.*")(noting("less specific", ran))
    router.fallback(noting("fallback", ran))

    result = router.process_sync(an_event("order.paid", {}))

    assert result.status is Status.FAILED
    assert isinstance(result.error, KeyError)
    assert result.error.__notes__ == ['while a where= predicate handled "order.paid"']
    assert result.retryable
    assert ran == []


def test_a_predicate_that_raises_leaves_observers_running() -> None:
    router = Router()
    ran: list[str] = []
    router.on("order.paid", where=is_large)(noting("large", ran))
    router.on_any(noting("observer", ran))

    with pytest.raises(KeyError):
        router.dispatch_sync(an_event("order.paid", {}))

    assert ran == ["observer"]


def test_a_predicate_that_is_not_asked_can_not_fail() -> None:
    router = Router()
    ran: list[str] = []
    router.on("order.*", where=is_large)(noting("large", ran))
    router.on("order.paid")(noting("exact", ran))

    router.dispatch_sync(an_event("order.paid", {}))

    assert ran == ["exact"]
