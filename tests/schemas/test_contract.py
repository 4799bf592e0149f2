"""Documents that are read to be compared, and those that can't be."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import Router, UnreadableLock
from eventrouter.schemas.compatibility import compatibility
from eventrouter.schemas.contract import parse_document
from tests.schemas.contracts import document_of, taking, written_of

EVENT = {"type": "order.paid", "version": "v1", "schema": {}}
WRONG: list[tuple[Any, str]] = [
    ([], 'it is no object with a "format"'),
    ({"events": []}, 'it is no object with a "format"'),
    ({"format": "1", "events": []}, "\"format\" is '1', not a number"),
    ({"format": True, "events": []}, '"format" is True, not a number'),
    ({"format": 2, "events": []}, "install the one that wrote it, or a later one"),
    ({"format": 0, "events": []}, "write it anew from the code it was written of"),
    ({"format": 1}, '"events" is no list'),
    ({"format": 1, "events": [], "default_version": 1}, '"default_version" is neither'),
    ({"format": 1, "events": [1]}, "events[0] has no"),
    ({"format": 1, "events": [{**EVENT, "version": 1}]}, "events[0] has no"),
    ({"format": 1, "events": [{**EVENT, "schema": []}]}, "events[0] has no JSON Schema at /schema"),
    ({"format": 1, "events": [{**EVENT, "where": "a"}]}, 'events[0]: "where" and'),
    ({"format": 1, "events": [{**EVENT, "upcast": [1]}]}, 'events[0]: "where" and'),
    ({"format": 1, "events": [{**EVENT, "type": "a..b"}]}, "events[0]: the pattern 'a..b'"),
    ({"format": 1, "events": [EVENT, EVENT]}, "is there twice"),
]


@pytest.mark.parametrize(("document", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_no_such_document_is_refused_with_a_reason(document: Any, said: str) -> None:
    with pytest.raises(UnreadableLock) as refused:
        compatibility(document, document)

    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, b"\xff"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(UnreadableLock, match="it is no JSON"):
        parse_document(text)


def test_a_document_is_read_as_it_was_written() -> None:
    document = document_of(dict[str, int])

    assert parse_document(json.dumps(document)) == document


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["v1", "a.b", "", "*"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["format", "events", "type", "version", "schema", "where"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_the_document_only_one_error_escapes(document: Any) -> None:
    with suppress(UnreadableLock):
        compatibility(document, document)


MISSHAPEN: list[tuple[Any, str]] = [
    ({"type": 1}, "/type"),
    ({"type": ["string", 1]}, "/type"),
    ({"enum": "a"}, "/enum"),
    ({"required": [1]}, "/required"),
    ({"discriminator": {}}, "/discriminator"),
    ({"pattern": 1}, "/pattern"),
    ({"maxLength": True}, "/maxLength"),
    ({"anyOf": {}}, "/anyOf"),
    ({"anyOf": [{}, 1]}, "/anyOf/1"),
    ({"properties": {"a": {"items": []}}}, "/properties/a/items"),
    ({"$defs": {"a": None}}, "/$defs/a"),
    ({"prefixItems": [{"additionalProperties": 1}]}, "/prefixItems/0/additionalProperties"),
]


@pytest.mark.parametrize(("schema", "path"), MISSHAPEN, ids=[path for _, path in MISSHAPEN])
def test_what_is_no_schema_is_refused_with_its_place(schema: Any, path: str) -> None:
    with pytest.raises(UnreadableLock) as refused:
        compatibility(written_of(schema), written_of(True))

    assert refused.value.reason == f"events[0] has no JSON Schema at /schema{path}"


keywords = st.sampled_from(
    [
        *("type", "enum", "const", "$ref", "anyOf", "allOf", "oneOf", "properties", "required"),
        *("additionalProperties", "propertyNames", "items", "prefixItems", "maxItems", "minimum"),
        *("maxLength", "multipleOf", "pattern", "format", "discriminator", "default", "$comment"),
    ]
)
odd_schemas = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from(["string", "object", "array", "integer", "number", "null", "#", "a", "["]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=4),
    max_leaves=15,
)


@given(odd_schemas, odd_schemas)
def test_whatever_the_schemas_only_one_error_escapes(old: Any, new: Any) -> None:
    with suppress(UnreadableLock):
        compatibility(written_of(old), written_of(new))


# What a router tells of itself besides schemas


def test_the_document_tells_what_is_upcast_and_in_which_order_versions_came() -> None:
    router = Router(default_version="v1")
    router.versions("order.paid", ["v1", "v2", "v3"])

    @router.upcast("order.paid", "v1", "v2")
    @router.upcast("order.paid", "v2", "v3")
    def keep(old: dict[str, Any]) -> dict[str, Any]:
        return old

    router.add_route("order.paid", taking(dict[str, int]), version="v3")

    document = router.schema()

    assert document["upcasts"] == [
        {"type": "order.paid", "from": "v1", "to": "v2"},
        {"type": "order.paid", "from": "v2", "to": "v3"},
    ]
    assert document["versions"] == {"order.paid": ["v1", "v2", "v3"]}
    assert document["default_version"] == "v1"
    assert [(event["version"], event.get("upcast")) for event in document["events"]] == [
        ("v1", ["v1", "v2", "v3"]),
        ("v2", ["v2", "v3"]),
        ("v3", None),
    ]


def test_what_is_upcast_has_the_schema_of_what_the_first_upcaster_takes() -> None:
    router = Router()

    @router.upcast("order.paid", "v1", "v2")
    def total(old: dict[str, int]) -> dict[str, Any]:
        return old

    router.add_route("order.paid", taking(dict[str, str]), version="v2")

    assert router.schema("order.paid", "v1")["additionalProperties"] == {"type": "integer"}
    assert router.schema()["events"][0]["schema"] == router.schema("order.paid", "v1")


def test_what_is_upcast_on_a_condition_may_be_what_comes_after_it() -> None:
    router = Router()

    @router.upcast("order.paid", "v1", "v2")
    def total(old: dict[str, int]) -> dict[str, Any]:
        return old

    router.add_route("order.paid", taking(dict[str, str]), version="v2", where={"a": 1})
    router.add_route("order.paid", taking(list[int]))

    schema = router.schema("order.paid", "v1")
    assert [arm["type"] for arm in schema["anyOf"]] == ["object", "array"]


class _Asking:
    def __call__(self, event: Any) -> bool:
        return True


def test_conditions_are_told_the_same_in_each_process() -> None:
    router = Router()
    router.add_route("order.paid", taking(dict[str, int]), where=_Asking())
    router.add_route("order.sent", taking(dict[str, int]), where={"a": 1})
    router.add_route("order.sent", taking(dict[str, int]), where={"b": 2})
    router.add_route("order.lost", taking(dict[str, int]), where={"b": 2})
    router.add_route("order.lost", taking(dict[str, int]))

    lost, paid, sent = router.schema()["events"]
    assert "where" not in lost
    assert "0x" not in paid["where"][0]
    assert sent["where"] == ["a=1", "b=2"]
