"""What people wrote about a class or a field."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, get_args, get_origin

from typing_extensions import Doc

from eventrouter.schemas.keywords import Schema
from eventrouter.structuring.refusal import type_name


def headings(target: Any) -> Schema:
    """The title of a class, and what its docstring says, if a person wrote that."""
    description = _docstring(target)
    title: Schema = {"title": type_name(target)}
    return title if description is None else {**title, "description": description}


def _docstring(target: Any) -> str | None:
    cls: Any = get_origin(target) or target
    text: Any = cls.__dict__.get("__doc__")
    # dataclasses and NamedTuple write the signature there: ``Point(x: int, y: int)``.
    if not isinstance(text, str) or (text.startswith(f"{cls.__name__}(") and text.endswith(")")):
        return None
    return inspect.cleandoc(text) or None


def field_description(annotation: Any) -> str | None:
    """What ``Annotated[..., Doc(...)]`` says. https://peps.python.org/pep-0727/"""
    if get_origin(annotation) is not Annotated:
        return None
    return next((note.documentation for note in _notes(annotation) if isinstance(note, Doc)), None)


def _notes(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation)[1:]
