"""Routes that run together, grouped by what is wrapped around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from attrs import frozen

from eventrouter.routing import Route
from eventrouter.scope import Scope


@frozen(eq=False)
class Group:
    """Routes, and groups of routes, that one scope is wrapped around."""

    scope: Scope
    members: tuple[Route | Group, ...]
    is_sync: bool
    is_concurrent: bool


def make_group(routes: Iterable[Route], scope: Scope, is_concurrent: bool) -> Group:
    """The routes, in order, grouped by the scopes they have below that one."""
    members = tuple(_members(list(routes), 1, is_concurrent))
    return Group(scope, members, _is_sync(scope, members), is_concurrent)


def _members(routes: list[Route], depth: int, is_concurrent: bool) -> Iterator[Route | Group]:
    for scope, run in groupby(routes, lambda route: _scope_at(route, depth)):
        if scope is None:
            yield from run
            continue
        members = tuple(_members(list(run), depth + 1, is_concurrent))
        if scope.is_empty:
            yield from members
        else:
            yield Group(scope, members, _is_sync(scope, members), is_concurrent)


def _scope_at(route: Route, depth: int) -> Scope | None:
    return route.scopes[depth] if depth < len(route.scopes) else None


def _is_sync(scope: Scope, members: Iterable[Route | Group]) -> bool:
    return scope.is_sync and all(member.is_sync for member in members)
