"""Payload classes that name themselves in quotes, in a module without postponed annotations."""

# ruff: noqa: UP006, UP035 - the spellings are what is tested

from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, NotRequired, Optional, TypedDict

import attrs
from attrs import frozen


@frozen
class Category:
    name: str
    parts: List["Category"] = attrs.field(factory=list)
    by_name: Dict[str, "Category"] = attrs.field(factory=dict)
    parent: Optional["Category"] = None


@dataclass
class Folder:
    name: str
    folders: list["Folder"] = field(default_factory=list)
    parent: Optional["Folder"] = None


class Comment(TypedDict):
    text: str
    replies: NotRequired[list["Comment"]]


class Chain(NamedTuple):
    value: int
    rest: Optional["Chain"] = None
