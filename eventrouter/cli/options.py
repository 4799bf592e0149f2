"""Options that several commands have."""

from __future__ import annotations

import click

grace_option = click.option(
    "--grace",
    metavar="SECONDS",
    default=25.0,  # less than the 30 after which Kubernetes kills
    show_default=True,
    type=click.FloatRange(min=0),
    help="How long what is in flight at the end may take.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
