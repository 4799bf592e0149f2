"""The schemas of all that a router takes, in one document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from attrs import frozen

from eventrouter import (
    Event,
    MissingVersion,
    Router,
    UnknownType,
    UnknownVersion,
    UnroutedEvent,
    make_converter,
)
from tests.schemas.agreement import validator_of


@frozen
class Order:
    order_id: str


@frozen
class OrderV2:
    id: int


@frozen
class Total:
    total: int


def taking(target: Any) -> Any:
    """A handler of payloads of that type."""

    def handle(payload: Any) -> None: ...

    handle.__annotations__["payload"] = target
    return handle


def made(*routes: tuple[str, str | None, Any]) -> Router:
    router = Router()
    for pattern, version, target in routes:
        router.on(pattern, version=version)(taking(target))
    return router


def test_there_is_an_entry_for_each_type_and_version_in_order() -> None:
    router = made(
        ("order.paid", "v2", OrderV2),
        ("order.paid", None, Any),
        ("order.*", None, dict[str, int]),
        ("order.paid", "v1", Order),
    )

    document = router.schema()

    assert document["format"] == 1
    assert [(entry["type"], entry["version"]) for entry in document["events"]] == [
        ("order.*", None),
        ("order.paid", None),
        ("order.paid", "v1"),
        ("order.paid", "v2"),
    ]
    assert document["events"][2]["schema"] == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "order.paid v1",
        "$ref": "#/$defs/Order",
        "$defs": {
            "Order": {
                "title": "Order",
                "type": "object",
                "properties": {"order_id": {"type": "string"}},
                "required": ["order_id"],
            }
        },
    }
    for entry in document["events"]:
        validator_of(entry["schema"])


def test_the_order_of_declaration_changes_nothing() -> None:
    one, two = ("order.paid", "v1", Order), ("order.sent", None, OrderV2)

    assert json.dumps(made(one, two).schema()) == json.dumps(made(two, one).schema())


PROGRAM = """
import json
from attrs import field, frozen, validators
from eventrouter import Router

router = Router()

@frozen
class Order:
    kind: str = field(validator=validators.in_({"a", "b", "c", "d"}))
    tags: frozenset[str] = frozenset({"a", "b", "c", "d"})

@router.on("order.paid")
def handle(order: Order) -> None: ...

print(json.dumps(router.schema()))
"""


def test_another_process_writes_the_same() -> None:
    documents = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(documents) == 1
    assert '["a", "b", "c", "d"]' in documents.pop()


def test_a_router_without_handlers_takes_nothing() -> None:
    router = Router()
    router.on_any(taking(Event[Any]))
    router.fallback(taking(Order))

    assert router.schema() == {"format": 1, "events": []}


def test_included_routers_tell_what_their_own_converter_reads() -> None:
    inner = Router(converter=make_converter(forbid_extra_keys=True))
    inner.on("paid")(taking(Order))
    router = made(("order.sent", None, Order))
    router.include(inner, prefix="order.")

    paid, sent = (entry["schema"]["$defs"]["Order"] for entry in router.schema()["events"])
    assert paid["additionalProperties"] is False
    assert "additionalProperties" not in sent


def test_what_two_converters_read_alike_is_told_once() -> None:
    one, other = Router(), Router()
    one.on("order.paid")(taking(Order))
    other.on("order.paid")(taking(Order))
    one.include(other)

    schema = one.schema("order.paid")
    assert schema["$ref"] == "#/$defs/Order"
    assert list(schema["$defs"]) == ["Order"]


def test_what_two_converters_read_otherwise_is_told_twice() -> None:
    one, other = Router(), Router(converter=make_converter(forbid_extra_keys=True))
    one.on("order.paid")(taking(Order))
    other.on("order.paid")(taking(Order))
    one.include(other)

    schema = one.schema("order.paid")
    assert schema["allOf"] == [
        {"$ref": "#/$defs/Order"},
        {"$ref": f"#/$defs/{__name__}.Order"},
    ]
    assert "additionalProperties" not in schema["$defs"]["Order"]
    assert schema["$defs"][f"{__name__}.Order"]["additionalProperties"] is False


# One type and version


def test_the_schema_of_one_type_and_version_is_that_of_the_document() -> None:
    router = made(("order.paid", "v1", Order), ("order.paid", "v2", OrderV2))

    assert [router.schema("order.paid", version) for version in ("v1", "v2")] == [
        entry["schema"] for entry in router.schema()["events"]
    ]


def test_an_event_of_a_pattern_has_the_schema_of_the_pattern_s_handler() -> None:
    schema = made(("order.*", None, Order)).schema("order.paid", "v7")

    assert schema["title"] == "order.paid v7"
    assert schema["$ref"] == "#/$defs/Order"


def test_an_event_without_a_version_is_of_the_default_version() -> None:
    router = Router(default_version="v1")
    router.on("order.paid", version="v1")(taking(Order))

    assert router.schema("order.paid") == router.schema("order.paid", "v1")


@pytest.mark.parametrize(
    ("event_type", "version", "error"),
    [
        ("order.piad", "v1", UnknownType),
        ("order.paid", "v3", UnknownVersion),
        ("order.paid", None, MissingVersion),
    ],
)
def test_what_no_handler_takes_has_none(
    event_type: str, version: str | None, error: type[UnroutedEvent]
) -> None:
    router = made(("order.paid", "v1", Order))

    with pytest.raises(error):
        router.schema(event_type, version)


# Several handlers


def fits(router: Router, payload: Any) -> bool:
    return validator_of(router.schema("order.paid")).is_valid(payload)


def test_several_handlers_ask_for_all_that_each_asks_for() -> None:
    router = made(
        ("order.paid", None, Order), ("order.paid", None, Total), ("order.paid", None, Order)
    )

    assert router.schema("order.paid")["allOf"] == [
        {"$ref": "#/$defs/Order"},
        {"$ref": "#/$defs/Total"},
    ]
    assert fits(router, {"order_id": "1", "total": 5})
    assert not fits(router, {"order_id": "1"})


def test_of_handlers_with_a_condition_any_may_take_the_event() -> None:
    router = Router()
    router.on("order.paid", where={"total": 5})(taking(Total))
    router.on("order.paid", where={"order_id": "1"})(taking(Order))
    router.on("order.*")(taking(dict[str, int]))

    assert router.schema("order.paid")["anyOf"] == [
        {"$ref": "#/$defs/Total"},
        {"$ref": "#/$defs/Order"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
    ]


def test_a_handler_without_a_condition_always_counts() -> None:
    router = Router()
    router.on("order.paid", where={"total": 5})(taking(Total))
    router.on("order.paid")(taking(Order))
    router.on("order.*")(taking(dict[str, int]))

    assert router.schema("order.paid")["$ref"] == "#/$defs/Order"
