"""A router whose handlers fail when the payload says so, and note what they handled."""

from __future__ import annotations

from typing import Any, Literal

import anyio.lowlevel
from attrs import define, field

from eventrouter import Router, Unrecoverable

Kind = Literal["sync", "async"]


@define
class Handled:
    payloads: list[Any] = field(factory=list[Any])
    router: Router = field(factory=Router)

    def handle(self, payload: Any) -> None:
        what = payload.get("do") if isinstance(payload, dict) else payload
        if what == "fail":
            raise ConnectionError("the bank is away")
        if what == "never":
            raise Unrecoverable("there is no such order")
        self.payloads.append(payload)


def handling(kind: Kind, **settings: Any) -> Handled:
    """What handles ``order.paid``, by a sync or an async function."""
    handled = Handled(router=Router(**settings))

    def sync(payload: Any) -> None:
        handled.handle(payload)

    async def in_loop(payload: Any) -> None:
        await anyio.lowlevel.checkpoint()
        handled.handle(payload)

    handled.router.on("order.paid")(sync if kind == "sync" else in_loop)
    return handled
