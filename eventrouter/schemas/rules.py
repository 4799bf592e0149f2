"""The rules of the compatibility check: what breaks one side, and what mends it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from attrs import frozen


class Direction(StrEnum):
    """Who sends and who reads."""

    BACKWARD = "backward"
    FORWARD = "forward"

    @property
    def sender(self) -> str:
        """Who sends, in words."""
        return "old producers" if self is Direction.BACKWARD else "new producers"

    @property
    def reader(self) -> str:
        """Who must take it, in words."""
        return "new code" if self is Direction.BACKWARD else "old code"


class Level(StrEnum):
    """Whether a finding breaks something, or asks for a look; the words of SARIF."""

    ERROR = "error"
    WARNING = "warning"


@frozen
class Rule:
    """
    One rule.

    Attributes:
        id: Its name, which stays what it is.
        backward: The change by which new code no longer takes what old producers send.
        forward: The change by which old code does not take what new producers send.
        fix: What mends it.
    """

    id: str
    backward: str
    forward: str
    fix: str

    def change(self, direction: Direction) -> str:
        """The change that breaks a direction."""
        return self.backward if direction is Direction.BACKWARD else self.forward


_NEW_VERSION: Final = "handle it as a new version, with an upcaster from the old"

EVENT_UNKNOWN: Final = Rule(
    "event-unknown",
    "all handlers of an event type were removed or renamed",
    "an event type was added",
    "keep a handler until nobody sends it; roll out the code that takes it before producers",
)
VERSION_UNKNOWN: Final = Rule(
    "version-unknown",
    "a version was removed, and nothing upcasts it",
    "a version was added",
    "add an upcaster from it; roll out the code that takes it before producers",
)
UPCASTER_MISSING: Final = Rule(
    "upcaster-missing",
    "an upcaster was removed, and nothing else takes its source",
    "an upcaster was added from a version that was unknown",
    "keep the upcaster until nobody sends that version",
)
WHERE_CHANGED: Final = Rule(
    "where-changed",
    "a `where=` was added or changed, so that no handler may take an event",
    "a `where=` was removed or changed",
    "add a handler without `where=`, or a fallback",
)
FIELD_MISSING: Final = Rule(
    "field-missing",
    "a field was added without a default",
    "a required field was removed",
    f"give the field a default, or {_NEW_VERSION}",
)
FIELD_OPTIONAL: Final = Rule(
    "field-optional",
    "an optional field became required",
    "a required field became optional",
    f"keep its default, or {_NEW_VERSION}",
)
FIELD_RENAMED: Final = Rule(
    "field-renamed",
    "the name of a field changed on the wire",
    "the name of a field changed on the wire",
    f"keep the name on the wire by an alias, or {_NEW_VERSION}",
)
FIELD_REFUSED: Final = Rule(
    "field-refused",
    "a field was removed, and extra keys are refused",
    "a field was added, and extra keys were refused",
    "keep the field, or don't refuse extra keys",
)
EXTRA_KEYS_REFUSED: Final = Rule(
    "extra-keys-refused",
    "extra keys were taken and are refused",
    "extra keys were refused and are taken",
    "don't refuse extra keys",
)
NULL_REFUSED: Final = Rule(
    "null-refused",
    "null is no longer taken",
    "null is now taken",
    f"keep `| None`, or {_NEW_VERSION}",
)
TYPE_CHANGED: Final = Rule(
    "type-changed",
    "a type changed: a scalar, a list, a map or a record became another",
    "the same",
    f"add the old type to a union, or {_NEW_VERSION}",
)
TYPE_NARROWED: Final = Rule(
    "type-narrowed",
    "a type takes less: a number became an integer, any value a text, a text an enum",
    "a type takes more: an integer became a number, an enum a text",
    f"keep the wider type, or {_NEW_VERSION}",
)
UNION_ARM_MISSING: Final = Rule(
    "union-arm-missing",
    "a type was removed from a union",
    "a type was added to a union",
    f"keep the type in the union, or {_NEW_VERSION}",
)
TAG_RENAMED: Final = Rule(
    "tag-renamed",
    "the field that tells the classes of a union apart has another name",
    "the same",
    f"keep its name on the wire by an alias, or {_NEW_VERSION}",
)
TAG_UNKNOWN: Final = Rule(
    "tag-unknown",
    "a tag of a union was removed or renamed",
    "a tag was added to a union",
    f"keep the tag, with its class, or {_NEW_VERSION}",
)
ENUM_MEMBER_MISSING: Final = Rule(
    "enum-member-missing",
    "a member of an enum or a `Literal` was removed",
    "a member was added to an enum or a `Literal`",
    f"keep the member, or {_NEW_VERSION}",
)
ARITY_CHANGED: Final = Rule(
    "arity-changed",
    "a tuple or NamedTuple has another number of places",
    "the same",
    f"add places at the end, with defaults, or {_NEW_VERSION}",
)
CONSTRAINT_TIGHTENED: Final = Rule(
    "constraint-tightened",
    "a bound, length or pattern is narrower or new",
    "a bound, length or pattern is wider or gone",
    f"keep the constraint as it was, or {_NEW_VERSION}",
)
ENCODING_CHANGED: Final = Rule(
    "encoding-changed",
    "a text stands for something else: date-time, date, time, duration, UUID, decimal, base64 or "
    "plain",
    "the same",
    f"keep the type, take both in a union, or {_NEW_VERSION}",
)
NOT_COMPARABLE: Final = Rule(
    "not-comparable",
    "the schemas can't tell: a changed pattern, a hook or validator in code, an unknown keyword",
    "the same",
    "look at both by hand; where they agree, write the lock anew",
)
DEFAULT_CHANGED: Final = Rule(
    "default-changed",
    "a default changed: what is left out now means something else (a warning)",
    "the same",
    f"keep the default, or {_NEW_VERSION}",
)

#: All rules, as the documentation lists them.
RULES: Final = (
    EVENT_UNKNOWN,
    VERSION_UNKNOWN,
    UPCASTER_MISSING,
    WHERE_CHANGED,
    FIELD_MISSING,
    FIELD_OPTIONAL,
    FIELD_RENAMED,
    FIELD_REFUSED,
    EXTRA_KEYS_REFUSED,
    NULL_REFUSED,
    TYPE_CHANGED,
    TYPE_NARROWED,
    UNION_ARM_MISSING,
    TAG_RENAMED,
    TAG_UNKNOWN,
    ENUM_MEMBER_MISSING,
    ARITY_CHANGED,
    CONSTRAINT_TIGHTENED,
    ENCODING_CHANGED,
    NOT_COMPARABLE,
    DEFAULT_CHANGED,
)
