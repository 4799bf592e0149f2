"""Payload classes in a module whose annotations are text until someone asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, NamedTuple, NotRequired, Optional, Required, TypedDict, TypeVar

import attrs
from attrs import frozen

T = TypeVar("T")


@frozen
class Category:
    name: str
    parts: list[Category] = attrs.field(factory=list)
    by_name: dict[str, Category] = attrs.field(factory=dict)
    parent: Category | None = None


@dataclass
class Folder:
    name: str
    folders: list[Folder] = field(default_factory=list)
    parent: Optional[Folder] = None  # noqa: UP045


class Comment(TypedDict):
    text: str
    replies: NotRequired[list[Comment]]


class Chain(NamedTuple):
    value: int
    rest: Chain | None = None


class Order(TypedDict):
    id: str
    note: NotRequired[str]


class Patch(TypedDict, total=False):
    id: Required[str]
    note: str


class UrgentOrder(Order):
    reason: NotRequired[str]
    by: str


@frozen
class Page(Generic[T]):
    items: list[T]
    first: T | None = None
    by_name: dict[str, T] = attrs.field(factory=dict)


@dataclass
class DataPage(Generic[T]):
    items: list[T]
    first: T | None = None


class PageDict(TypedDict, Generic[T]):
    items: list[T]
    first: NotRequired[T]


class PageTuple(NamedTuple, Generic[T]):
    items: list[T]
    first: T | None = None
