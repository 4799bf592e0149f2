"""
What msgspec must decode a type as, so that it means what the strict hooks mean.

A type has a twin only if each hook it is built by is this package's own, and msgspec either means
the same by the type or calls that hook. What msgspec builds otherwise than attrs and dataclasses
do (converters, fields that are no argument, names of their own, an ``__init__`` or ``__setattr__``
written by hand) has none, nor has what can hold JSON of any depth. Whoever finds no twin is told
why, and leaves the type to cattrs.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from enum import Enum
from types import MemberDescriptorType
from typing import (
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Optional,
    Required,
    TypeAlias,
    TypedDict,
    Union,
    get_args,
    get_origin,
)
from uuid import UUID

import attrs
from cattrs import Converter

from eventrouter.structuring.constraints import constraints_of
from eventrouter.structuring.foreign import is_msgspec, is_pydantic
from eventrouter.structuring.json_kinds import is_record, is_typed_dict, is_union, unwrapped
from eventrouter.structuring.records import Member, members_of
from eventrouter.structuring.refusal import Hook, is_own, type_name
from eventrouter.structuring.scalars import is_closed, is_enum, structure_decimal

_NATIVE = (str, int, float, bool, type(None), date, UUID)
#: What msgspec calls for a type that it does not know: the type itself, a marker, on the value.
build_marked: Any = operator.call


class NoTwin(Exception):
    """Raised where msgspec can't be made to mean what a type's hooks mean; says why."""


class Twin(NamedTuple):
    """
    What msgspec is to decode.

    Attributes:
        type: What it is told to decode.
        depth: How deep arrays and objects are nested in it, at most.
    """

    type: Any
    depth: int = 0


#: Class -> its twin, or None while that is under way. A class may stand in many fields.
_Made: TypeAlias = dict[Any, Twin | None]


def twin_of(target: Any, converter: Converter, _made: _Made | None = None) -> Twin:
    """
    The twin of a type.

    Args:
        target: The type.
        converter: What builds it otherwise.

    Raises:
        NoTwin: If it has none.
    """
    made: _Made = {} if _made is None else _made
    bare, hook = _own_hook(target, converter)
    if constraints_of(target):
        raise NoTwin(f"{type_name(bare)} is Annotated with what its values must be")
    if bare in _NATIVE:
        return Twin(bare)
    if get_origin(bare) is Literal:
        return _literal_twin(bare, hook)
    if is_union(bare):
        return _union_twin(bare, converter, made)
    if is_enum(bare):
        return Twin(bare) if _is_plain(bare) else Twin(_marker(hook, bare))
    if bare is Decimal or hasattr(hook, "parse"):
        return Twin(_marker(hook, bare))
    if is_record(bare):
        return _once(_record_twin, bare, converter, made)
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is list or (origin is tuple and arguments[1:] == (...,)):
        inner = twin_of(arguments[0], converter, made)
        of_items = list[inner.type] if origin is list else tuple[inner.type, ...]  # type: ignore[name-defined]
        return Twin(of_items, inner.depth + 1)
    if origin is dict and _own_hook(arguments[0], converter)[0] is str:
        inner = twin_of(arguments[1], converter, made)
        return Twin(dict[str, inner.type], inner.depth + 1)  # type: ignore[name-defined]
    raise NoTwin(f"{type_name(bare)} is read by cattrs")


def projection_of(target: Any, converter: Converter, _made: _Made | None = None) -> Twin:
    """
    What msgspec is to decode so that it skips members that no class names, and builds nothing.

    Args:
        target: The type.
        converter: What builds it of the result.

    Raises:
        NoTwin: If it can't be told which members are read.
    """
    made: _Made = {} if _made is None else _made
    bare, hook = _own_hook(target, converter)
    if is_record(bare):
        return _once(_record_projection, bare, converter, made)
    origin, arguments = get_origin(bare), get_args(bare)
    if is_union(bare) and len(arguments) == 2 and type(None) in arguments:
        inner = projection_of(_only_arm(bare), converter, made)
        return inner if inner.type is Any else _or_null(inner)
    if origin is list:
        inner = projection_of(arguments[0], converter, made)
        return Twin(list[inner.type], inner.depth + 1)  # type: ignore[name-defined]
    if origin is dict and unwrapped(arguments[0]) is str:
        inner = projection_of(arguments[1], converter, made)
        return Twin(dict[str, inner.type], inner.depth + 1)  # type: ignore[name-defined]
    if bare in _NATIVE or bare is Decimal or hasattr(hook, "parse") or is_enum(bare):
        return Twin(Any)
    if get_origin(bare) is Literal:
        return Twin(Any)
    raise NoTwin(f"{type_name(bare)} may hold any JSON")


def _own_hook(target: Any, converter: Converter) -> tuple[Any, Hook]:
    """The type without what is wrapped around it, and its hook, if nobody replaced that."""
    bare = unwrapped(target)
    for form in (target, bare):
        if not is_own(converter.get_structure_hook(form)):
            raise NoTwin(f"{type_name(form)} has a hook of its own")
    if is_pydantic(bare) or is_msgspec(bare):
        raise NoTwin(f"{type_name(bare)} builds itself")
    return bare, converter.get_structure_hook(bare)


def _literal_twin(target: Any, hook: Hook) -> Twin:
    if all(type(value) in (str, int) for value in get_args(target)):
        return Twin(target)
    return Twin(_marker(hook, target))


def _union_twin(target: Any, converter: Converter, made: _Made) -> Twin:
    arguments = get_args(target)
    if len(arguments) == 2 and type(None) in arguments:
        return _or_null(twin_of(_only_arm(target), converter, made))
    if all(unwrapped(arm) in (str, int, bool, type(None)) for arm in arguments):
        twins = [twin_of(arm, converter, made).type for arm in arguments]
        return Twin(Union[tuple(twins)])  # noqa: UP007
    raise NoTwin(f"the union {type_name(target)} is told apart by cattrs")


def _or_null(twin: Twin) -> Twin:
    # A marker is a class whose metaclass knows no ``|``.
    return Twin(Optional[twin.type], twin.depth)  # noqa: UP045


def _only_arm(union: Any) -> Any:
    return next(arm for arm in get_args(union) if arm is not type(None))


def _is_plain(enum: type[Enum]) -> bool:
    """Whether its members are found by their values alone, all text or all integers."""
    kinds: set[Any] = {type(member._value_) for member in enum}
    return len(kinds) == 1 and kinds <= {str, int} and is_closed(enum)


def _marker(hook: Hook, target: Any) -> Any:
    """A type of no instances that, when called on a JSON value, gives what the hook builds."""
    build = structure_decimal if target is Decimal else getattr(hook, "parse", None)
    if build is None or is_enum(target):
        build = _bound(hook, target)
    # msgspec asks whether what was built is an instance: whatever ``type`` says of it is true.
    attributes = {"__call__": staticmethod(build), "__instancecheck__": staticmethod(type)}
    metaclass = type("Marker", (type,), attributes)
    return metaclass(type_name(target), (), {})


def _bound(hook: Hook, target: Any) -> Callable[[Any], Any]:
    return lambda value: hook(value, target)


def _once(
    make: Callable[[Any, Converter, _Made], Twin], target: Any, converter: Converter, made: _Made
) -> Twin:
    """The twin of a class, made unless it was made already."""
    if target not in made:
        made[target] = None
        made[target] = make(target, converter, made)
    twin = made[target]
    if twin is None:
        raise NoTwin(f"{type_name(target)} stands inside itself")
    return twin


def _record_twin(target: Any, converter: Converter, made: _Made) -> Twin:
    members = _suited_members(target, converter)
    twins: dict[str, Twin] = {}
    for member in members:
        if member.name != member.field:
            raise NoTwin(f"{type_name(target)}.{member.field} has another name in JSON")
        twins[member.field] = twin_of(member.type, converter, made)
    depth = 1 + max((twin.depth for twin in twins.values()), default=0)
    if is_typed_dict(target):
        required = {member.field: member.is_required for member in members}
        return Twin(_typed_dict(target.__name__, twins, required), depth)
    _refuse_unlike_generated(target)
    annotations = {field: twin.type for field, twin in twins.items()}
    plain = {member.field: member.type for member in members}
    if annotations == plain and _is_seen_as_it_is(target, plain):
        return Twin(target, depth)
    return Twin(_shadow(target, annotations), depth)


def _record_projection(target: Any, converter: Converter, made: _Made) -> Twin:
    members = _suited_members(target, converter)
    if len({member.name for member in members}) < len(members):
        raise NoTwin(f"two fields of {type_name(target)} have one name in JSON")
    twins = {member.name: projection_of(member.type, converter, made) for member in members}
    depth = 1 + max((twin.depth for twin in twins.values()), default=0)
    return Twin(_typed_dict(target.__name__, twins, {}), depth)


def _suited_members(target: Any, converter: Converter) -> list[Member]:
    """The members of a class, unless msgspec would not read them as its hook does."""
    if converter.forbid_extra_keys:
        raise NoTwin("forbid_extra_keys asks for all members")
    parameters: Any = getattr(target, "__parameters__", None)
    if get_origin(target) is not None or parameters:
        raise NoTwin(f"{type_name(target)} is generic")
    members = members_of(target, converter)
    for member in members:
        if not (member.name.isascii() and member.field.isascii()):
            raise NoTwin(f"msgspec does not find {type_name(target)}.{member.field} by its name")
    overrides = getattr(converter.get_structure_hook(target), "overrides", {})
    for field, override in overrides.items():
        if override.struct_hook is not None or override.omit:
            raise NoTwin(f"{type_name(target)}.{field} is read in a way of its own")
    return members


def _refuse_unlike_generated(cls: Any) -> None:
    """Refuse a class whose objects are not what setting their fields one by one makes them."""
    name = type_name(cls)
    fields: Any = attrs.fields(cls) if attrs.has(cls) else dataclasses.fields(cls)
    for field in fields:
        if not field.init:
            raise NoTwin(f"{name}.{field.name} is no argument of {name}")
        if getattr(field, "converter", None) is not None:
            raise NoTwin(f"{name}.{field.name} has a converter")
        if getattr(getattr(field, "default", None), "takes_self", False):
            raise NoTwin(f"the default of {name}.{field.name} is made from the object")
        if any(hasattr(found, "__set__") for found in _besides_slots(cls, field.name)):
            raise NoTwin(f"{name}.{field.name} is set by a descriptor")
    if not _is_generated(cls.__init__):
        raise NoTwin(f"{name} has an __init__ of its own")
    code = cls.__init__.__code__
    if set(_arguments_of(code)) != {field.name for field in fields}:
        raise NoTwin(f"the arguments of {name} are not its fields")
    if "_attrs_cached_hash" in (*code.co_consts, *code.co_names):
        raise NoTwin(f"{name} keeps its hash")
    if (
        type(cls).__call__ is not type.__call__
        or cls.__new__ is not object.__new__
        or hasattr(cls, "__attrs_pre_init__")
    ):
        raise NoTwin(f"{name} is made in a way of its own")
    if cls.__setattr__ is not object.__setattr__ and not _is_generated(cls.__setattr__):
        raise NoTwin(f"{name} has a __setattr__ of its own")
    if hasattr(cls, "__del__"):  # which would see what is half built
        raise NoTwin(f"{name} has a __del__")


def _is_generated(method: Any) -> bool:
    """Whether attrs or dataclasses made a method. In a console, file names tell them not apart."""
    code = getattr(method, "__code__", None)
    if code is None:
        return False
    is_of_attrs = code.co_filename.startswith("<attrs generated ")
    is_within_attrs: bool = method.__globals__.get("__name__") == "attr._make"
    is_of_dataclasses = code.co_qualname.startswith("__create_fn__.<locals>.")
    return bool(is_of_attrs or is_within_attrs or is_of_dataclasses)


def _arguments_of(code: Any) -> Iterable[str]:
    names: tuple[str, ...] = code.co_varnames
    return names[1 : code.co_argcount + code.co_kwonlyargcount]


def _besides_slots(cls: type, name: str) -> Iterator[Any]:
    """What the class and its bases hold by the name of a field, but for its slot."""
    for base in cls.__mro__:
        if name in vars(base) and not isinstance(vars(base)[name], MemberDescriptorType):
            yield vars(base)[name]


def _is_seen_as_it_is(cls: Any, names: Iterable[str]) -> bool:
    """
    Whether msgspec finds what fields are annotated with, and no value where none was set.

    It looks types up in the module, and would not find those of a function. It asks the object
    for each field, and takes an attribute of the class for one that is set.
    """
    found = [value for name in names for value in _besides_slots(cls, name)]
    is_local = "<locals>" in cls.__qualname__
    return not (found or is_local or _makes_up_attributes(cls) or _has_validators(cls))


def _makes_up_attributes(cls: Any) -> bool:
    return hasattr(cls, "__getattr__") or cls.__getattribute__ is not object.__getattribute__


def _has_validators(cls: Any) -> bool:
    return attrs.has(cls) and any(field.validator is not None for field in attrs.fields(cls))


class _Shadow(type):
    """The class of classes that only msgspec is to see."""


def _shadow(cls: Any, annotations: dict[str, Any]) -> Any:
    """
    A class with other annotations, for msgspec to read, whose objects turn into ``cls``'s.

    It is no subclass where it need not be: whoever asks for subclasses would find it, and msgspec
    would take attributes that it inherits for fields.
    """
    members: dict[str, Any] = {
        "__annotations__": annotations,
        "__module__": cls.__module__,
        "__setattr__": object.__setattr__,  # to turn though frozen
    }
    if attrs.has(cls):
        # Validators are to see the object turned, and are run below.
        members["__attrs_attrs__"] = tuple(f.evolve(validator=None) for f in attrs.fields(cls))
        members["__attrs_post_init__"] = _turning(cls, "__attrs_post_init__")
    else:
        members["__dataclass_fields__"] = cls.__dataclass_fields__
        members["__post_init__"] = _turning(cls, "__post_init__")
    slots = {name: vars(cls)[name] for name in ("__slots__",) if name in vars(cls)}
    alike: Any = _Shadow(cls.__name__, (), {**members, **slots})
    try:
        object.__setattr__(object.__new__(alike), "__class__", cls)
    except TypeError:  # as with both slots and weak references, which attrs makes
        _refuse_if_noticed(cls)
        return _Shadow(cls.__name__, (cls,), {**members, "__slots__": ()})
    return alike


def _refuse_if_noticed(cls: Any) -> None:
    """Refuse a class that notices a subclass, or whose subclasses someone may be looking for."""
    has_subclasses = any(type(sub) is not _Shadow for sub in cls.__subclasses__())
    is_alone = cls.__bases__ == (object,) and type(cls) is type and not has_subclasses
    if not is_alone or "__init_subclass__" in vars(cls) or _makes_up_attributes(cls):
        raise NoTwin(f"a subclass of {type_name(cls)} would be noticed")


def _turning(cls: Any, step: str) -> Callable[[Any], None]:
    """What turns an object into one of the class, then does what its ``__init__`` ends with."""
    turn = operator.methodcaller("__setattr__", "__class__", cls)
    has_validators = _has_validators(cls)
    end = operator.methodcaller(step) if hasattr(cls, step) else None
    if not has_validators and end is None:
        return turn

    def turn_first(instance: Any) -> None:
        turn(instance)
        if has_validators:
            attrs.validate(instance)
        if end is not None:
            end(instance)

    return turn_first


def _typed_dict(name: str, twins: dict[str, Twin], required: dict[str, bool]) -> Any:
    members = {
        name: (Required if required.get(name) else NotRequired)[twin.type]
        for name, twin in twins.items()
    }
    return TypedDict(name, members)  # type: ignore[operator]
