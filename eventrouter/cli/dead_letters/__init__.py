"""``eventrouter dead-letters``: look at what was set aside, try it again, or delete it."""

from __future__ import annotations

import click

from eventrouter.cli.dead_letters.deleting import discard, purge
from eventrouter.cli.dead_letters.listing import list_letters
from eventrouter.cli.dead_letters.replaying import replay
from eventrouter.cli.dead_letters.showing import show_letter

__all__ = ["dead_letters"]


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at events that were set aside, try them again, or delete them."""


for _command in (list_letters, show_letter, replay, discard, purge):
    dead_letters.add_command(_command)
