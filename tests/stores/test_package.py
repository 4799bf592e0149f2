"""What importing the stores brings with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from eventrouter import stores


def test_the_protocols_are_imported_without_the_stores() -> None:
    program = (
        "import sys, eventrouter.stores, eventrouter.signatures\n"
        "assert 'eventrouter.stores.sqlite.store' not in sys.modules\n"
        "eventrouter.stores.SqliteStore\n"
        "assert 'eventrouter.stores.sqlite.store' in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)


def test_everything_public_is_there_and_documented() -> None:
    for name in stores.__all__:
        assert getattr(stores, name).__doc__
        assert name in dir(stores)


def test_a_name_is_looked_up_when_it_is_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MemoryStore", "SqliteStore"):
        monkeypatch.delitem(vars(stores), name, raising=False)

    assert stores.MemoryStore.__name__ == "MemoryStore"
    assert stores.SqliteStore.__name__ == "SqliteStore"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'eventrouter\.stores' has no attribute 'Store'"):
        stores.Store  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore
