"""The commands together, and what becomes of what they raise."""

from __future__ import annotations

import io
import sys
from typing import NoReturn

import click

from eventrouter.cli.check import check
from eventrouter.cli.dead_letters import dead_letters
from eventrouter.cli.dispatch import dispatch
from eventrouter.cli.example import example
from eventrouter.cli.explain import explain
from eventrouter.cli.interruption import INTERRUPTED
from eventrouter.cli.publish import publish
from eventrouter.cli.routes import routes
from eventrouter.cli.schema import schema
from eventrouter.cli.serve import serve
from eventrouter.cli.work import work
from eventrouter.cli.worker import worker


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """
    Route JSON events to the handlers of an application.

    APP is MODULE:ATTRIBUTE, the module and the name of the Router in it, such as shop:router; it
    is looked for in the current directory first. Events are read one a line.
    """


commands.add_command(dispatch)
commands.add_command(serve)
commands.add_command(work)
commands.add_command(worker)
commands.add_command(publish)
commands.add_command(dead_letters)
commands.add_command(routes)
commands.add_command(explain)
commands.add_command(schema)
commands.add_command(check)
commands.add_command(example)


def run() -> NoReturn:
    """Run the command that the arguments name, and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what an encoding lacks is escaped, no error
            stream.reconfigure(errors="backslashreplace")
    try:
        status = commands.main(prog_name="eventrouter", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    sys.exit(status)
