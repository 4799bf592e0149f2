"""What a handler asks for, read from its annotations once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, MutableMapping
from types import SimpleNamespace
from typing import Annotated, Any, NamedTuple, TypeAlias, cast, get_args, get_origin, get_type_hints

from eventrouter.errors import RegistrationError
from eventrouter.event import Event

#: A business function: sync or async, its first parameter the payload or the event.
AnyHandler: TypeAlias = Callable[..., Any]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Further(NamedTuple):
    """A parameter after the first, filled by its annotation."""

    name: str
    annotation: Any
    has_default: bool


class Signature(NamedTuple):
    """
    What a handler asks for.

    Attributes:
        payload_type: What the payload is built to.
        takes_event: Whether the first parameter is the whole event.
        further: The parameters after the first that have an annotation.
        is_async: Whether it runs in the event loop: it is a coroutine function, or an async
            generator function.
    """

    payload_type: Any
    takes_event: bool
    further: tuple[Further, ...]
    is_async: bool


class Conversion(NamedTuple):
    """
    What an upcaster takes and returns.

    Attributes:
        takes: The type of the older payload.
        returns: The type of the newer.
        changes_metadata: Whether it returns a tuple of that and changes of the metadata.
    """

    takes: Any
    returns: Any
    changes_metadata: bool


class Named(NamedTuple):
    """A function with the place where it was written, for messages."""

    name: str
    location: str

    def __str__(self) -> str:
        return f"{self.name} ({self.location})"


def named(function: Any) -> Named:
    """The name of a function, method, partial or callable object, with its file and line."""
    plain = _plain(function)
    module = getattr(plain, "__module__", None) or "?"
    qualified_name = getattr(plain, "__qualname__", None) or type(function).__qualname__
    code = getattr(plain, "__code__", None)
    location = f"{code.co_filename}:{code.co_firstlineno}" if code else "no source"
    return Named(f"{module}.{qualified_name}", location)


def refuse_uncallable(handler: Any) -> None:
    """
    Refuse what can't be a handler at all, before its annotations are looked at.

    Raises:
        RegistrationError: If it is a class, or not callable.
    """
    if isinstance(handler, (classmethod, staticmethod)):
        raise RegistrationError(
            "register a class or static method from outside the class: router.on(...)(Class.method)"
        )
    if isinstance(handler, type):
        raise RegistrationError(
            f"{handler.__qualname__} is a class; register an instance whose __call__ handles events"
        )
    if not callable(handler):
        raise RegistrationError(f"{handler!r} can't be called")


def refuse_generator(function: Any) -> None:
    """
    Refuse a generator function where nothing takes what it yields.

    Raises:
        RegistrationError: If it is one.
    """
    if is_generator(function):
        raise RegistrationError(
            f"{named(function)} is a generator function: calling it would run nothing; remove "
            "its yield"
        )


def read_signature(handler: AnyHandler) -> Signature:
    """
    Read what a handler asks for.

    Raises:
        RegistrationError: If it has no first parameter, or that has no annotation, or one that
            can't be read.
        NameError: If an annotation names what does not exist, or not yet.
        AttributeError: If that is an attribute.
    """
    parameters = _parameters(handler)
    if not parameters or parameters[0].kind not in _POSITIONAL:
        hint = (
            "; if it is decorated, let the decorator use functools.wraps"
            if any(p.kind in _VARIADIC for p in _all_parameters(handler))
            else ""
        )
        raise RegistrationError(
            f"{named(handler)} takes no payload: give it a first parameter annotated with the "
            f"payload's type, or with Event[...]{hint}"
        )
    hints = _hints(handler)
    first, *rest = parameters
    if first.name not in hints:
        is_self = first.name in ("self", "cls")
        hint = (
            "register the method of an instance: router.on(...)(instance.method)"
            if is_self
            else f"annotate it with the payload's type, such as {first.name}: UserCreated, or "
            "with Event[...]"
        )
        raise RegistrationError(
            f"{named(handler)}: the parameter {first.name!r} has no annotation; {hint}"
        )
    payload_type, takes_event = _payload_type(hints[first.name])
    return Signature(
        payload_type,
        takes_event,
        tuple(_further(handler, parameter, hints) for parameter in rest),
        runs_in_loop(handler),
    )


def read_conversion(upcaster: AnyHandler) -> Conversion:
    """
    Read what an upcaster takes and returns.

    Raises:
        RegistrationError: If it is async, or is not annotated as ``(older payload) -> newer``.
        NameError: If an annotation names what does not exist, or not yet.
        AttributeError: If that is an attribute.
    """
    if is_async(upcaster):
        raise RegistrationError(
            f"{named(upcaster)} is async; an upcaster only makes a payload of another: a plain "
            "function, without input or output"
        )
    signature = read_signature(upcaster)
    if signature.takes_event:
        raise RegistrationError(
            f"{named(upcaster)} takes the event; an upcaster takes the payload of the older version"
        )
    if not takes(upcaster, 1):
        raise RegistrationError(f"{named(upcaster)} must take the payload alone")
    returned = _hints(upcaster, "return").get("return", inspect.Signature.empty)
    if returned is inspect.Signature.empty or returned is type(None):
        raise RegistrationError(
            f"{named(upcaster)} has no annotation for what it returns; annotate it with the type "
            "of the newer payload"
        )
    payload, *further = get_args(returned) if get_origin(returned) is tuple else (returned,)
    if len(further) == 1 and _is_metadata(further[0]):
        return Conversion(signature.payload_type, payload, True)
    return Conversion(signature.payload_type, returned, False)


def is_async(function: Any) -> bool:
    """Whether calling the function, method, partial or object gives a coroutine."""
    if inspect.iscoroutinefunction(function):
        return True
    if isinstance(function, functools.partial):
        return is_async(cast("functools.partial[Any]", function).func)
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004
    )


def is_generator(function: Any) -> bool:
    """Whether calling the function, method, partial or object gives a generator."""
    if isinstance(function, functools.partial):
        return is_generator(cast("functools.partial[Any]", function).func)
    candidates = (function, getattr(function, "__call__", None))  # noqa: B004
    return any(
        inspect.isgeneratorfunction(candidate) or inspect.isasyncgenfunction(candidate)
        for candidate in candidates
    )


def may_yield(handler: Any) -> bool:
    """Whether calling the handler gives a generator, or may do so as it only wraps one."""
    return is_generator(handler) or is_generator(_plain(handler))


def runs_in_loop(handler: Any) -> bool:
    """Whether the handler waits in the event loop: calling it gives what has to be awaited."""
    return is_async(handler) or inspect.isasyncgenfunction(_plain(handler))


def takes(function: Any, count: int) -> bool:
    """Whether the function can be called with that many positional arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def is_event(annotation: Any) -> bool:
    """Whether the annotation is ``Event`` or ``Event[...]``, ``Annotated`` or not."""
    annotation = _bare(annotation)
    return annotation is Event or get_origin(annotation) is Event


def _payload_type(annotation: Any) -> tuple[Any, bool]:
    if not is_event(annotation):
        return annotation, False
    return (get_args(_bare(annotation)) or (Any,))[0], True


def _is_metadata(annotation: Any) -> bool:
    is_mapping = get_origin(annotation) in (dict, Mapping, MutableMapping)
    return is_mapping and get_args(annotation) == (str, str)


def _bare(annotation: Any) -> Any:
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


def _further(handler: AnyHandler, parameter: inspect.Parameter, hints: dict[str, Any]) -> Further:
    has_default = parameter.default is not inspect.Parameter.empty
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY and not has_default:
        raise RegistrationError(
            f"{named(handler)}: the parameter {parameter.name!r} is positional-only; only the "
            "first may be"
        )
    if parameter.name not in hints and not has_default:
        raise RegistrationError(
            f"{named(handler)}: the parameter {parameter.name!r} has no annotation to fill it "
            "by; annotate it with Event, Metadata or a type given to router.provide()"
        )
    return Further(parameter.name, hints.get(parameter.name), has_default)


def _all_parameters(handler: AnyHandler) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(handler).parameters.values())
    except (TypeError, ValueError):
        raise RegistrationError(
            f"{named(handler)} has no signature that Python can read; wrap it in a function"
        ) from None


def _parameters(handler: AnyHandler) -> list[inspect.Parameter]:
    return [p for p in _all_parameters(handler) if p.kind not in _VARIADIC]


def _hints(handler: AnyHandler, *wanted: str) -> dict[str, Any]:
    """The annotations resolved: those wanted, or those of the parameters."""
    plain = _plain(handler)
    # What a handler returns may well be imported under TYPE_CHECKING only, and is not needed.
    annotations = {
        name: annotation
        for name, annotation in getattr(plain, "__annotations__", {}).items()
        if (name in wanted if wanted else name != "return")
    }
    try:
        return get_type_hints(
            SimpleNamespace(__annotations__=annotations),
            globalns=getattr(plain, "__globals__", {}),
            include_extras=True,
        )
    except (SyntaxError, TypeError) as error:
        raise RegistrationError(
            f"{named(handler)}: an annotation can't be read: {error}"
        ) from error


def _plain(function: Any) -> Any:
    """The function with the annotations, under partials, decorators and ``__call__``."""
    while True:
        if isinstance(function, functools.partial):
            function = cast("functools.partial[Any]", function).func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif inspect.isroutine(function) or isinstance(function, type) or not callable(function):
            return function
        else:
            # The one of a class is a function, that of an instance may be anything.
            function = type(function).__call__
