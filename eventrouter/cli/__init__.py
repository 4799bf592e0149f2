"""The command line, ``eventrouter``; the extra ``cli``."""

import sys

_EXTRA = ("click", "rich")


def main() -> None:
    """Run the command line, and exit with its status; 2 if what it needs is not installed."""
    try:
        from eventrouter.cli.commands import run
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            "eventrouter: the command line needs the extra: pip install 'eventrouter[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    run()
