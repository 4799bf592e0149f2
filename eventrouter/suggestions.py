"""The known name that an unknown one may have been meant to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

_MOST_COMPARED = 100


class Suggestions:
    """
    Known names, found by names one slip away: a character missing, extra, wrong, or swapped.

    A slip leaves the first or the second half of a name as it was, so the halves are the keys,
    and a million known names cost no more than ten.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._by_half: dict[tuple[int, bool, str], list[str]] = defaultdict(list)
        for name in known:
            middle = len(name) // 2
            self._by_half[len(name), True, name[:middle]].append(name)
            self._by_half[len(name), False, name[middle:]].append(name)

    def nearest(self, name: str) -> str | None:
        """A known name one slip away, or None."""
        for length in (len(name), len(name) - 1, len(name) + 1):
            middle = length // 2
            first, second = name[:middle], name[max(0, len(name) - (length - middle)) :]
            swapped = name[: middle - 1] + name[middle : middle + 1] + name[middle - 1 : middle]
            for key in (
                (length, True, first),
                (length, False, second),
                (length, True, swapped[:middle]),  # the two around the middle are swapped
            ):
                for candidate in self._by_half.get(key, ())[:_MOST_COMPARED]:
                    if _is_one_slip(name, candidate):
                        return candidate
        return None


def _is_one_slip(one: str, other: str) -> bool:
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, other_rest = one[start:], other[start:]
    if len(one) > len(other):
        return rest[1:] == other_rest
    if len(one) < len(other):
        return rest == other_rest[1:]
    is_swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    return rest[1:] == other_rest[1:] or is_swapped
