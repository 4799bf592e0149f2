"""Unions of classes in schemas, told apart as the router tells them apart."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from eventrouter import make_converter
from tests.schemas.agreement import Both, core_of


@frozen
class Card:
    kind: Literal["card"]
    digits: str = ""


@frozen
class Transfer:
    kind: Literal["transfer"] = "transfer"


@frozen
class Cheque:
    number: int
    bank: str = ""


@frozen
class Coupon:
    code: str


@frozen
class Cash:
    bank: str = ""


def test_a_tag_is_required_and_named() -> None:
    schema = core_of(Card | Transfer)

    del schema["$defs"]
    assert schema == {
        "type": "object",
        "required": ["kind"],
        "discriminator": {"propertyName": "kind"},
        "anyOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Transfer"}],
    }


def test_a_member_of_one_class_alone_is_in_no_other() -> None:
    schema = core_of(Cheque | Coupon | Cash)

    assert schema["anyOf"] == [
        {"$ref": "#/$defs/Cheque", "properties": {"code": False}},
        {"$ref": "#/$defs/Coupon", "properties": {"number": False}},
        {"$ref": "#/$defs/Cash", "properties": {"number": False, "code": False}},
    ]


def test_what_is_no_class_stands_beside_the_classes() -> None:
    told_apart, *rest = core_of(Card | Transfer | str | None)["anyOf"]

    assert told_apart["discriminator"] == {"propertyName": "kind"}
    assert rest == [{"type": "string"}, {"type": "null"}]


def test_the_tag_must_be_there_though_a_class_has_a_default_for_it() -> None:
    assert not Both(Card | Transfer).assert_agreed({})
    assert Both(Transfer).assert_agreed({})


def test_a_union_with_a_hook_of_the_user_s_only_code_can_tell() -> None:
    converter = make_converter()
    converter.register_structure_hook(Cheque | Cash, lambda value, _: Cash(value))

    assert core_of(Cheque | Cash, converter) == {
        "$comment": "Cheque | Cash is read by a hook of its own"
    }
