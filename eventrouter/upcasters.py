"""One step from a version of a payload to a later one, and how its result is handed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast, get_args, get_origin

from attrs import Factory, field, frozen
from cattrs import Converter

from eventrouter.errors import (
    UPCAST_VALUE,
    InvalidPayload,
    Mismatch,
    RegistrationError,
    printable,
    quoted,
)
from eventrouter.event import Event
from eventrouter.kinds import described
from eventrouter.payload import PayloadBuilder
from eventrouter.signature import AnyHandler, Conversion, Named
from eventrouter.structuring.json_kinds import (
    MAPPINGS,
    is_typed_dict,
    is_union,
    unwrapped,
)
from eventrouter.structuring.refusal import Refusal, type_name

_LONGEST = 300  # characters of what an upcaster raised or returned


@frozen(eq=False)
class Upcaster:
    """
    A function from the payload of one version to that of a later one.

    Attributes:
        event_type: The type of the events.
        source: The version it takes.
        target: The version it returns.
        function: The function.
        named: Its name and where it was written.
        conversion: What it takes and returns.
        builder: What builds what it takes; None if it takes raw JSON.
        converter: What writes what it returned as JSON again, where that is asked for.
        returned: The classes that what it returns is an instance of.
    """

    event_type: str
    source: str
    target: str
    function: AnyHandler = field(repr=False)
    named: Named
    conversion: Conversion = field(repr=False)
    builder: PayloadBuilder | None = field(repr=False)
    converter: Converter = field(repr=False)
    returned: tuple[type, ...] = field(
        init=False, repr=False, default=Factory(lambda self: _returned(self), takes_self=True)
    )

    def __str__(self) -> str:
        return f"from {quoted(self.source)} to {quoted(self.target)} by {self.named}"

    def __call__(self, payload: Any) -> tuple[Any, dict[str, str]]:
        """
        The newer payload, and what becomes of the metadata.

        Raises:
            Refusal: If the function returns something else than it says.
            Exception: Whatever the function raises.
        """
        returned = self.function(payload)
        changes: Any = {}
        if self.conversion.changes_metadata:
            if not isinstance(returned, tuple) or len(cast("tuple[Any, ...]", returned)) != 2:
                raise Refusal("a tuple of payload and metadata", got=_kind(returned))
            returned, changes = cast("tuple[Any, Any]", returned)
            changes = _checked_changes(changes)
        if not isinstance(returned, self.returned):
            raise Refusal(type_name(self.conversion.returns), got=_kind(returned))
        return returned, changes

    def refused(self, event: Event[Any], payload: Any, error: Exception) -> InvalidPayload:
        """The error of an event whose payload the function failed on."""
        if isinstance(error, Refusal) and error.got is not None:
            mismatch = Mismatch("$", error.expected, error.got)
        else:
            reason = f"{type(error).__name__}: {_text(error)}"
            mismatch = Mismatch("$", f"{UPCAST_VALUE} ({reason})", described(payload))
        payload_type = type_name(self.conversion.returns)
        return InvalidPayload(event.type, payload_type, [mismatch], str(self))


@frozen(eq=False)
class Handover:
    """
    How what an upcaster returned becomes what the next function takes.

    Args:
        upcaster: Whose result it is.
        write: Makes JSON of it; None if it is JSON.
        builder: What builds the next argument of the JSON; None if that is taken.
    """

    upcaster: Upcaster
    write: Callable[[Any], Any] | None
    builder: PayloadBuilder | None

    def __call__(self, payload: Any) -> Any:
        """
        What the next function takes.

        Raises:
            Exception: If it does not fit.
        """
        if self.write is not None:
            payload = self.write(payload)
        return payload if self.builder is None else self.builder.build(payload, self.builder.type)

    def explained(self, event: Event[Any], payload: Any) -> Any:
        """
        What the next function takes.

        Raises:
            InvalidPayload: If it does not fit, saying where and which upcaster made it.
            RegistrationError: If nothing builds the type.
        """
        try:
            if self.write is not None:
                payload = self.write(payload)
        except Exception as error:
            raise self.upcaster.refused(event, payload, error) from error
        if self.builder is None:
            return payload
        try:
            return self.builder(event.with_payload(payload))
        except InvalidPayload as error:
            step = str(self.upcaster)
            raise InvalidPayload(event.type, error.payload_type, error.errors, step) from error


def handover(upcaster: Upcaster, builder: PayloadBuilder | None) -> Handover | None:
    """How what the upcaster returned becomes what is built otherwise; None if it is that."""
    returned = upcaster.conversion.returns
    if is_json(returned):
        return None if builder is None else Handover(upcaster, None, builder)
    if builder is not None and fits(returned, builder.type):
        return None
    return Handover(upcaster, _writing(returned, upcaster.converter), builder)


def refuse_misfit(upcaster: Upcaster, following: Upcaster) -> None:
    """
    Refuse an upcaster whose result the next one does not take.

    Raises:
        RegistrationError: If so, naming both.
    """
    returned, taken = upcaster.conversion.returns, following.conversion.takes
    if not (is_json(returned) or is_json(taken) or fits(returned, taken)):
        raise RegistrationError(
            f"{quoted(upcaster.event_type)}: {upcaster.named} returns {type_name(returned)}, and "
            f"{following.named}, which upcasts it further, takes {type_name(taken)}; let both "
            f"name one type of the version {quoted(upcaster.target)}"
        )


def is_json(target: Any) -> bool:
    """Whether the type is that of raw JSON: any, or an object of any members."""
    target = unwrapped(target)
    if target in (Any, object):
        return True
    is_mapping = (get_origin(target) or target) in MAPPINGS
    return is_mapping and get_args(target) in ((), (str, Any), (str, object))


def fits(given: Any, wanted: Any) -> bool:
    """Whether a value of the one type is one of the other."""
    given, wanted = unwrapped(given), unwrapped(wanted)
    if given == wanted:
        return True
    if is_union(given):
        return all(fits(arm, wanted) for arm in get_args(given))
    if is_union(wanted):
        return any(fits(given, arm) for arm in get_args(wanted))
    are_classes = all(isinstance(one, type) and not is_typed_dict(one) for one in (given, wanted))
    return (
        are_classes and not get_args(given) and not get_args(wanted) and _is_subclass(given, wanted)
    )


def classes_of(target: Any) -> tuple[type, ...]:
    """The classes that a value of the type is an instance of, as near as can be told at once."""
    target = unwrapped(target)
    if is_union(target):
        return tuple(dict.fromkeys(cls for arm in get_args(target) for cls in classes_of(arm)))
    if is_typed_dict(target):
        return (dict,)
    cls: Any = get_origin(target) or target
    if cls is Any or not isinstance(cls, type) or getattr(cls, "_is_protocol", False):
        return (object,)
    return (float, int) if cls is float else (cls,)


def _returned(upcaster: Upcaster) -> tuple[type, ...]:
    return classes_of(upcaster.conversion.returns)


def _is_subclass(given: Any, wanted: Any) -> bool:
    # In JSON, true is no number.
    return given is not bool and issubclass(given, wanted)


def _writing(target: Any, converter: Converter) -> Callable[[Any], Any]:
    def write(value: Any) -> Any:
        return converter.unstructure(value, unstructure_as=target)

    return write


def _checked_changes(changes: Any) -> dict[str, str]:
    try:
        members = dict(changes)
    except (TypeError, ValueError):
        raise Refusal("metadata as a mapping of text to text", got=_kind(changes)) from None
    for name, text in members.items():
        if not isinstance(name, str) or not isinstance(text, str):
            member = printable(f"{name!r}: {text!r}", _LONGEST)
            raise Refusal("metadata as a mapping of text to text", got=f"one with {member}")
    return members


def _kind(value: Any) -> str:
    return "None" if value is None else type_name(type(value))


def _text(error: Exception) -> str:
    try:
        return printable(str(error), _LONGEST)
    except Exception:  # its __str__ is broken
        return "?"
