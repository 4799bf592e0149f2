"""From bytes to a JSON tree and back, within limits."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeAlias, cast

from eventrouter.errors import EventTooLarge, MalformedEvent
from eventrouter.limits import Limits

#: What ``dispatch`` takes: JSON in UTF-8, JSON in text, or JSON parsed already.
Raw: TypeAlias = bytes | bytearray | memoryview | str | Mapping[str, Any]

#: Reads JSON faster than ``decode`` would; raises whatever it likes where it would not.
Parse: TypeAlias = Callable[[bytes], Any]

DEFAULT_LIMITS: Final = Limits()

_LONG = 4_096  # bytes
_WIDER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"\x00")


def decode(raw: Raw, limits: Limits = DEFAULT_LIMITS, parse: Parse | None = None) -> Any:
    """
    Read one JSON value; of a name that an object repeats, the last value counts.

    Args:
        raw: JSON as UTF-8 bytes or as text. A mapping is taken as parsed already: it is copied,
            tuples become lists, and anything JSON does not have is refused.
        limits: How much is read before it is refused.
        parse: What is tried first; what it refuses is read again to say what is wrong.

    Raises:
        MalformedEvent: If it is not JSON by RFC 8259, holds a lone surrogate or a number that
            no float can hold, or is over a limit.
    """
    if isinstance(raw, bytes):
        data = raw
    elif isinstance(raw, Mapping):
        return _copied(raw, limits)
    else:
        data = as_bytes(raw)
    if len(data) > limits.max_bytes:
        raise too_large(data, limits)
    if parse is not None:
        try:
            tree = parse(data)
        except Exception:
            pass  # said below
        else:
            _refuse_depth(data, tree, limits)
            return tree
    return _decode_slowly(data, limits)


def _decode_slowly(data: bytes, limits: Limits) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(data, error) from None
    decoder = _PLAIN_DECODER
    if limits is not DEFAULT_LIMITS or sys.get_int_max_str_digits() != _PYTHON_DIGITS:
        decoder = _decoder(limits.max_integer_digits, sys.get_int_max_str_digits())
    try:
        # Unlike decode(), this spends no time on white space around the value.
        tree, end = decoder.raw_decode(text)
        if end != len(text):
            tree = decoder.decode(text)
    except (ValueError, RecursionError):
        tree = _parsed(text, decoder, limits)
    _refuse_depth(data, tree, limits)
    # Each search is longer than the one before it, and seldom reached.
    if "\\" in text and "\\u" in text and ("\\ud" in text or "\\uD" in text):
        _refuse_lone_surrogates(tree)
    return tree


def encode(tree: Any) -> bytes:
    """
    Write a JSON value as compact UTF-8.

    Raises:
        MalformedEvent: If it holds anything that JSON does not have.
    """
    try:
        return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedEvent(f"not writable as JSON: {error}") from error


def as_bytes(raw: bytes | bytearray | memoryview | str) -> bytes:
    """
    What arrived as bytes, text in UTF-8.

    Raises:
        MalformedEvent: If it is neither bytes nor text.
    """
    if isinstance(raw, str):
        try:
            return raw.encode()
        except UnicodeEncodeError:
            raise _lone_surrogate() from None
    if isinstance(raw, (bytes, bytearray, memoryview)):  # pyright: ignore[reportUnnecessaryIsInstance]
        return bytes(raw)
    raise MalformedEvent(f"an event is bytes, text or a mapping, not {type(raw).__qualname__}")


def too_large(data: bytes, limits: Limits) -> EventTooLarge:
    """What is wrong with more bytes than the limits allow."""
    return EventTooLarge(
        f"the event has {len(data):,} bytes; Limits(max_bytes={limits.max_bytes}) allows less"
    )


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> MalformedEvent:
    hint = "; is it UTF-16?" if data.startswith(_WIDER_ENCODINGS) else ""
    return MalformedEvent(f"not UTF-8: byte {error.start} is wrong{hint}")


def _parsed(text: str, decoder: json.JSONDecoder, limits: Limits) -> Any:
    """Read it as a whole, to say what is wrong with it, if anything is."""
    if text.startswith("\ufeff"):
        raise MalformedEvent("not JSON: it starts with a byte order mark; send UTF-8 without one")
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedEvent(f"not JSON: {error.msg} at {where}") from None
    except MalformedEvent:
        raise
    except ValueError:
        raise _too_many_digits(sys.get_int_max_str_digits()) from None
    except RecursionError:
        raise _too_deep(limits) from None


@lru_cache(maxsize=32)
def _decoder(max_digits: int, python_max_digits: int) -> json.JSONDecoder:
    # Python's own bound on digits costs nothing, so ours is checked only where it is the lower.
    def bounded_int(digits: str) -> int:
        if len(digits) - digits.startswith("-") > max_digits:
            raise _too_many_digits(max_digits)
        return int(digits)

    return json.JSONDecoder(
        parse_int=int if 0 < python_max_digits <= max_digits else bounded_int,
        parse_float=_finite_float,
        parse_constant=_refuse_constant,
    )


def _refuse_depth(data: bytes, tree: Any, limits: Limits) -> None:
    # Counting brackets spares a short event the walk; in a long one it takes longer than the walk.
    if len(data) < _LONG:
        opened = data.count(b"{") + (data.count(b"[") if b"[" in data else 0)
        if opened <= limits.max_depth:
            return
    if _is_deeper(tree, limits.max_depth):
        raise _too_deep(limits)


def _is_deeper(tree: Any, max_depth: int) -> bool:
    level: list[Any] = [tree] if tree.__class__ is dict or tree.__class__ is list else []
    for _ in range(max_depth):
        level = [
            child
            for node in level
            for child in (node.values() if node.__class__ is dict else node)
            if child.__class__ is dict or child.__class__ is list
        ]
        if not level:
            return False
    return True


def _finite_float(number: str) -> float:
    value = float(number)
    if math.isfinite(value):
        return value
    raise MalformedEvent("not JSON: a number is beyond any float")


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedEvent(f"not JSON: {name} is no JSON number")


def _refuse_lone_surrogates(tree: Any) -> None:
    try:
        json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _lone_surrogate() from None


def _copied(mapping: Mapping[str, Any], limits: Limits) -> Any:
    try:
        return _copy(mapping, limits.max_depth, limits)
    except RecursionError:
        raise _too_deep(limits) from None


def _copy(value: Any, depth_left: int, limits: Limits) -> Any:
    if value is None or value is True or value is False:
        return value
    kind = value.__class__
    if kind is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _lone_surrogate() from None
        return value
    if kind is int:
        # A digit is log2(10) bits.
        if value.bit_length() > limits.max_integer_digits * 3.3219281:
            raise _too_many_digits(limits.max_integer_digits)
        return value
    if kind is float:
        return value if math.isfinite(value) else _refuse_constant(str(value))
    if isinstance(value, (Mapping, list, tuple)):
        if not depth_left:
            raise _too_deep(limits)
        if isinstance(value, Mapping):
            members = cast("Mapping[Any, Any]", value)
            return {
                _copied_name(name, limits): _copy(member, depth_left - 1, limits)
                for name, member in members.items()
            }
        items = cast("list[Any]", value)
        return [_copy(item, depth_left - 1, limits) for item in items]
    raise MalformedEvent(
        f"not JSON: {kind.__qualname__} is none of object, array, string, number, true, false, null"
    )


def _copied_name(name: Any, limits: Limits) -> str:
    if name.__class__ is not str:
        raise MalformedEvent(f"not JSON: the name of a member is {type(name).__qualname__}")
    return cast(str, _copy(name, 1, limits))


def _lone_surrogate() -> MalformedEvent:
    return MalformedEvent(
        "not JSON: a string holds half of a surrogate pair, which is no character"
    )


def _too_many_digits(most: int) -> MalformedEvent:
    return MalformedEvent(f"an integer has over {most:,} digits")


def _too_deep(limits: Limits) -> MalformedEvent:
    return MalformedEvent(f"nested deeper than Limits(max_depth={limits.max_depth}) allows")


# The one for the commonest case, without a look-up.
_PYTHON_DIGITS = sys.get_int_max_str_digits()
_PLAIN_DECODER = _decoder(DEFAULT_LIMITS.max_integer_digits, _PYTHON_DIGITS)
