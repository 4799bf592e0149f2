"""Each marked line is a type error, and no other is. Checked by tests/test_typing.py."""

from typing import Any

from eventrouter import CallNext, Event, Result, Router

router = Router()


@router.on("a")
def handler(payload: dict[str, Any]) -> int:
    return 1


handler("not a dict")  # error: argument
handler({}).upper()  # error: int has no attribute
router.on("a")(5)  # error: not callable
router.on("a", version=1)  # error: a version is text
router.dispatch_sync(5)  # error: not an event
router.dispatch_sync([])  # error: not an event
router.upcast("a", "v1", 2)  # error: a version is text
router.upcast("a", "v1", "v2")(5)  # error: not callable
router.versions("a", [1, 2])  # error: a version is text
Router(unrouted="maybe")  # error: neither raise nor ignore


@router.before  # error: takes nothing
def before() -> None: ...


@router.after  # error: takes the event alone
def after(event: Event[Any]) -> None: ...


@router.middleware  # error: not async
def middleware(event: Event[Any], call_next: CallNext) -> Result: ...
