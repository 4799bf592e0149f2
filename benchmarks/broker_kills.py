"""
Workers that compete for the events of a broker are killed, and the broker is restarted.

Each event leaves an effect: a line in a file, or with --idempotency postgres a row, in the
transaction that remembers that the event was handled. In the end there must be one of each event.
There may be more only of what was being processed when a worker was killed or the broker ended, and
with --idempotency postgres of nothing. The broker is one of the command's own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from tests.brokers.kills import GROUP, Run
from tests.brokers.servers import KINDS, end_in_order, serving

CONNECTIONS = {
    "nats": {"subject": "events.>", "stream": "EVENTS", "publish_to": "events.{type}"},
    "rabbit": {"subject": "events.#", "publish_to": "events.{type}"},
    "redis": {"subject": "events"},
}
ROOM = 3  # the time that the work takes at least, in that of the kills


def main() -> None:
    options = read_options()
    end_in_order()
    with TemporaryDirectory() as folder, serving(options.broker, Path(folder)) as server:
        work = Path(folder) / "work"
        work.mkdir()
        connection = connection_to(options.broker, server.url)
        with remembering(options.idempotency) as (environment, effects):
            at_once = options.processes * (8 if options.idempotency == "postgres" else 50)
            seconds = ROOM * options.kills * options.every * at_once / options.events
            environment["COUNTING_SECONDS"] = str(seconds)
            run = Run(work, connection, environment)
            if effects is not None:
                run.effects = effects
            run.declare()
            run.publish(options.events)
            found = run.kill(
                events=options.events,
                processes=options.processes,
                kills=options.kills,
                every=options.every,
                restart=server.restart,
            )
    lost = options.events - found.handled
    print(f"broker       {options.broker}, keys in {options.idempotency}")
    print(f"events       {options.events:,}, {found.left:,} of them not handled at the last kill")
    print(f"kills        {found.kills} of {options.processes} workers, {found.restarts} restart")
    print(f"lost         {lost}")
    print(f"duplicates   {found.duplicates}")
    print(f"ends         {found.statuses}")
    print(f"seconds      {found.seconds:.1f}")
    is_exact = options.idempotency != "postgres" or found.duplicates == 0
    raise SystemExit(not (lost == 0 and is_exact and not any(found.statuses)))


def connection_to(broker: str, url: str) -> dict[str, Any]:
    """The arguments of ``connection_of`` for a broker at a URL."""
    return {"url": url, "group": GROUP, "declare": True, **CONNECTIONS[broker]}


@contextmanager
def remembering(
    store: str,
) -> Generator[tuple[dict[str, str], Callable[[], Iterable[Any]] | None]]:
    """What the application is told to remember what it handled, and how effects are read."""
    place = f"kills_{uuid4().hex}"
    environment = {"COUNTING_STORE": store, "COUNTING_PLACE": place}
    if store == "none":
        yield environment, None
    elif store == "redis":
        import redis

        from tests.services import REDIS

        environment["COUNTING_SERVER"] = REDIS
        try:
            yield environment, None
        finally:
            with redis.Redis.from_url(REDIS) as client:
                for key in client.scan_iter(f"{place}*", count=1_000):
                    client.unlink(key)
    else:
        import psycopg

        from tests.services import POSTGRES

        environment["COUNTING_SERVER"] = POSTGRES
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            effects = f"{place}_effects"  # the store has a schema of its own
            connection.execute(f"CREATE SCHEMA {effects}".encode())
            connection.execute(f"CREATE TABLE {effects}.effects (number bigint NOT NULL)".encode())
            read = f"SELECT number FROM {effects}.effects".encode()
            try:
                yield environment, lambda: connection.execute(read).fetchall()
            finally:
                drop = f"DROP SCHEMA IF EXISTS {place}, {effects} CASCADE"
                connection.execute(drop.encode())


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.broker_kills", description=__doc__)
    parser.add_argument("--broker", choices=KINDS, required=True)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--every", type=float, default=1.0, help="seconds from one to the next")
    parser.add_argument("--idempotency", choices=["none", "postgres", "redis"], default="none")
    return parser.parse_args()


if __name__ == "__main__":
    main()
