"""Events of a version that no handler takes, made into one that a handler does."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from unittest.mock import patch

import pytest
from attrs import frozen

from eventrouter import (
    CallNext,
    Event,
    Header,
    InvalidPayload,
    MappedEnvelope,
    Metadata,
    MissingVersion,
    Result,
    Router,
    Status,
    UnroutedEvent,
    make_converter,
)
from tests.routed import an_event
from tests.three_ways import is_read_straight, outcome


@frozen
class V1:
    name: str


@frozen
class V2:
    name: str
    email: str


@frozen
class V3:
    name: str
    emails: list[str]


TYPE = "user.created"


def add_email(old: V1) -> V2:
    return V2(old.name, f"{old.name}@old.example")


def allow_several(old: V2) -> V3:
    return V3(old.name, [old.email])


def rename(old: dict[str, Any]) -> dict[str, Any]:
    return {"name": old["username"]}


def upcasting(**settings: Any) -> Router:
    """A router that upcasts v0 (raw) to v1, v2 and v3."""
    router = Router(**settings)
    router.upcast(TYPE, "v0", "v1")(rename)
    router.upcast(TYPE, "v1", "v2")(add_email)
    router.upcast(TYPE, "v2", "v3")(allow_several)
    return router


def with_handler(annotation: Any, **settings: Any) -> tuple[Router, list[Any]]:
    """Such a router with a sync handler for v3, and what that was given."""
    router, seen = upcasting(**settings), list[Any]()

    def handle(payload: Any) -> None:
        seen.append(payload)

    handle.__annotations__["payload"] = annotation
    router.on(TYPE, version="v3")(handle)
    return router, seen


def old_event(version: str | None = "v1", payload: Any = None, **metadata: str) -> dict[str, Any]:
    payload = {"name": "ada"} if payload is None else payload
    return an_event(TYPE, payload, version=version, **metadata)


def error_of(router: Router, event: Any) -> InvalidPayload:
    result = router.process_sync(event)
    assert result.status is Status.INVALID
    assert isinstance(result.error, InvalidPayload)
    return result.error


# Which version


def test_a_payload_goes_through_each_upcaster_to_the_version_that_is_handled() -> None:
    router, seen = with_handler(V3)

    result = router.dispatch_sync(old_event())

    assert seen == [V3("ada", ["ada@old.example"])]
    assert result.upcasts == ("v1", "v2", "v3")


def test_an_event_of_the_handled_version_is_left_alone() -> None:
    router, seen = with_handler(V3)

    result = router.dispatch_sync(old_event("v3", {"name": "ada", "emails": []}))

    assert seen == [V3("ada", [])]
    assert result.upcasts == ()


def test_it_goes_no_further_than_the_nearest_version_that_is_handled() -> None:
    router, seen = with_handler(V3)
    router.on(TYPE, version="v2")(lambda_of(V2, seen))

    assert router.dispatch_sync(old_event()).upcasts == ("v1", "v2")
    assert seen == [V2("ada", "ada@old.example")]


def lambda_of(annotation: Any, seen: list[Any]) -> Any:
    def handle(payload: Any) -> None:
        seen.append(payload)

    handle.__annotations__["payload"] = annotation
    return handle


def test_where_all_handlers_of_the_nearest_turn_it_down_it_goes_on_to_the_next() -> None:
    router, seen = with_handler(V3)
    router.on(TYPE, version="v2", where={"name": "bob"})(lambda_of(V2, seen))

    assert router.dispatch_sync(old_event()).upcasts == ("v1", "v2", "v3")
    assert router.dispatch_sync(old_event(payload={"name": "bob"})).upcasts == ("v1", "v2")


def test_a_handler_of_any_version_gives_way_to_one_reached_through_upcasters() -> None:
    router, seen = with_handler(V3)
    router.on(TYPE)(lambda_of(Any, seen))

    router.dispatch_sync(old_event())

    assert seen == [V3("ada", ["ada@old.example"])]


def test_a_handler_of_any_version_gets_what_came_as_it_came() -> None:
    router, seen = upcasting(), list[Any]()
    router.on(TYPE, version="v3", where={"name": "bob"})(lambda_of(V3, seen))
    router.on(TYPE)(lambda_of(Event[Any], seen))

    result = router.dispatch_sync(old_event())

    assert result.upcasts == ()
    assert (seen[0].version, seen[0].payload) == ("v1", {"name": "ada"})


def test_the_type_goes_before_the_version() -> None:
    router, seen = with_handler(V3)
    router.on("user.*", version="v1")(lambda_of(V1, seen))

    assert router.dispatch_sync(old_event()).upcasts == ("v1", "v2", "v3")


def test_an_unversioned_handler_of_the_type_goes_before_a_versioned_pattern() -> None:
    router, seen = upcasting(), list[Any]()
    router.on(TYPE)(lambda_of(Any, seen))
    router.on("user.*", version="v3")(lambda_of(V3, seen))

    router.dispatch_sync(old_event())

    assert seen == [{"name": "ada"}]


def test_a_pattern_with_a_version_can_be_what_upcasters_lead_to() -> None:
    router, seen = upcasting(), list[Any]()
    router.on("user.*", version="v3")(lambda_of(V3, seen))

    router.dispatch_sync(old_event())

    assert seen == [V3("ada", ["ada@old.example"])]


def test_an_event_without_a_version_has_the_default_one() -> None:
    router, seen = with_handler(V3, default_version="v1")

    assert router.dispatch_sync(old_event(None)).upcasts == ("v1", "v2", "v3")
    assert len(seen) == 1


def test_an_event_without_a_version_is_not_upcast_by_guess() -> None:
    router, _ = with_handler(V3)

    error = router.process_sync(old_event(None)).error

    assert isinstance(error, MissingVersion)
    assert error.known == ("v0", "v1", "v2", "v3")


def test_where_every_condition_along_the_chain_turns_it_down_it_is_unrouted() -> None:
    router, seen = upcasting(), list[Any]()
    router.on(TYPE, version="v3", where={"name": "bob"})(lambda_of(V3, seen))

    error = router.process_sync(old_event()).error

    assert type(error) is UnroutedEvent
    assert seen == []


def test_an_included_router_s_upcasters_are_for_types_under_its_prefix() -> None:
    inner, seen = with_handler(V3)
    router = Router()
    router.include(inner, prefix="crm.")

    result = router.dispatch_sync(old_event() | {"event_type": f"crm.{TYPE}"})

    assert result.upcasts == ("v1", "v2", "v3")
    assert seen == [V3("ada", ["ada@old.example"])]
    assert [u.event_type for u in router.upcasters()] == [f"crm.{TYPE}"] * 3


def test_a_handler_of_another_router_can_be_what_they_lead_to() -> None:
    inner, router = upcasting(), Router()
    seen: list[Any] = []
    router.on(TYPE, version="v3")(lambda_of(V3, seen))
    router.include(inner)

    router.dispatch_sync(old_event())

    assert seen == [V3("ada", ["ada@old.example"])]


def test_what_is_included_later_takes_part() -> None:
    router, seen = with_handler(V3)
    router.compile()

    router.upcast(TYPE, "v00", "v0")(rename_again)

    assert router.dispatch_sync(old_event("v00", {"login": "ada"})).upcasts[0] == "v00"
    assert len(seen) == 1


def rename_again(old: dict[str, Any]) -> dict[str, Any]:
    return {"username": old["login"]}


# What upcasters take and return


@frozen
class Special(V2):
    pass


class Dict1(TypedDict):
    name: str
    at: datetime


@dataclass
class Data:
    name: str
    at: datetime


WHEN = "2024-08-20T05:21:19Z"
MOMENT = datetime.fromisoformat(WHEN)


def test_a_raw_mapping_is_structured_for_a_typed_upcaster() -> None:
    router, seen = with_handler(V3)

    router.dispatch_sync(old_event("v0", {"username": "ada"}))

    assert seen == [V3("ada", ["ada@old.example"])]


def test_a_typed_payload_is_written_as_json_for_one_that_takes_a_raw_mapping() -> None:
    router, seen = Router(), list[Any]()

    def stamp(old: V1) -> Data:
        return Data(old.name, MOMENT)

    def show(old: dict[str, Any]) -> dict[str, Any]:
        return {"shown": old}

    router.upcast(TYPE, "v1", "v2")(stamp)
    router.upcast(TYPE, "v2", "v3")(show)
    router.on(TYPE, version="v3")(lambda_of(dict[str, Any], seen))

    router.dispatch_sync(old_event())

    assert seen == [{"shown": {"name": "ada", "at": WHEN}}]


@pytest.mark.parametrize("annotation", [Any, dict[str, Any]])
def test_a_handler_of_raw_json_gets_the_upcast_payload_as_json(annotation: Any) -> None:
    router, seen = with_handler(annotation)

    router.dispatch_sync(old_event())

    assert seen == [{"name": "ada", "emails": ["ada@old.example"]}]


def test_a_handler_of_another_class_gets_it_as_if_it_had_come_so() -> None:
    router, seen = with_handler(V1)

    router.dispatch_sync(old_event())

    assert seen == [V1("ada")]


def test_handlers_of_several_types_each_get_theirs_and_each_upcaster_is_called_once() -> None:
    router, seen, calls = Router(), list[Any](), list[V1]()

    def counted(old: V1) -> V3:
        calls.append(old)
        return V3(old.name, [])

    router.upcast(TYPE, "v1", "v3")(counted)
    for annotation in (V3, Event[V3], V1, Any, dict[str, Any]):
        router.on(TYPE, version="v3", thread=False)(lambda_of(annotation, seen))

    router.dispatch_sync(old_event())

    assert len(calls) == 1
    assert [getattr(each, "payload", each) for each in seen] == [
        V3("ada", []),
        V3("ada", []),
        V1("ada"),
        {"name": "ada", "emails": []},
        {"name": "ada", "emails": []},
    ]


def test_a_typed_dict_is_handed_on_as_it_is() -> None:
    router, seen = Router(), list[Any]()

    def stamp(old: V1) -> Dict1:
        return {"name": old.name, "at": MOMENT}

    router.upcast(TYPE, "v1", "v2")(stamp)
    router.on(TYPE, version="v2")(lambda_of(Dict1, seen))
    router.on(TYPE, version="v2")(lambda_of(Any, seen))

    router.dispatch_sync(old_event())

    assert seen == [{"name": "ada", "at": MOMENT}, {"name": "ada", "at": WHEN}]


def test_one_arm_of_a_union_or_a_subclass_is_taken_where_the_wider_is_asked_for() -> None:
    router, seen = Router(), list[Any]()

    def to_special(old: V1) -> Special:
        return Special(old.name, "e")

    def either(old: V2 | V3) -> V3 | V2:
        return V3(old.name, []) if isinstance(old, V2) else old

    router.upcast(TYPE, "v1", "v2")(to_special)
    router.upcast(TYPE, "v2", "v3")(either)
    router.on(TYPE, version="v3")(lambda_of(V2 | V3, seen))

    router.dispatch_sync(old_event())

    assert seen == [V3("ada", [])]


def test_any_json_can_be_upcast() -> None:
    router, seen = Router(), list[Any]()

    def wrap(old: Any) -> Any:
        return {"value": old}

    router.upcast(TYPE, "v1", "v2")(wrap)
    router.on(TYPE, version="v2")(lambda_of(dict[str, int], seen))

    router.dispatch_sync(old_event(payload=5))

    assert seen == [{"value": 5}]


def test_a_raw_upcaster_is_given_a_mapping_of_its_own() -> None:
    router, seen = Router(), list[Any]()

    def in_place(old: dict[str, Any]) -> dict[str, Any]:
        old["email"] = old.pop("name")
        return old

    router.upcast(TYPE, "v1", "v2")(in_place)
    router.on(TYPE, version="v2")(lambda_of(dict[str, Any], seen))
    event = old_event()

    router.dispatch_sync(event)
    router.dispatch_sync(event)

    assert seen == [{"email": "ada"}] * 2


def test_a_method_and_a_callable_object_can_upcast() -> None:
    class Upcasters:
        def __init__(self, domain: str) -> None:
            self.domain = domain

        def add_email(self, old: V1) -> V2:
            return V2(old.name, f"{old.name}@{self.domain}")

        def __call__(self, old: V2) -> V3:
            return V3(old.name, [old.email])

    router, seen = Router(), list[Any]()
    router.upcast(TYPE, "v1", "v2")(Upcasters("a.example").add_email)
    router.upcast(TYPE, "v2", "v3")(Upcasters("b.example"))
    router.on(TYPE, version="v3")(lambda_of(V3, seen))

    router.dispatch_sync(old_event())

    assert seen == [V3("ada", ["ada@a.example"])]


def test_the_function_stays_what_it_was() -> None:
    assert Router().upcast(TYPE, "v1", "v2")(add_email) is add_email


def test_it_is_built_and_written_by_the_converter_of_the_upcaster_s_router() -> None:
    converter = make_converter()
    converter.register_structure_hook(V1, lambda value, _: V1(value["n"]))
    converter.register_unstructure_hook(V2, lambda value: {"written": value.name})
    inner, router, seen = Router(converter=converter), Router(), list[Any]()
    inner.upcast(TYPE, "v1", "v2")(add_email)
    router.include(inner)
    router.on(TYPE, version="v2")(lambda_of(Any, seen))

    router.dispatch_sync(old_event(payload={"n": "ada"}))

    assert seen == [{"written": "ada"}]


@pytest.mark.anyio
@pytest.mark.parametrize("settings", [{}, {"concurrent": True}])
async def test_handlers_in_threads_and_at_once_get_it_too(settings: Any) -> None:
    router, seen = with_handler(V3, **settings)
    router.on(TYPE, version="v3")(lambda_of(Event[V3], seen))

    result = await router.dispatch(old_event())

    assert len(result.handlers) == 2
    assert {getattr(each, "version", "v3") for each in seen} == {"v3"}
    assert result.upcasts == ("v1", "v2", "v3")


# Metadata


def split_tenant(old: V1) -> tuple[V2, Mapping[str, str]]:
    return V2(old.name, "e"), {"tenant": "acme", "source": "upcast", "version": "v9"}


def changing_metadata() -> tuple[Router, list[Any]]:
    router, seen = Router(), list[Any]()
    router.upcast(TYPE, "v1", "v2")(split_tenant)
    router.upcast(TYPE, "v2", "v3")(allow_several)
    router.on(TYPE, version="v3")(lambda_of(Event[V3], seen))
    return router, seen


def test_an_upcaster_may_return_changes_of_the_metadata_beside_the_payload() -> None:
    router, seen = changing_metadata()

    result = router.dispatch_sync(old_event(source="old", id="7"))

    assert dict(seen[0].metadata) == {
        "source": "upcast",
        "id": "7",
        "tenant": "acme",
        "version": "v3",
    }
    assert result.event is not None
    assert dict(result.event.metadata) == {"source": "old", "id": "7", "version": "v1"}


def test_they_are_those_of_a_metadata_parameter_too() -> None:
    router, seen = Router(), list[Any]()
    router.upcast(TYPE, "v1", "v2")(split_tenant)

    @router.on(TYPE, version="v2")
    def handle(payload: V2, metadata: Metadata, event: Event[V2]) -> None:
        seen.extend([metadata, event])

    router.dispatch_sync(old_event())

    assert seen[0]["tenant"] == "acme"
    assert seen[1].metadata == seen[0]


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (None, "a tuple of payload and metadata, got None"),
        (V2("a", "b"), "a tuple of payload and metadata, got V2"),
        ((V2("a", "b"),), "a tuple of payload and metadata, got tuple"),
        ((V2("a", "b"), None), "metadata as a mapping of text to text, got None"),
        ((V2("a", "b"), {"n": 1}), "a mapping of text to text, got one with 'n': 1"),
        ((V1("a"), {}), "expected V2, got V1"),
    ],
)
def test_what_is_no_payload_with_metadata_is_refused(returned: Any, got: str) -> None:
    router = Router()

    def wrong(old: V1) -> tuple[V2, dict[str, str]]:
        return returned  # type: ignore[no-any-return]

    router.upcast(TYPE, "v1", "v2")(wrong)
    router.on(TYPE, version="v2")(lambda_of(V2, []))

    assert got in str(error_of(router, old_event()))


def test_another_tuple_is_a_payload() -> None:
    router, seen = Router(), list[Any]()

    def pair(old: V1) -> tuple[str, str]:
        return old.name, "b"

    router.upcast(TYPE, "v1", "v2")(pair)
    router.on(TYPE, version="v2")(lambda_of(tuple[str, str], seen))

    router.dispatch_sync(old_event())

    assert seen == [("ada", "b")]


# The event


def test_handlers_see_the_event_in_the_new_version_and_can_reach_the_original() -> None:
    router, seen = with_handler(Event[V3])

    router.dispatch_sync(old_event("v0", {"username": "ada"}, id="7"))
    event = seen[0]

    assert (event.version, event.payload) == ("v3", V3("ada", ["ada@old.example"]))
    assert (event.original.version, event.original.payload) == ("v0", {"username": "ada"})
    assert event.id == event.original.id == "7"
    assert event.timestamp == event.original.timestamp
    assert event.original.original is event.original


def test_the_original_of_an_event_that_was_not_upcast_is_itself() -> None:
    router, seen = with_handler(Event[V3])
    event = Event.new(TYPE, None)

    router.dispatch_sync(old_event("v3", {"name": "ada", "emails": []}))

    assert seen[0].original is seen[0]
    assert event.original is event


def test_the_original_of_an_event_nobody_looked_at_is_itself() -> None:
    event = Event.new(TYPE, 1)

    assert event.with_payload(2).original.payload == 2


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_an_upcast_event_is_copied_and_pickled_with_its_original(again: Any) -> None:
    router, seen = with_handler(Event[V3])
    router.dispatch_sync(old_event())

    copied = again(seen[0])

    assert copied == seen[0]
    assert copied.original == seen[0].original
    assert copied.original.version == "v1"


def test_an_upcast_event_is_written_in_its_new_version() -> None:
    router, seen = with_handler(Event[V3])
    router.dispatch_sync(old_event())

    written, headers = router.write(seen[0])
    result = router.dispatch_sync(written, headers)

    assert result.upcasts == ()
    assert seen[1] == seen[0]


def test_the_result_holds_the_event_as_it_came() -> None:
    router, _ = with_handler(V3)
    event = old_event()

    result = router.dispatch_sync(event)

    assert result.raw is event
    assert result.event is not None
    assert (result.event.version, result.event.payload) == ("v1", {"name": "ada"})


def test_the_version_may_come_in_a_header() -> None:
    envelope = MappedEnvelope(type=Header("x-type"), version=Header("x-version"), payload="$")
    router, seen = with_handler(Event[V3], envelope=envelope)

    router.dispatch_sync({"name": "ada"}, {"x-type": TYPE, "x-version": "v1"})

    assert (seen[0].version, seen[0].original.version) == ("v3", "v1")


# Conditions


def test_where_is_asked_about_the_upcast_payload_as_json() -> None:
    router, seen = upcasting(), list[Any]()
    emails = {"emails": ["ada@old.example"], "metadata.version": "v3"}
    router.on(TYPE, version="v3", where=emails)(lambda_of(V3, seen))

    router.dispatch_sync(old_event())

    assert seen == [V3("ada", ["ada@old.example"])]


def test_a_predicate_too_and_each_upcaster_is_called_once() -> None:
    router, asked, calls = Router(), list[Any](), list[V1]()

    def counted(old: V1) -> V2:
        calls.append(old)
        return add_email(old)

    def ask(event: Event[Any]) -> bool:
        asked.append((event.version, event.payload, event.original.version))
        return True

    router.upcast(TYPE, "v1", "v2")(counted)
    router.on(TYPE, version="v2", where=ask)(lambda_of(V2, []))

    router.dispatch_sync(old_event())

    assert asked == [("v2", {"name": "ada", "email": "ada@old.example"}, "v1")]
    assert len(calls) == 1


def test_an_event_that_can_t_be_upcast_for_a_condition_is_invalid() -> None:
    router, seen = upcasting(), list[Any]()
    router.on(TYPE, version="v3", where={"name": "ada"})(lambda_of(V3, seen))
    router.on_any(lambda_of(Event[Any], seen))

    error = error_of(router, old_event(payload={"name": 5}))

    assert error.errors[0].path == "$.name"
    assert [event.version for event in seen] == ["v1"]


# What is around the handlers


def test_observers_hooks_and_providers_see_the_event_as_it_came() -> None:
    router, versions = upcasting(), dict[str, str | None]()

    def begin(event: Event[Any]) -> None:
        versions["before"] = event.version

    def end(event: Event[Any], error: BaseException | None) -> None:
        versions["after"] = event.version

    def make(event: Event[Any]) -> int:
        versions["provider"] = event.version
        return 1

    router.before(begin)
    router.after(end)
    router.provide(int, make)

    @router.on_any
    def observe(event: Event[Any]) -> None:
        versions["observer"] = event.version

    @router.on(TYPE, version="v3")
    def handle(payload: V3, event: Event[V3], number: int) -> None:
        versions["handler"] = event.version

    router.dispatch_sync(old_event())

    assert versions == {
        "before": "v1",
        "provider": "v1",
        "handler": "v3",
        "observer": "v1",
        "after": "v1",
    }


@pytest.mark.anyio
@pytest.mark.parametrize("is_included", [False, True])
async def test_middleware_sees_the_event_as_it_came_and_may_change_it(is_included: bool) -> None:
    router, seen = with_handler(V3)
    results: list[Result] = []

    @router.middleware
    async def correct(event: Event[Any], call_next: CallNext) -> Result:
        assert event.version == "v1"
        results.append(await call_next(event.with_payload({"name": "bob"})))
        return results[-1]

    outer = Router()
    outer.include(router)

    result = await (outer if is_included else router).dispatch(old_event())

    assert seen == [V3("bob", ["bob@old.example"])]
    assert [r.upcasts for r in (result, *results)] == [("v1", "v2", "v3")] * 2


def test_a_payload_that_an_inner_middleware_spoils_is_invalid() -> None:
    router, seen = with_handler(V3)

    @router.middleware
    async def spoil(event: Event[Any], call_next: CallNext) -> Result:
        return await call_next(event.with_payload({"name": 5}))

    outer = Router()
    outer.include(router)

    result = outer.process_sync(old_event())

    assert isinstance(result.error, InvalidPayload)
    assert seen == []


# Errors


def test_a_payload_that_does_not_fit_is_refused_with_paths_of_its_own_version() -> None:
    router, seen = with_handler(V3)

    error = error_of(router, old_event(payload={"name": 5}))

    assert str(error) == (
        'the payload of "user.created" is no V1: $.name: expected string, got integer 5'
    )
    assert error.step is None
    assert seen == []


def test_an_upcaster_that_raises_makes_the_payload_invalid_and_is_named() -> None:
    router, seen = with_handler(V3)

    error = error_of(router, old_event("v0", {"name": "ada"}))

    line = rename.__code__.co_firstlineno
    assert error.step == f'from "v0" to "v1" by {__name__}.rename ({__file__}:{line})'
    assert str(error) == (
        f'the payload of "user.created", upcast {error.step}, is no dict[str, Any]: '
        "$: expected a value that can be upcast (KeyError: 'username'), got object"
    )
    assert isinstance(error.__cause__, KeyError)
    assert seen == []


def test_one_that_returns_what_the_next_can_t_take_is_named() -> None:
    router, _ = with_handler(V3)

    error = error_of(router, old_event("v0", {"username": 5}))

    assert error.step is not None
    assert "rename" in error.step
    assert (error.payload_type, error.errors[0].path) == ("V1", "$.name")


@pytest.mark.parametrize("returned", [None, V1("a"), {"name": "a", "email": "b"}])
def test_one_that_returns_something_else_than_it_says_is_named(returned: Any) -> None:
    router = Router()

    def wrong(old: V1) -> V2:
        return returned  # type: ignore[no-any-return]

    router.upcast(TYPE, "v1", "v2")(wrong)
    router.on(TYPE, version="v2")(lambda_of(V2, []))

    error = error_of(router, old_event())

    assert error.step is not None
    assert error.errors[0].expected == "V2"


def test_one_whose_result_can_t_be_written_as_json_is_named() -> None:
    router = Router()

    def naive(old: V1) -> Data:
        return Data(old.name, datetime(2024, 8, 20))

    router.upcast(TYPE, "v1", "v2")(naive)
    router.on(TYPE, version="v2")(lambda_of(Any, []))

    error = error_of(router, old_event())

    assert error.step is not None
    assert "naive" in error.step


def test_what_a_handler_of_another_class_can_t_take_is_refused() -> None:
    @frozen
    class Stranger:
        age: int

    router, _ = with_handler(Stranger)

    error = error_of(router, old_event())

    assert error.step is not None
    assert "allow_several" in error.step
    assert error.errors[0].path == "$.age"


def test_an_error_whose_text_is_broken_or_endless_is_still_told() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    errors = [Broken(), ValueError("x" * 10_000)]
    router = Router()

    def fail(old: V1) -> V2:
        raise errors.pop()

    router.upcast(TYPE, "v1", "v2")(fail)
    router.on(TYPE, version="v2")(lambda_of(V2, []))

    assert len(str(error_of(router, old_event()))) < 1_000
    assert "(Broken: ?)" in str(error_of(router, old_event()))


def test_what_interrupts_the_program_is_not_swallowed() -> None:
    router = Router()

    def interrupt(old: V1) -> V2:
        raise KeyboardInterrupt

    router.upcast(TYPE, "v1", "v2")(interrupt)
    router.on(TYPE, version="v2")(lambda_of(V2, []))

    with pytest.raises(KeyboardInterrupt):
        router.dispatch_sync(old_event())


def test_an_invalid_payload_survives_pickling_with_its_step() -> None:
    router, _ = with_handler(V3)
    error = error_of(router, old_event("v0", {}))

    assert pickle.loads(pickle.dumps(error)).step == error.step
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_an_invalid_payload_is_not_worth_another_try() -> None:
    router, _ = with_handler(V3)

    assert not router.process_sync(old_event("v0", {})).retryable


# All ways give the same


async def give_back(payload: V3) -> Any:
    return payload


async def give_back_too(payload: V3) -> Any:
    return payload, "too"


async def give_name(payload: V1) -> Any:
    return payload


async def give_back_raw(payload: Any) -> Any:
    return payload


async def give_back_event(event: Event[V3]) -> Any:
    return event.payload, event.version, event.original.payload


def give_back_inline(payload: V3) -> Any:
    return payload


async def fail(payload: V3) -> Any:
    raise ConnectionError("no database")


HANDLERS: dict[str, tuple[Any, ...]] = {
    "one": (give_back,),
    "several": (give_back, give_back_too),
    "of another class": (give_name,),
    "raw": (give_back_raw,),
    "of the event": (give_back_event,),
    "inline": (give_back_inline,),
    "failing": (fail,),
    "one of which fails": (give_back, fail),
}
EVENTS = {
    "v1": b'{"name": "ada"}',
    "v1 that does not fit": b'{"name": 5}',
    "v0": b'{"username": "ada"}',
    "v0 that raises": b"{}",
    "v0 that returns what does not fit": b'{"username": 5}',
    "v0 that is no mapping": b"[]",
    "v2": b'{"name": "ada", "email": "e", "more": true}',
    "v3": b'{"name": "ada", "emails": ["e"]}',
    "v3 that does not fit": b'{"name": "ada"}',
    "v4": b"{}",
}


def raw_of(name: str) -> bytes:
    return (
        b'{"event_type": "user.created", "timestamp": "2024-08-20T05:21:19Z", '
        b'"payload": %s, "metadata": {"version": "%s"}}' % (EVENTS[name], name[:2].encode())
    )


def router_with(handlers: tuple[Any, ...], *, is_direct: bool, has_msgspec: bool = True) -> Router:
    router = upcasting()
    for handler in handlers:
        router.on(TYPE, version="v3", thread=False)(handler)
    if not is_direct:
        router.before(lambda event: None)
    with patch.dict(sys.modules, {} if has_msgspec else {"msgspec": None}):
        router.compile()
    return router


@pytest.mark.anyio
@pytest.mark.parametrize("kind", HANDLERS)
@pytest.mark.parametrize("middleware", [False, True])
async def test_every_way_gives_the_same(kind: str, middleware: bool) -> None:
    ways = {
        "general": router_with(HANDLERS[kind], is_direct=False),
        "straight": router_with(HANDLERS[kind], is_direct=True),
        "lone": router_with(HANDLERS[kind], is_direct=True, has_msgspec=False),
    }
    for router in ways.values():
        if middleware:
            router.middleware(forward)
    for name in [*EVENTS, *EVENTS]:  # the first of a kind shows how it can be read
        results = {way: await router.process(raw_of(name)) for way, router in ways.items()}
        outcomes = [(outcome(result), result.upcasts) for result in results.values()]
        assert outcomes[0] == outcomes[1] == outcomes[2], name
        streamed = [r async for r in ways["straight"].dispatch_many([raw_of(name)])]
        assert (outcome(streamed[0]), streamed[0].upcasts) == outcomes[0]


async def forward(event: Event[Any], call_next: CallNext) -> Result:
    return await call_next(event)


@pytest.mark.anyio
async def test_a_result_can_be_pickled_with_its_upcasts_before_anyone_looked_at_it() -> None:
    router = router_with((give_back,), is_direct=True)
    await router.process(raw_of("v1"))

    result = await router.process(raw_of("v1"))
    copied = pickle.loads(pickle.dumps(result))

    assert copied == result
    assert copied.upcasts == ("v1", "v2", "v3")


@pytest.mark.anyio
async def test_typed_upcasters_are_read_straight_and_so_is_the_exact_version() -> None:
    pytest.importorskip("msgspec")
    router = router_with((give_back,), is_direct=True)
    for name in ("v1", "v2", "v3", "v0"):
        await router.process(raw_of(name))

    ways = {name: is_read_straight(router, raw_of(name)) for name in ("v0", "v1", "v2", "v3")}

    assert ways == {"v0": False, "v1": True, "v2": True, "v3": True}
    assert not is_read_straight(router, raw_of("v1 that does not fit"))


@pytest.mark.anyio
async def test_the_exact_version_is_read_in_one_pass_though_others_are_upcast() -> None:
    pytest.importorskip("msgspec")
    router = router_with((give_back,), is_direct=True)
    for name in ("v1", "v2", "v3"):
        await router.process(raw_of(name))

    reader = router._dispatcher()._straight
    assert reader is not None
    (_, (_, following)), *_ = (
        (decode, next(iter(following.items()))) for decode, following in reader._decodings
    )

    assert {version: step[2] for version, step in following.items()} == {"v3": None}


@pytest.mark.anyio
async def test_the_decoder_for_upcast_events_is_tried_first_only_while_no_other_comes() -> None:
    pytest.importorskip("msgspec")
    router = router_with((give_back,), is_direct=True)
    for name in ("v3", *["v1"] * 20):
        await router.dispatch(raw_of(name))
    reader = router._dispatcher()._straight
    assert reader is not None
    assert reader._decodings is not reader._usual_decodings

    result = await router.dispatch(raw_of("v3"))

    assert reader._decodings is reader._usual_decodings
    assert result.handlers[0].value == V3("ada", ["e"])


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("v1", "msgspec"),
        ("v3", "msgspec"),
        ("v0", "cattrs: Any is read by cattrs"),
    ],
)
def test_its_way_says_how_it_is_read(name: str, way: str) -> None:
    pytest.importorskip("msgspec")
    router = router_with((give_back,), is_direct=True)

    assert str(router.explain(raw_of(name)).verdicts[0].way) == way


@pytest.mark.parametrize(
    ("add", "why"),
    [
        (lambda router: router.on_any(observe), "an observer sees the event before it is upcast"),
        (
            lambda router: router.on(TYPE, version="v3")(give_back_event),
            "an event that is upcast is asked for, not the payload alone",
        ),
    ],
)
def test_and_what_keeps_it_off_the_straight_one(add: Any, why: str) -> None:
    pytest.importorskip("msgspec")
    router = router_with((give_back,), is_direct=True)
    add(router)

    way = router.explain(raw_of("v1")).verdicts[0].way

    assert way is not None
    assert way.why == why


async def observe(event: Event[Any]) -> None: ...


def test_an_upcaster_of_any_json_is_not_read_straight() -> None:
    pytest.importorskip("msgspec")
    router = router_with((give_back,), is_direct=True)

    def anything(old: Any) -> V1:
        return V1(str(old))

    router.upcast(TYPE, "x", "v1")(anything)
    way = router.explain(raw_of("v1").replace(b'"v1"', b'"x"')).verdicts[0].way

    assert way is not None
    assert way.why == "its first upcaster takes any JSON"


# Saying so


def test_explain_shows_the_path() -> None:
    router, _ = with_handler(V3)

    explanation = router.explain(old_event())

    assert explanation.upcasts == ("v1", "v2", "v3")
    assert explanation.verdicts[0].why == "it takes this event, upcast v1 -> v2 -> v3"
    assert router.explain(old_event("v3")).upcasts == ()


def test_explain_shows_it_where_the_payload_can_t_be_built() -> None:
    router, _ = with_handler(V3)

    explanation = router.explain(old_event("v0", {}))

    assert isinstance(explanation.error, InvalidPayload)
    assert explanation.verdicts[0].why == (
        "it takes this event, upcast v0 -> v1 -> v2 -> v3, but a payload can't be built"
    )


def test_explain_tells_why_a_route_further_along_is_passed_over() -> None:
    router, seen = with_handler(V3)
    router.on(TYPE, version="v2", where={"name": "bob"})(lambda_of(V2, seen))

    by_name = {name: router.explain(old_event(payload={"name": name})) for name in ("ada", "bob")}

    assert [v.why for v in by_name["ada"].verdicts] == [
        "it takes this event, upcast v1 -> v2 -> v3",
        "its where= is not met",
    ]
    assert [v.why for v in by_name["bob"].verdicts] == [
        "it takes this event, upcast v1 -> v2",
        "a more specific route takes this event",
    ]


def test_explain_tells_that_an_event_can_t_be_upcast_for_a_condition() -> None:
    router = upcasting()
    router.on(TYPE, version="v2", where={"name": "bob"})(lambda_of(V2, []))
    router.on(TYPE, version="v3")(lambda_of(V3, []))

    explanation = router.explain(old_event(payload={"name": 5}))

    assert isinstance(explanation.error, InvalidPayload)
    assert explanation.verdicts[0].why == "the event can't be upcast v1 -> v2"


def test_a_route_knows_which_versions_are_upcast_for_it() -> None:
    router, seen = with_handler(V3)
    router.on(TYPE, version="v1")(lambda_of(V1, seen))

    v3, v1 = router.routes()

    assert router.upcast_from(v3) == ("v2",)
    assert router.upcast_from(v1) == ("v0",)


def test_a_pattern_knows_it_too_and_a_handler_of_any_version_has_none() -> None:
    router, seen = upcasting(), list[Any]()
    router.on("user.*", version="v3")(lambda_of(V3, seen))
    router.on("user.deleted")(lambda_of(Any, seen))

    assert [router.upcast_from(route) for route in router.routes()] == [("v0", "v1", "v2"), ()]


def test_upcasters_are_listed() -> None:
    router, _ = with_handler(V3)

    listed = [(u.event_type, u.source, u.target, u.function) for u in router.upcasters()]

    assert listed == [
        (TYPE, "v0", "v1", rename),
        (TYPE, "v1", "v2", add_email),
        (TYPE, "v2", "v3", allow_several),
    ]


def test_events_in_json_text_are_upcast_too() -> None:
    router, seen = with_handler(V3)

    router.dispatch_sync(json.dumps(old_event()))

    assert seen == [V3("ada", ["ada@old.example"])]
