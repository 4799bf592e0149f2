"""The file of what was not handled: the original of each event with the error, to be read again."""

from __future__ import annotations

import base64
import json
from types import TracebackType
from typing import Any, cast

from attrs import frozen

from eventrouter.result import Result

_TEXT, _BASE64 = "failed_event", "failed_event_base64"
_MEMBERS = frozenset({_TEXT, _BASE64, "status", "error", "at"})
_LONGEST_MESSAGE = 2_000  # characters


@frozen
class FailedEvent:
    """
    An event that was not handled, read from the file of such.

    Attributes:
        original: The event as it arrived first.
        at: The file and line where it was then, or None.
    """

    original: bytes
    at: str | None


class FailedFile:
    """
    The file that is being written; what was in it is replaced.

    Args:
        path: Where it is.

    Attributes:
        written: How many events were.

    Raises:
        OSError: If it can't be written to.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.written = 0
        # Without a buffer, what could not be written is not tried again at the end.
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115

    def __enter__(self) -> FailedFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, result: Result, original: bytes, at: str) -> None:
        """
        Write one event; it is in the file when this returns, whatever ends the process.

        Raises:
            OSError: If it can't be written.
        """
        unwritten = memoryview(_encoded(result, original, at))
        while unwritten:
            unwritten = unwritten[self._file.write(unwritten) :]
        self.written += 1


def read_failed(line: bytes) -> FailedEvent | None:
    """What the line holds if a ``FailedFile`` wrote it, else None."""
    if b'"failed_event' not in line:
        return None
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict) or not tree.keys() <= _MEMBERS:
        return None
    members = cast("dict[str, Any]", tree)
    original = _original(members.get(_TEXT), members.get(_BASE64))
    if original is None:
        return None
    at = members.get("at")
    return FailedEvent(original, at if isinstance(at, str) else None)


def error_text(error: BaseException, longest: int = _LONGEST_MESSAGE) -> str:
    """What an error says, also one whose own code fails to say it; for a group, what each says."""
    try:
        text = str(error)
    except Exception as broken:
        text = f"(its __str__ raised {type(broken).__name__})"
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        each = [f"{type(e).__name__}: {error_text(e, longest)}" for e in group.exceptions]
        text = f"{group.message}: {'; '.join(each)}"
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _encoded(result: Result, original: bytes, at: str) -> bytes:
    members: dict[str, Any] = {}
    try:
        members[_TEXT] = original.decode()
    except UnicodeDecodeError:
        members[_BASE64] = base64.b64encode(original).decode()
    members["status"] = result.status
    error = result.error
    members["error"] = error and {"type": type(error).__name__, "message": error_text(error)}
    members["at"] = at
    text = json.dumps(members, ensure_ascii=False)
    # A message may hold half of a surrogate pair, which is written as JSON escapes it.
    return text.encode(errors="backslashreplace") + b"\n"


def _original(text: Any, encoded: Any) -> bytes | None:
    try:
        if isinstance(text, str) and encoded is None:
            return text.encode()
        if isinstance(encoded, str) and text is None:
            return base64.b64decode(encoded, validate=True)
    except ValueError:
        pass
    return None
