"""How much of what arrives is read before it is refused."""

from __future__ import annotations

from attrs import field, frozen, validators

_positive = validators.ge(1)


@frozen
class Limits:
    """
    The bounds within which an event is read; past any of them it is ``MalformedEvent``.

    Args:
        max_bytes: The size of an event in bytes. An event given as a mapping has no size.
        max_depth: How deep arrays and objects may be nested.
        max_integer_digits: The digits of one integer. Reading an integer takes time that grows
            with the square of its length; 4,300 is Python's own default bound.
        max_name_length: The characters of an event's type and of its version.
        max_equal_hashes: How many unequal members of one set, or keys of one mapping, may have
            the same hash. Python's hash of a number is known to everyone, so a sender can choose
            numbers that all collide, and a set of n of them takes time that grows with the
            square of n. Honest data has none.
    """

    max_bytes: int = field(default=1_048_576, validator=_positive)
    max_depth: int = field(default=64, validator=_positive)
    max_integer_digits: int = field(default=4_300, validator=_positive)
    max_name_length: int = field(default=256, validator=_positive)
    max_equal_hashes: int = field(default=16, validator=_positive)
