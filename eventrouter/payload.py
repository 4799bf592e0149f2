"""From a raw payload to a typed one: a type's builder, compiled once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias, cast

from attrs import field, frozen
from cattrs import (
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
    StructureHandlerNotFoundError,
)
from cattrs.errors import AttributeValidationNote, IterableValidationNote

from eventrouter.errors import VALID_VALUE, InvalidPayload, Mismatch, RegistrationError, listed
from eventrouter.event import Event
from eventrouter.kinds import described
from eventrouter.paths import MISSING, Missing, place, step_into
from eventrouter.structuring.collecting import MOST, counting
from eventrouter.structuring.records import json_name
from eventrouter.structuring.recursion import remembering
from eventrouter.structuring.refusal import Hook, Refusal, type_name

_LONGEST = 300  # characters of a path, or of what was expected

Steps: TypeAlias = tuple[int | str, ...]


class PayloadConverter:
    """
    A converter, and a copy of it that stops at the first mismatch.

    The copy builds; what it refuses is built again in detail, only to say what is wrong.
    """

    def __init__(self, converter: Converter) -> None:
        self.detailed = converter
        self._first_only: Converter | None = None

    @property
    def first_only(self) -> Converter:
        """The copy, made when first used, so that hooks registered until then are in it."""
        if self._first_only is None:
            self._first_only = self.detailed.copy(detailed_validation=False)
            # cattrs keeps the hooks of unions apart, and forgets to copy them.
            for union, hook in self.detailed._union_struct_registry.items():  # pyright: ignore[reportPrivateUsage]
                self._first_only.register_structure_hook(union, hook)
        return self._first_only


@frozen(eq=False)
class PayloadBuilder:
    """
    Builds the payload of one type.

    Args:
        type: The type.
        build: What builds it, fast.
        explain: What builds it in detail.
        converter: What made ``explain``.
    """

    type: Any
    build: Hook
    explain: Hook
    converter: Converter = field(repr=False)

    def __call__(self, event: Event[Any]) -> Any:
        """
        The event's payload, built.

        Raises:
            InvalidPayload: If it does not fit the type.
            RegistrationError: If nothing builds the type.
        """
        try:
            return self.build(event.payload, self.type)
        except Exception as error:
            return self.explained(event, error)

    def explained(self, event: Event[Any], first: Exception) -> Any:
        """
        Build it again, in detail, to say why it was refused.

        Raises:
            InvalidPayload: If it is refused again, saying where it does not fit.
            RegistrationError: If nothing builds the type.
        """
        try:
            with counting():
                return self.explain(event.payload, self.type)
        except StructureHandlerNotFoundError as error:
            raise RegistrationError(str(error)) from error
        except Exception as error:
            mismatches = _mismatches(error, event.payload, self.converter)
            errors = tuple(islice(mismatches, MOST))
            raise InvalidPayload(event.type, type_name(self.type), errors) from first


def make_builder(target: Any, converter: PayloadConverter) -> PayloadBuilder:
    """
    The builder of a type.

    Raises:
        cattrs.StructureHandlerNotFoundError: If nothing builds the type.
        NameError: If an annotation in the type names what does not exist yet.
    """
    with remembering():
        build = converter.first_only.get_structure_hook(target)
        explain = converter.detailed.get_structure_hook(target)
    return PayloadBuilder(
        target,
        build,
        explain,
        converter.detailed,
    )


def _mismatches(
    error: Exception, payload: Any, converter: Converter, steps: Steps = ()
) -> Iterator[Mismatch]:
    if isinstance(error, ClassValidationError):
        overrides = _overrides(error, converter)
        for inner in error.exceptions:
            note = _note(inner, AttributeValidationNote)
            inside = steps if note is None else (*steps, json_name(note.name, overrides))
            yield from _mismatches(inner, payload, converter, inside)
    elif isinstance(error, IterableValidationError):
        for inner in error.exceptions:
            note = _note(inner, IterableValidationNote)
            inside = steps if note is None else (*steps, note.index)
            yield from _mismatches(inner, payload, converter, inside)
    elif isinstance(error, ExceptionGroup):
        for inner in cast("ExceptionGroup[Exception]", error).exceptions:
            yield from _mismatches(inner, payload, converter, steps)
    elif isinstance(error, StructureHandlerNotFoundError):
        # Of a class that stands inside itself, some hooks are only looked for when used.
        raise RegistrationError(str(error)) from error
    else:
        yield _mismatch(error, payload, steps)


def _overrides(error: ClassValidationError, converter: Converter) -> dict[str, Any]:
    """Field -> how it differs in JSON, of the class that was not built."""
    try:  # An error of a hook that is not ours has none.
        source = error if hasattr(error, "overrides") else converter.get_structure_hook(error.cl)
    except StructureHandlerNotFoundError:  # of a generic class, which the error names alone
        return {}
    return cast("dict[str, Any]", getattr(source, "overrides", {}))


def _mismatch(error: Exception, payload: Any, steps: Steps) -> Mismatch:
    where, got = "", None
    if isinstance(error, Refusal):
        expected, where, got = error.expected, error.where, error.got
    elif isinstance(error, KeyError) and _value(payload, steps) is MISSING:
        expected = "a value"
    elif isinstance(error, ForbiddenExtraKeysError):
        expected, got = "no other members", f"also {listed(sorted(error.extra_fields))}"
    else:
        # From a validator, or from a hook of the user's: its message says what it wants.
        expected = f"{VALID_VALUE} ({type(error).__name__}: {_message(error)})"
    if got is None:
        value = _value(payload, steps)
        got = "nothing" if value is MISSING else described(value)
    path = "$" + "".join(map(place, steps)) + where
    return Mismatch(_cut(path), _cut(expected), _cut(got))


def _message(error: Exception) -> str:
    # The validators of attrs add the attribute and more to their message.
    is_plain = type(error).__str__ is Exception.__str__ and error.args
    return str(error.args[0] if is_plain else error)


def _value(payload: Any, steps: Steps) -> Any | Missing:
    for step in steps:
        payload = step_into(payload, step)
    return payload


def _note(error: BaseException, kind: type[Any]) -> Any:
    notes = cast("list[str]", getattr(error, "__notes__", []))
    return next((note for note in notes if note.__class__ is kind), None)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
