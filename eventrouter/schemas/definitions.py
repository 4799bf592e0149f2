"""The named classes of one schema, each told once: its ``$defs``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from attrs import Factory, define

from eventrouter.schemas.keywords import Schema
from eventrouter.structuring.refusal import type_name


@define
class Definitions:
    """
    Schemas of classes by name.

    Two classes of one name are told apart by their modules, and if these are the same, by number.

    Args:
        taken: Names that are taken, to which new ones are added.
    """

    _taken: set[str] = Factory(set[str])
    _names: dict[Any, str] = Factory(dict[Any, str])
    _schemas: dict[str, Schema] = Factory(dict[str, Schema])

    def refer(self, target: Any, make: Callable[[str], Schema]) -> Schema:
        """
        A reference to the schema of a class, which is made if it is not yet there.

        Args:
            target: The class.
            make: Makes the schema, given the name it is to have; it may refer to the class.
        """
        name = self._names.get(target)
        if name is None:
            name = self._names[target] = self._free_name(target)
            self._taken.add(name)
            self._schemas[name] = make(name)
        return {"$ref": f"#/$defs/{name}"}

    def resolved(self, schema: Schema) -> Schema:
        """The schema, or the one that it refers to and no more."""
        name = schema["$ref"].rpartition("/")[2] if schema.keys() == {"$ref"} else None
        return schema if name is None else self._schemas.get(name, {})

    def add(self, name: str, schema: Schema) -> None:
        """Take in a schema that another library made, under a name that begins with its owner's."""
        self._schemas[name] = schema

    def sorted(self) -> dict[str, Schema]:
        """All of them, by name."""
        return dict(sorted(self._schemas.items()))

    def _free_name(self, target: Any) -> str:
        plain = _written(type_name(target))
        module = getattr(target, "__module__", "")
        whole = f"{_written(module)}.{plain}"
        numbered = (f"{whole}.{number}" for number in range(2, len(self._taken) + 3))
        return next(name for name in (plain, whole, *numbered) if name not in self._taken)


def _written(name: str) -> str:
    # A reference is a URI, where brackets and more would have to be escaped.
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_")
