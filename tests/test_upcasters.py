"""Upcasters as they are registered: what is refused, and where that is said to be."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NewType, Protocol, TypedDict

import pytest
from attrs import frozen

from eventrouter import Event, RegistrationError, Router, UnknownVersion
from eventrouter.upcasters import classes_of, fits, is_json
from tests.routed import an_event

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTypes

TYPE = "user.created"


@frozen
class V1:
    name: str


@frozen
class V2:
    name: str
    email: str


def one_to_two(old: V1) -> V2:
    return V2(old.name, "")


def two_to_three(old: V2) -> V2:
    return old


def raw_to_raw(old: dict[str, Any]) -> dict[str, Any]:
    return old


def handle(payload: V2) -> None: ...


def refused(function: Any, match: str, *versions: str) -> RegistrationError:
    """The error of the decorator."""
    with pytest.raises(RegistrationError, match=match) as caught:
        Router().upcast(TYPE, *(versions or ("v1", "v2")))(function)
    return caught.value


def refused_when_compiled(
    *upcasters: tuple[str, str, Any], handled: tuple[str, ...] = ("v3",), match: str
) -> str:
    """The error of compiling a router with these and a handler for these versions."""
    router = Router()
    for source, target, function in upcasters:
        router.upcast(TYPE, source, target)(function)
    for version in handled:
        router.on(TYPE, version=version)(handle)
    with pytest.raises(RegistrationError, match=match) as caught:
        router.compile()
    return str(caught.value)


def place(function: Any) -> str:
    return f"{function.__qualname__} ({__file__}:{function.__code__.co_firstlineno})"


def line(function: Any) -> str:
    return f"{__file__}:{function.__code__.co_firstlineno}"


# The function


def test_an_async_upcaster_is_refused() -> None:
    async def upcast(old: V1) -> V2:
        raise AssertionError

    assert place(upcast) in str(refused(upcast, "is async; an upcaster only makes"))


@pytest.mark.parametrize("make", [functools.partial, lambda function: type(function)])
def test_what_is_async_in_disguise_or_no_function_is_refused(make: Any) -> None:
    async def upcast(old: V1) -> V2:
        raise AssertionError

    refused(make(upcast), "is async|is a class")


def test_a_generator_is_refused() -> None:
    def upcast(old: V1) -> Iterator[V2]:
        yield V2("", "")

    refused(upcast, "is a generator function")


def test_one_that_takes_the_event_is_refused() -> None:
    def upcast(old: Event[V1]) -> V2:
        raise AssertionError

    refused(upcast, "takes the event; an upcaster takes the payload of the older version")


def test_one_without_parameters_is_refused() -> None:
    def upcast() -> V2:
        raise AssertionError

    refused(upcast, "takes no payload")


def test_one_that_takes_more_is_refused() -> None:
    def upcast(old: V1, more: V1) -> V2:
        raise AssertionError

    refused(upcast, "must take the payload alone")


def test_one_with_a_default_for_what_is_more_is_taken() -> None:
    def upcast(old: V1, domain: str = "old.example") -> V2:
        return V2(old.name, domain)

    assert Router().upcast(TYPE, "v1", "v2")(upcast) is upcast


def test_one_without_an_annotation_of_its_parameter_is_refused() -> None:
    def upcast(old) -> V2:  # type: ignore[no-untyped-def]
        raise AssertionError

    refused(upcast, "the parameter 'old' has no annotation")


def test_one_without_an_annotation_of_what_it_returns_is_refused() -> None:
    def upcast(old: V1):  # type: ignore[no-untyped-def]
        raise AssertionError

    def in_place(old: dict[str, Any]) -> None: ...

    assert place(upcast) in str(refused(upcast, "has no annotation for what it returns"))
    refused(in_place, "has no annotation for what it returns")


def test_one_whose_type_nothing_builds_is_refused() -> None:
    def upcast(old: complex) -> V2:
        raise AssertionError

    refused(upcast, "can't build its payload: complex")


def test_annotations_may_name_what_is_defined_later() -> None:
    router, seen = Router(), list[Any]()

    @router.upcast(TYPE, "v1", "v2")
    def upcast(old: Later) -> Last:
        return Last(old.name)

    @router.on(TYPE, version="v2")
    def take(payload: Last) -> None:
        seen.append(payload)

    define_later()
    router.dispatch_sync(an_event(TYPE, {"name": "ada"}, version="v1"))

    assert seen == [Last("ada")]


def define_later() -> None:
    @frozen
    class Later:
        name: str

    @frozen
    class Last:
        name: str

    globals().update(Later=Later, Last=Last)


if TYPE_CHECKING:

    @frozen
    class Later:
        name: str

    @frozen
    class Last:
        name: str


def test_a_name_that_never_is_defined_is_refused_when_compiled() -> None:
    def upcast(old: V1) -> OnlyForTypes:
        raise AssertionError

    error = refused_when_compiled(("v1", "v3", upcast), match="'OnlyForTypes' is not defined")

    assert place(upcast) in error


# The arguments


@pytest.mark.parametrize("type", ["user.*", "**", "", "user..created", None])
def test_upcasters_are_of_one_exact_type(type: Any) -> None:
    with pytest.raises(RegistrationError, match="pattern"):
        Router().upcast(type, "v1", "v2")(one_to_two)


@pytest.mark.parametrize("versions", [("", "v2"), ("v1", None), (1, "v2")])
def test_a_version_is_text(versions: Any) -> None:
    refused(one_to_two, "a version is text", *versions)


def test_an_upcaster_to_the_same_version_is_refused() -> None:
    error = refused(two_to_three, 'from "v2" to the same version', "v2", "v2")

    assert line(two_to_three) in str(error)


# The graph


def test_two_upcasters_of_one_version_are_refused_naming_both() -> None:
    router = Router()
    router.upcast(TYPE, "v1", "v2")(one_to_two)

    with pytest.raises(RegistrationError, match='both upcast "v1"') as caught:
        router.upcast(TYPE, "v1", "v3")(raw_to_raw)

    assert line(one_to_two) in str(caught.value)
    assert line(raw_to_raw) in str(caught.value)


def test_those_of_two_routers_are_refused_when_compiled() -> None:
    router, inner = Router(), Router()
    router.upcast(f"crm.{TYPE}", "v1", "v2")(one_to_two)
    inner.upcast(TYPE, "v1", "v3")(raw_to_raw)
    router.include(inner, prefix="crm.")

    with pytest.raises(RegistrationError, match='both upcast "v1"') as caught:
        router.compile()

    assert line(one_to_two) in str(caught.value)
    assert line(raw_to_raw) in str(caught.value)


def test_two_types_may_each_have_one() -> None:
    router = Router()
    for type in (TYPE, "user.deleted"):
        router.upcast(type, "v1", "v2")(one_to_two)
        router.on(type, version="v2")(handle)

    router.compile()


def test_a_circle_is_refused_naming_all_on_it() -> None:
    error = refused_when_compiled(
        ("v0", "v1", raw_to_raw),
        ("v1", "v2", one_to_two),
        ("v2", "v1", two_to_three),
        match="go round in a circle",
    )

    assert line(one_to_two) in error
    assert line(two_to_three) in error
    assert line(raw_to_raw) not in error


def test_an_upcaster_that_leads_to_no_handler_is_refused() -> None:
    error = refused_when_compiled(
        ("v1", "v2", one_to_two),
        ("v2", "v4", two_to_three),
        match='but no handler is registered for version "v2", "v4"',
    )

    assert line(one_to_two) in error
    assert line(two_to_three) in error


def test_one_beyond_the_last_handled_version_is_refused() -> None:
    error = refused_when_compiled(
        ("v1", "v3", one_to_two),
        ("v3", "v4", two_to_three),
        match='but no handler is registered for version "v4"',
    )

    assert line(two_to_three) in error
    assert line(one_to_two) not in error


def test_a_handler_of_any_version_is_no_end_of_a_chain() -> None:
    router = Router()
    router.upcast(TYPE, "v1", "v2")(one_to_two)
    router.on(TYPE)(handle)

    with pytest.raises(RegistrationError, match="no handler is registered for version"):
        router.compile()


def test_two_that_don_t_fit_together_are_refused_naming_both() -> None:
    def three_to_four(old: V1) -> V2:
        raise AssertionError

    error = refused_when_compiled(
        ("v1", "v2", one_to_two),
        ("v2", "v3", three_to_four),
        match="returns V2, and .* takes V1",
    )

    assert line(one_to_two) in error
    assert line(three_to_four) in error


def test_a_circle_beyond_a_handled_version_is_one_all_the_same() -> None:
    refused_when_compiled(
        ("v3", "v4", two_to_three),
        ("v4", "v3", two_to_three),
        match="go round in a circle",
    )


def test_a_function_registered_twice_for_a_version_is_refused_with_its_place() -> None:
    router = Router()
    router.on(TYPE, version="v1")(handle)

    with pytest.raises(RegistrationError, match="twice") as caught:
        router.on(TYPE, version="v1")(handle)

    assert line(handle) in str(caught.value)


# The order


def unknown(version: str, *, order: tuple[str, ...] = (), handled: str = "v3") -> UnknownVersion:
    router = Router()
    router.upcast(TYPE, "v2", handled)(one_to_two)
    router.on(TYPE, version=handled)(handle)
    if order:
        router.versions(TYPE, order)
    error = router.process_sync(an_event(TYPE, {}, version=version)).error
    assert isinstance(error, UnknownVersion)
    return error


def test_an_unknown_version_lists_those_with_a_handler_and_those_with_a_path() -> None:
    error = unknown("v9")

    assert error.known == ("v2", "v3")
    assert not error.is_newer
    assert str(error) == 'no route for version "v9" of "user.created"; known: "v2", "v3"'


def test_one_after_all_known_in_the_declared_order_is_newer() -> None:
    error = unknown("next", order=("v2", "v3", "next"))

    assert error.is_newer
    assert str(error) == (
        'no route for version "next" of "user.created", which is newer than all known: "v2", "v3"'
    )


def test_one_before_a_known_one_is_not() -> None:
    assert not unknown("v1", order=("v1", "v2", "v3")).is_newer
    assert not unknown("v2.5", order=("v2", "v2.5", "v3")).is_newer


def test_the_known_ones_are_listed_in_the_declared_order() -> None:
    router = Router()
    for version in ("first", "second", "alpha", "beta"):
        router.on(TYPE, version=version)(handle)
    router.versions(TYPE, ["second", "first"])

    error = router.process_sync(an_event(TYPE, version="third")).error

    assert isinstance(error, UnknownVersion)
    assert error.known == ("second", "first", "alpha", "beta")


@pytest.mark.parametrize(
    ("order", "version", "is_newer"),
    [
        (("v1", "v2", "v3"), "v4", True),
        (("v1", "v2", "v3"), "v10", True),
        (("v1", "v2", "v3"), "v" + "9" * 200, True),
        (("v1", "v2", "v3"), "v0", False),
        (("v1", "v2", "v3"), "v03", False),
        (("v1", "v2", "v3"), "V4", False),
        (("v1", "v2", "v3"), "latest", False),
        (("v2", "v3"), "v2.5", False),
        (("v2", "v3"), "v3.1", False),
        (("v3", "v2"), "v4", False),
        (("old", "v2", "v3"), "v4", False),
        (("old", "older"), "oldest", False),
        (("v3",), "v4", True),
        (("2024-01-31", "2024-10-01"), "2024-10-02", True),
        (("2024-01-31", "2024-10-01"), "2024-09-30", False),
        (("1.0", "1.9"), "1.10", True),
    ],
)
def test_one_that_the_order_does_not_list_is_newer_only_if_its_numbers_go_on(
    order: tuple[str, ...], version: str, is_newer: bool
) -> None:
    router = Router()
    router.on(TYPE, version=order[0])(handle)
    router.versions(TYPE, order)

    error = router.process_sync(an_event(TYPE, version=version)).error

    assert isinstance(error, UnknownVersion)
    assert error.is_newer is is_newer


def test_an_order_of_an_included_router_is_for_types_under_its_prefix() -> None:
    router, inner = Router(), Router()
    inner.versions(TYPE, ["v1", "v2"])
    inner.on(TYPE, version="v1")(handle)
    router.include(inner, prefix="crm.")

    error = router.process_sync(an_event(f"crm.{TYPE}", version="v2")).error

    assert isinstance(error, UnknownVersion)
    assert error.is_newer


def test_two_routers_may_declare_one_order_but_not_two() -> None:
    router, inner = Router(), Router()
    router.versions(TYPE, ["v1", "v2"])
    inner.versions(TYPE, ["v1", "v2"])
    router.include(inner)
    router.compile()
    other = Router()
    other.versions(TYPE, ["v2", "v1"])
    router.include(other)

    with pytest.raises(RegistrationError, match="declared twice, in two orders"):
        router.compile()


@pytest.mark.parametrize("order", [[], "v1", ["v1", "v1"], ["v1", ""], ["v1", None]])
def test_an_order_is_a_list_of_versions_each_once(order: Any) -> None:
    with pytest.raises(RegistrationError, match="version"):
        Router().versions(TYPE, order)


def test_an_order_is_declared_once_and_for_an_exact_type() -> None:
    router = Router()
    router.versions(TYPE, ["v1"])

    with pytest.raises(RegistrationError, match="declared already"):
        router.versions(TYPE, ["v1"])
    with pytest.raises(RegistrationError, match="pattern"):
        router.versions("user.*", ["v1"])


def test_an_upcaster_back_in_the_declared_order_is_refused() -> None:
    router = Router()
    router.versions(TYPE, ["v1", "v2", "v3"])
    router.upcast(TYPE, "v3", "v1")(two_to_three)
    router.on(TYPE, version="v1")(handle)

    with pytest.raises(RegistrationError, match='from "v3" back to "v1"') as caught:
        router.compile()

    assert line(two_to_three) in str(caught.value)


# Types


Wrapped = NewType("Wrapped", V1)


class Named(TypedDict):
    name: str


class Special(V2):
    pass


class Shape(Protocol):
    name: str


@pytest.mark.parametrize(
    "target", [Any, object, dict, dict[str, Any], Mapping[str, Any], Mapping[str, object]]
)
def test_json_is_any_or_an_object_of_any_members(target: Any) -> None:
    assert is_json(target)


@pytest.mark.parametrize("target", [V1, Named, dict[str, int], dict[int, Any], list[Any], None])
def test_json_is_nothing_narrower(target: Any) -> None:
    assert not is_json(target)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (V1, V1),
        (Wrapped, V1),
        (Special, V2),
        (V1, V1 | V2),
        (V1 | V2, V2 | None | V1),
        (list[V1], list[V1]),
        (Named, Named),
    ],
)
def test_these_fit(given: Any, wanted: Any) -> None:
    assert fits(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(V1, V2), (V2, Special), (V1 | None, V1), (bool, int), (Named, dict), (list[V1], list)],
)
def test_these_do_not(given: Any, wanted: Any) -> None:
    assert not fits(given, wanted)


@pytest.mark.parametrize(
    ("target", "classes"),
    [
        (V1, (V1,)),
        (Wrapped, (V1,)),
        (V1 | V2 | None, (V1, V2, type(None))),
        (Named, (dict,)),
        (list[V1], (list,)),
        (float, (float, int)),
        (Any, (object,)),
        (Shape, (object,)),
    ],
)
def test_a_value_is_an_instance_of_the_classes_of_its_type(target: Any, classes: Any) -> None:
    assert classes_of(target) == classes
