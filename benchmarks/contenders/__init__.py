"""All contenders; each file imports what it needs and stands aside where that isn't installed."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from attrs import field, frozen

from benchmarks.contenders.contender import Contender


@frozen
class Peer:
    """
    A library beside which eventrouter is measured.

    Args:
        distribution: The name it is installed by.
        module: The file here that has its contenders.
        program: What a program that uses it begins with, for the table of imports.
    """

    distribution: str
    module: str
    program: str


@frozen
class Loaded:
    """The contenders of what is installed, and the peers that aren't."""

    contenders: list[Contender] = field(factory=list)
    missing: dict[str, str] = field(factory=dict)


PEERS: Final = (
    Peer("msgspec", "floor", "import msgspec"),
    Peer("cattrs", "stdlib_cattrs", "import attrs, cattrs"),
    Peer("orjson", "orjson_cattrs", "import attrs, cattrs, orjson"),
    Peer("pydantic", "pydantic_alone", "from pydantic import BaseModel, TypeAdapter"),
    Peer("eventrouter", "eventrouter", "from eventrouter import Router"),
    Peer("blinker", "blinker_signal", "from blinker import Signal"),
    Peer("gidgethub", "gidgethub_router", "import gidgethub.routing, gidgethub.sansio"),
    Peer("cloudevents", "cloudevents_sdk", "from cloudevents.core.formats.json import JSONFormat"),
    Peer("litestar", "litestar_emitter", "from litestar.events import SimpleEventEmitter"),
    Peer("lato", "lato_application", "from lato import Application, Event"),
    Peer(
        "aws-lambda-powertools",
        "powertools_batch",
        "from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor\n"
        "from aws_lambda_powertools.utilities.parser.models import SqsRecordModel",
    ),
    Peer("pyventus", "pyventus_emitter", "from pyventus.events import AsyncIOEventEmitter"),
    Peer("python-cqrs", "cqrs_mediator", "import di, cqrs, cqrs.bootstrap.events"),
    Peer("taskiq", "taskiq_broker", "from taskiq import InMemoryBroker"),
    Peer("faststream", "faststream_broker", "from faststream.nats import NatsBroker"),
    Peer("slack-bolt", "slack_bolt_app", "from slack_bolt.async_app import AsyncApp"),
    Peer("bubus", "bubus_bus", "from bubus import BaseEvent, EventBus"),
)


def load() -> Loaded:
    """Import the contenders of all peers that are installed with what they need."""
    loaded = Loaded()
    for peer in PEERS:
        try:
            module = import_module(f"benchmarks.contenders.{peer.module}")
        except ModuleNotFoundError as error:
            if not error.name or error.name.partition(".")[0] == "benchmarks":
                raise
            loaded.missing[peer.distribution] = f"not installed (no module {error.name})"
        else:
            loaded.contenders.extend(module.CONTENDERS)
    return loaded


def installed_version(peer: Peer) -> str | None:
    """Which version of a peer is installed, if any."""
    try:
        return version(peer.distribution)
    except PackageNotFoundError:
        return None
