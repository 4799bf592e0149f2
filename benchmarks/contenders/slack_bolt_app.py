"""Slack's Bolt: an async app that gets an event in Slack's envelope."""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import logging
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest

from benchmarks.contenders.contender import (
    BUILT_BY_CATTRS,
    PAYLOAD_ALONE,
    Contender,
    Seen,
    at_once,
    counting,
)
from benchmarks.contenders.stdlib_cattrs import COERCES, cattrs_converter
from benchmarks.events import Sample
from benchmarks.payloads.classes import TYPES
from benchmarks.rounds import Run, repeated


async def authorize(**_: Any) -> AuthorizeResult:
    """Let everyone in, without asking Slack."""
    return AuthorizeResult(enterprise_id="E1", team_id="T1", bot_token="xoxb-1", bot_user_id="U1")


def make(sample: Sample, seen: Seen) -> Run:
    app = AsyncApp(
        logger=logging.getLogger("quiet"),
        signing_secret="secret",
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    payload_type: Any = TYPES[sample.size]
    build = cattrs_converter(detailed_validation=False).get_structure_hook(payload_type)
    count = counting(payload_type, seen)

    async def handle(event: dict[str, Any]) -> None:
        await count(build(event["payload"], payload_type))

    app.event(sample.event_type)(handle)

    inner = {"type": sample.event_type, "payload": json.loads(sample.payload)}
    raw = json.dumps(
        {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": inner}
    ).encode()
    headers: Any = {"content-type": "application/json"}

    async def dispatch(raw: bytes) -> None:
        await app.async_dispatch(AsyncBoltRequest(body=raw.decode(), headers=headers))

    return repeated(dispatch, raw)


CONTENDERS = (
    Contender(
        "Slack Bolt",
        "framework",
        at_once(make),
        notes=(
            BUILT_BY_CATTRS,
            COERCES,
            PAYLOAD_ALONE,
            "the event in Slack's envelope; signature and other checks off; makes the response",
        ),
    ),
)
