"""Whether scalars that are sent are taken: values, bounds, lengths, patterns, encodings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from eventrouter.kinds import INTEGER, NUMBER, STRING
from eventrouter.schemas.arms import Arm, holds, is_of_kind
from eventrouter.schemas.differences import Difference, NotComparable
from eventrouter.schemas.rules import (
    CONSTRAINT_TIGHTENED,
    ENCODING_CHANGED,
    NOT_COMPARABLE,
    TYPE_NARROWED,
    Direction,
)
from eventrouter.schemas.scalars import NAME_OF_PATTERN

_ENCODINGS: Final = frozenset({*NAME_OF_PATTERN.values(), "binary"})
_INFINITE: Final = float("inf")


def narrowed_text(sent: Arm, read: Arm, direction: Direction) -> Iterator[Difference]:
    """The ways in which one kind of text is not another."""
    one, other = _encoding(sent), _encoding(read)
    is_any = other is None and not read.all("type")  # which reads text as it is, with all else
    if one != other and not is_any:
        yield Difference(
            ENCODING_CHANGED,
            f"{direction.sender} send {one or 'plain text'}, {direction.reader} reads "
            f"{other or 'plain text'}",
        )
        return
    yield from narrowed_size(sent, read, "Length", "characters", direction)
    yield from _narrowed_patterns(sent, read, direction)
    for format in read.all("format"):
        if format not in sent.all("format") and format not in _ENCODINGS:
            yield Difference(
                CONSTRAINT_TIGHTENED, f"{direction.reader} takes only text in the format {format!r}"
            )


def narrowed_size(
    sent: Arm, read: Arm, of: str, unit: str, direction: Direction
) -> Iterator[Difference]:
    """The ways in which the bounds on a length are narrower: of ``Length`` or ``Properties``."""
    least, most = _least(read, f"min{of}"), _most(read, f"max{of}")
    if least > _least(sent, f"min{of}"):
        yield Difference(
            CONSTRAINT_TIGHTENED, f"{direction.reader} takes only {least} {unit} or more"
        )
    if most < _most(sent, f"max{of}"):
        yield Difference(
            CONSTRAINT_TIGHTENED, f"{direction.reader} takes only {most} {unit} or fewer"
        )


def narrowed_number(sent: Arm, read: Arm, direction: Direction) -> Iterator[Difference]:
    """The ways in which one kind of number is not another."""
    if (sent.kind, read.kind) == (NUMBER, INTEGER):
        yield Difference(
            TYPE_NARROWED, f"{direction.sender} send numbers, {direction.reader} takes integers"
        )
        return
    for sign, word in ((1, "above"), (-1, "below")):
        bound = _bound(read, sign)
        if bound > _bound(sent, sign):
            value, is_exclusive = bound
            itself = "" if is_exclusive else " or equal to"
            yield Difference(
                CONSTRAINT_TIGHTENED,
                f"{direction.reader} takes only numbers {word}{itself} {sign * value}",
            )
    for step in read.all("multipleOf"):
        steps = [*sent.all("multipleOf"), *([1] if sent.kind == INTEGER else [])]
        if not any(known == step or _is_multiple(known, step) for known in steps):
            yield Difference(
                CONSTRAINT_TIGHTENED, f"{direction.reader} takes only multiples of {step}"
            )


def takes(read: Arm, value: Any) -> bool:
    """
    Whether an alternative takes a JSON value.

    Raises:
        NotComparable: If only code can tell.
    """
    if not is_of_kind(value, read.kind):
        return False
    if read.values is not None:
        return holds(read.values, value)
    if read.kind == STRING:
        return _takes_text(read, value)
    if read.kind in (INTEGER, NUMBER):
        bounds = ((1, value), (-1, -value))
        return all((signed, False) >= _bound(read, sign) for sign, signed in bounds) and all(
            _is_multiple(value, step) for step in read.all("multipleOf")
        )
    raise NotComparable(f"a listed value is a whole {read.kind}")


def _takes_text(read: Arm, text: str) -> bool:
    if not _least(read, "minLength") <= len(text) <= _most(read, "maxLength"):
        return False
    patterns = read.all("pattern")
    told_by = [*read.all("format"), *read.all("contentEncoding")]
    if told_by and not patterns:
        raise NotComparable(f"{told_by[0]!r} stands without a pattern")
    try:
        return all(re.search(pattern, text) for pattern in patterns)
    except re.error as error:
        raise NotComparable(f"a pattern is not one of Python: {error}") from error


def _encoding(arm: Arm) -> str | None:
    names = [*arm.all("format"), *arm.all("contentEncoding")]
    names += (NAME_OF_PATTERN.get(pattern) for pattern in arm.all("pattern"))
    return next((name for name in names if name in _ENCODINGS), None)


def _narrowed_patterns(sent: Arm, read: Arm, direction: Direction) -> Iterator[Difference]:
    known = sent.all("pattern")
    for pattern in read.all("pattern"):
        if pattern in known:
            continue
        if known:
            yield Difference(
                NOT_COMPARABLE,
                f"whether all text of {known[0]!r} is of {pattern!r} can't be told",
            )
        else:
            yield Difference(
                CONSTRAINT_TIGHTENED, f"{direction.reader} takes only text of {pattern!r}"
            )


def _least(arm: Arm, keyword: str) -> float:
    return max(arm.all(keyword), default=0)


def _most(arm: Arm, keyword: str) -> float:
    return min(arm.all(keyword), default=_INFINITE)


def _bound(arm: Arm, sign: int) -> tuple[float, bool]:
    """The lower bound, and whether it is out itself; the upper, turned round, with a sign of -1."""
    inclusive, exclusive = ("minimum", "exclusiveMinimum")
    if sign < 0:
        inclusive, exclusive = ("maximum", "exclusiveMaximum")
    bounds = [
        *((sign * value, False) for value in arm.all(inclusive)),
        *_exclusive((sign * value for value in arm.all(exclusive)), arm.kind),
    ]
    return max(bounds, default=(-_INFINITE, False))


def _exclusive(values: Iterable[Any], kind: str) -> Iterator[tuple[float, bool]]:
    for value in values:
        # Of integers, those above 2 are those from 3 on.
        is_next = kind == INTEGER and isinstance(value, int)
        yield (value + 1, False) if is_next else (value, True)


def _is_multiple(value: Any, step: Any) -> bool:
    return isinstance(value, int) and isinstance(step, int) and step != 0 and value % step == 0
