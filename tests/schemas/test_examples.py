"""Events that a router takes, made up."""

from __future__ import annotations

import re
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypedDict
from unittest.mock import patch
from uuid import UUID

import attrs
import pytest
from annotated_types import Interval, Len, MultipleOf
from attrs import frozen
from attrs import validators as v
from hypothesis import HealthCheck, given, settings

from eventrouter import (
    Event,
    Header,
    MappedEnvelope,
    NoExample,
    Router,
    UnknownType,
    make_converter,
)
from tests.schemas.agreement import validator_of
from tests.structuring.payload_types import PayloadType, payload_types

pytest.importorskip("polyfactory")


def router_of(target: Any, **options: Any) -> Router:
    """A router of one handler of payloads of that type."""
    router = Router(**options)

    def handle(payload: Any) -> None: ...

    handle.__annotations__["payload"] = target
    router.add_route("order.paid", handle, version="v1")
    return router


def payload_of(target: Any, seed: int = 0) -> Any:
    router = router_of(target)
    event = router.example("order.paid", version="v1", seed=seed)
    assert validator_of(router.schema("order.paid", "v1")).is_valid(event.payload)
    assert router.process_sync(*router.write(event)).status.value == "handled"
    return event.payload


@given(payload_types)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_there_is_an_example_of_every_type(of: PayloadType) -> None:
    payload_of(of.type)


class Node(TypedDict):
    value: int
    next: Node | None


@frozen
class Tree:
    left: Tree | None
    right: Tree | None
    also: list[Tree] = attrs.Factory(list)


@frozen
class Card:
    kind: Literal["card"]
    digits: str = attrs.field(validator=v.matches_re("[0-9]{4}"))


@frozen
class Cash:
    kind: Literal["cash"] = "cash"


@frozen
class Order:
    id: UUID
    at: datetime
    on: date
    time: time
    takes: timedelta
    total: Decimal
    image: bytes
    code: Annotated[str, Len(3, 3)]
    count: Annotated[int, Interval(gt=5, lt=9), MultipleOf(2)]
    debt: float = attrs.field(validator=[v.lt(-5), v.gt(-6)])
    pay: Card | Cash
    notes: list[str] = attrs.field(validator=[v.min_len(2), v.max_len(2)])
    names: dict[str, int] = attrs.field(validator=v.min_len(2))
    points: tuple[float, float]
    few: list[int] = attrs.field(validator=v.max_len(0))
    status: Literal["open", "closed"] = attrs.field(validator=v.in_(["open"]))


@pytest.mark.parametrize("target", [Order, Tree, Node, Card | Cash])
@pytest.mark.parametrize("seed", range(5))
def test_an_example_is_what_validators_and_unions_ask_for(target: Any, seed: int) -> None:
    payload_of(target, seed)


def test_the_same_seed_gives_the_same_event_and_another_gives_another() -> None:
    router = router_of(Order)
    one, same, other = (router.example("order.paid", version="v1", seed=s) for s in (1, 1, 2))

    assert one == same
    assert other.payload != one.payload
    assert other.id != one.id


def test_an_example_is_a_whole_event() -> None:
    event = router_of(Cash).example("order.paid", version="v1")

    assert isinstance(event, Event)
    assert (event.type, event.version, event.source) == ("order.paid", "v1", "example")
    assert UUID(event.id or "")
    assert event.timestamp.year == 2024


def test_an_example_of_a_pattern_is_of_the_type_asked_for() -> None:
    router = Router()

    @router.on("order.*")
    def handle(payload: Cash) -> None: ...

    assert router.example("order.paid").type == "order.paid"


def test_an_example_lies_in_the_router_s_own_envelope() -> None:
    router = router_of(
        Cash,
        envelope=MappedEnvelope(type=Header("X-Event"), payload="$", version=Header("X-Version")),
    )

    raw, headers = router.write(router.example("order.paid", version="v1"))

    assert router.process_sync(raw, headers).status.value == "handled"


def test_what_a_where_asks_for_is_looked_for() -> None:
    router = Router()

    @router.on("order.paid", where={"kind": "cash"})
    def take_cash(payload: Cash) -> None: ...

    @router.on("order.paid", where={"kind": "card"})
    def take_card(payload: Card) -> None: ...

    kinds = {router.example("order.paid", seed=seed).payload.get("kind") for seed in range(20)}
    assert kinds == {"card", "cash"}


def test_a_type_without_a_handler_has_no_example() -> None:
    router = router_of(Cash)

    @router.fallback
    def rest(event: Event[Any]) -> None: ...

    with pytest.raises(UnknownType):
        router.example("order.piad")


def check_length(_: Any, attribute: Any, value: str) -> None:
    if len(value) < 100:
        raise ValueError("too short")


@frozen
class Picky:
    code: str = attrs.field(validator=check_length)


@frozen
class Impossible:
    count: int = attrs.field(validator=[v.ge(5), v.le(4)])


@pytest.mark.parametrize(("target", "reason"), [(Picky, "too short"), (Impossible, "nothing fits")])
def test_what_is_not_found_is_said_with_the_reason(target: Any, reason: str) -> None:
    with pytest.raises(NoExample, match=reason) as caught:
        router_of(target).example("order.paid", version="v1")

    assert str(caught.value).startswith('found no example of "order.paid" v1: ')


def test_a_condition_that_no_example_meets_is_the_reason() -> None:
    router = Router()

    @router.on("order.paid", where={"kind": "never"})
    def handle(payload: Cash) -> None: ...

    @router.fallback
    def rest(event: Event[Any]) -> None: ...

    with pytest.raises(NoExample, match="where="):
        router.example("order.paid")


def test_an_envelope_that_can_not_hold_it_is_the_reason() -> None:
    router = router_of(Cash, envelope=MappedEnvelope(type="kind", payload="$"))

    with pytest.raises(NoExample):
        router.example("order.paid", version="v1")


@pytest.mark.parametrize("package", ["faker", "polyfactory"])
def test_without_the_extra_it_says_what_to_install(package: str) -> None:
    missing = {package: None, f"{package}.value_generators.regex": None}

    with (
        patch.dict(sys.modules, missing),
        pytest.raises(NoExample, match=re.escape("pip install 'eventrouter[examples]'")),
    ):
        router_of(Cash).example("order.paid", version="v1")


def test_what_only_code_can_tell_is_made_by_the_schema_that_a_hook_brings() -> None:
    class Read:
        json_schema = {"const": "12.50"}  # noqa: RUF012

        def __call__(self, value: Any, _: Any) -> Cash:
            if value != "12.50":
                raise ValueError(value)
            return Cash()

    converter = make_converter()
    converter.register_structure_hook(Cash, Read())
    router = router_of(Cash, converter=converter)

    assert router.example("order.paid", version="v1").payload == "12.50"


def test_what_pydantic_and_msgspec_ask_for_is_made_up_too() -> None:
    pydantic = pytest.importorskip("pydantic")
    msgspec = pytest.importorskip("msgspec")
    model = pydantic.create_model(
        "Model", at=(datetime, ...), id=(UUID, ...), kind=(Literal["a"], ...), size=(int | str, ...)
    )
    struct = msgspec.defstruct("Struct", [("took", timedelta), ("total", Decimal)], tag="s")

    payload_of(model)
    payload_of(struct)
