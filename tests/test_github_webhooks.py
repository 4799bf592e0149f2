"""Real deliveries of GitHub, routed to handlers typed by the classes in ``github_types``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventrouter import Event, InvalidPayload, MappedEnvelope, Result, Router, Status
from eventrouter.errors import Mismatch
from tests.github_types import (
    PAYLOAD_TYPES,
    BranchProtectionRulePayload,
    InstallationPayload,
    IssueCommentPayload,
    IssuesPayload,
    MilestonePayload,
    PullRequestPayload,
    PushPayload,
    ReleasePayload,
    StarPayload,
    WorkflowJobPayload,
    WorkflowStep,
)

# The event types with a function of their own below; the others get one in a loop.
WRITTEN_OUT = ("issues", "pull_request", "push", "release", "star")


@attrs.frozen
class Taken:
    """What a handler here returns: the key it was registered on, and what it was called with."""

    by: str
    argument: Any


@pytest.fixture(scope="session")
def router() -> Router:
    router = Router(envelope=MappedEnvelope(type="event", payload="payload"))

    @router.on("issues")
    async def note_issue(payload: IssuesPayload) -> Taken:
        return Taken("issues", payload)

    @router.on("pull_request")
    def review(payload: PullRequestPayload) -> Taken:
        return Taken("pull_request", payload)

    @router.on("push")
    async def build(event: Event[PushPayload]) -> Taken:
        return Taken("push", event.payload)

    @router.on("release")
    def announce(payload: ReleasePayload) -> Taken:
        return Taken("release", payload)

    @router.on("star", thread=False)
    def thank(payload: StarPayload) -> Taken:
        return Taken("star", payload)

    for place, (event_type, payload_type) in enumerate(PAYLOAD_TYPES.items()):
        if event_type not in WRITTEN_OUT:
            make_handler = make_async_handler if place % 2 else make_sync_handler
            router.add_route(event_type, make_handler(event_type, payload_type))

    @router.fallback
    async def wonder(event: Event[Any]) -> Taken:
        return Taken("fallback", event)

    return router


def make_async_handler(event_type: str, payload_type: type[Any]) -> Callable[..., Any]:
    async def handle(payload: object) -> Taken:
        return Taken(event_type, payload)

    handle.__annotations__["payload"] = payload_type
    return handle


def make_sync_handler(event_type: str, payload_type: type[Any]) -> Callable[..., Any]:
    def handle(payload: object) -> Taken:
        return Taken(event_type, payload)

    handle.__annotations__["payload"] = payload_type
    return handle


@pytest.fixture(scope="session")
def lines(shared_data: Path) -> list[bytes]:
    return (shared_data / "github-webhooks.ndjson").read_bytes().splitlines()


@pytest.fixture
async def results(router: Router, lines: list[bytes], anyio_backend: str) -> list[Result]:
    return [await router.dispatch(line) for line in lines]


@pytest.fixture
def taken(results: list[Result]) -> dict[str, list[Any]]:
    """What each handler was called with, in the order of the lines."""
    by_handler: dict[str, list[Any]] = {}
    for result in results:
        for handler in result.handlers:
            by_handler.setdefault(handler.value.by, []).append(handler.value.argument)
    return by_handler


def first_of(lines: Sequence[bytes], event_type: str) -> dict[str, Any]:
    parsed: Iterator[dict[str, Any]] = map(json.loads, lines)
    return next(line for line in parsed if line["event"] == event_type)


def put(tree: Any, path: Sequence[str | int], value: object) -> None:
    *way, last = path
    for step in way:
        tree = tree[step]
    tree[last] = value


def sent(lines: Sequence[bytes]) -> Counter[str]:
    """How many lines each event type has, counted without the router."""
    return Counter(json.loads(line)["event"] for line in lines)


# Routing


def test_every_line_is_handled_by_exactly_one_handler(results: list[Result]) -> None:
    assert len(results) == 125
    assert {(result.status, len(result.handlers)) for result in results} == {(Status.HANDLED, 1)}


def test_each_typed_handler_gets_all_lines_of_its_event_type(
    lines: list[bytes], taken: dict[str, list[Any]]
) -> None:
    typed = {by: len(arguments) for by, arguments in taken.items() if by != "fallback"}

    assert typed == {name: count for name, count in sent(lines).items() if name in PAYLOAD_TYPES}
    assert (len(typed), sum(typed.values())) == (35, 98)


def test_the_fallback_gets_the_lines_of_all_other_event_types(
    lines: list[bytes], taken: dict[str, list[Any]]
) -> None:
    others = {name: count for name, count in sent(lines).items() if name not in PAYLOAD_TYPES}

    assert Counter(event.type for event in taken["fallback"]) == others
    assert (len(others), len(taken["fallback"])) == (17, 27)


def test_the_fallback_gets_the_payload_as_it_was_sent(
    lines: list[bytes], taken: dict[str, list[Any]]
) -> None:
    event = next(event for event in taken["fallback"] if event.type == "workflow_dispatch")

    assert event.payload == first_of(lines, "workflow_dispatch")["payload"]


def test_sync_dispatch_runs_the_same_handlers(router: Router, lines: list[bytes]) -> None:
    handlers = Counter(router.dispatch_sync(line).handlers[0].value.by for line in lines)

    typed = {name: count for name, count in sent(lines).items() if name in PAYLOAD_TYPES}
    assert handlers == typed | {"fallback": 27}


# Payloads


def test_each_payload_is_an_instance_of_the_class_its_handler_declares(
    taken: dict[str, list[Any]],
) -> None:
    classes = {by: {type(argument) for argument in arguments} for by, arguments in taken.items()}

    assert classes == {by: {cls} for by, cls in PAYLOAD_TYPES.items()} | {"fallback": {Event}}


def test_a_date_time_inside_a_nested_class_is_an_aware_datetime(
    taken: dict[str, list[Any]],
) -> None:
    payload: IssuesPayload = taken["issues"][0]

    assert payload.issue.milestone is not None
    assert payload.issue.milestone.due_on == datetime(2019, 5, 23, tzinfo=UTC)


def test_the_offset_of_a_date_time_is_kept(taken: dict[str, list[Any]]) -> None:
    payload: BranchProtectionRulePayload = taken["branch_protection_rule"][0]

    assert payload.rule.created_at == datetime(2021, 8, 19, 16, 16, 32, tzinfo=UTC)
    assert payload.rule.created_at.utcoffset() == timedelta(hours=-4)


def test_a_null_is_none_where_the_class_allows_it(taken: dict[str, list[Any]]) -> None:
    payloads: list[MilestonePayload] = taken["milestone"]

    assert [payload.milestone.closed_at for payload in payloads if payload.action == "created"] == [
        None,
        None,
    ]


def test_an_absent_member_takes_the_default_of_its_field(taken: dict[str, list[Any]]) -> None:
    payloads: list[IssuesPayload] = taken["issues"]

    labels = {payload.action: payload.label and payload.label.name for payload in payloads}
    assert labels == {
        "assigned": None,
        "demilestoned": None,
        "edited": None,
        "labeled": "bug",
        "milestoned": None,
        "opened": None,
        "unassigned": None,
        "unlabeled": "bug",
    }


def test_a_list_of_objects_is_a_list_of_instances(taken: dict[str, list[Any]]) -> None:
    payload: WorkflowJobPayload = taken["workflow_job"][0]

    assert payload.workflow_job.steps == [
        WorkflowStep(
            number=1,
            name="Set up job",
            status="in_progress",
            conclusion=None,
            started_at=datetime(2021, 6, 15, 19, 22, 27, tzinfo=UTC),
            completed_at=None,
        )
    ]


def test_a_field_with_an_alias_is_read_from_the_member_of_that_name(
    taken: dict[str, list[Any]],
) -> None:
    payload: PullRequestPayload = taken["pull_request"][0]

    assert payload.pull_request.links.html.href == (
        "https://octocoders.github.io/Codertocat/Hello-World/pull/2"
    )


def test_a_member_named_by_a_keyword_is_read_into_a_typed_dict(
    taken: dict[str, list[Any]],
) -> None:
    payloads: list[IssueCommentPayload] = taken["issue_comment"]

    assert [payload.changes.body for payload in payloads if payload.changes] == [
        {"from": "You are totally right! I'll get this fixed right away."}
    ]


def test_times_sent_as_integers_stay_integers(taken: dict[str, list[Any]]) -> None:
    payload: PushPayload = taken["push"][0]

    assert payload.repository.created_at == 1557949027
    assert payload.repository.pushed_at == 1557949103


def test_a_time_sent_now_as_integer_now_as_string_takes_the_arm_that_fits(
    taken: dict[str, list[Any]],
) -> None:
    payloads: list[InstallationPayload] = taken["installation"]

    assert {payload.installation.created_at for payload in payloads} == {
        1557949058,
        datetime(2019, 5, 15, 19, 37, 38, tzinfo=UTC),
    }


# Invalid payloads


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("event_type", "path", "wrong", "mismatch"),
    [
        pytest.param(
            "pull_request",
            ["pull_request", "head", "repo", "owner", "id"],
            "4",
            Mismatch("$.pull_request.head.repo.owner.id", "integer", 'string "4"'),
            id="a string for an integer",
        ),
        pytest.param(
            "check_run",
            ["check_run", "check_suite", "pull_requests", 0, "base", "sha"],
            None,
            Mismatch("$.check_run.check_suite.pull_requests[0].base.sha", "string", "null"),
            id="null for a string, inside a list",
        ),
        pytest.param(
            "milestone",
            ["milestone", "due_on"],
            "2019-05-15 15:20:41 UTC",
            Mismatch(
                "$.milestone.due_on",
                "an RFC 3339 date-time with an offset or null",
                'string "2019-05-15 15:20:41 UTC"',
            ),
            id="the date-time of an old API",
        ),
        pytest.param(
            "check_suite",
            ["check_suite", "app", "permissions", "checks"],
            "all",
            Mismatch(
                "$.check_suite.app.permissions.checks",
                'one of "read", "write", "admin"',
                'string "all"',
            ),
            id="a value that no literal has",
        ),
        pytest.param(
            "pull_request",
            ["pull_request", "_links", "html"],
            [],
            Mismatch("$.pull_request._links.html", "object", "array of 0"),
            id="an array for an object, under an alias",
        ),
    ],
)
async def test_one_field_of_a_wrong_kind_makes_the_payload_invalid_and_is_named_by_its_path(
    router: Router,
    lines: list[bytes],
    event_type: str,
    path: list[str | int],
    wrong: object,
    mismatch: Mismatch,
) -> None:
    line = first_of(lines, event_type)
    put(line["payload"], path, wrong)

    with pytest.raises(InvalidPayload) as caught:
        await router.dispatch(json.dumps(line))

    assert caught.value.errors == (mismatch,)


# The classes themselves


def test_at_least_twenty_two_event_types_have_a_class() -> None:
    assert len(set(PAYLOAD_TYPES.values())) == len(PAYLOAD_TYPES) >= 22


@pytest.mark.parametrize("payload_type", PAYLOAD_TYPES.values())
def test_each_class_declares_at_least_five_typed_fields(payload_type: type[Any]) -> None:
    attrs.resolve_types(payload_type)
    typed = [field for field in attrs.fields(payload_type) if field.type not in (None, Any)]

    assert len(typed) >= 5
