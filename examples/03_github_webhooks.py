"""GitHub's webhooks: the type and the id lie in headers, the payload is the whole body."""

from datetime import datetime
from typing import Any, Literal

from attrs import frozen

from eventrouter import Event, Header, InvalidPayload, MappedEnvelope, Router

router = Router(
    envelope=MappedEnvelope(
        type=Header("X-GitHub-Event"), id=Header("X-GitHub-Delivery"), payload="$"
    )
)


@frozen
class Commit:
    message: str
    timestamp: datetime


@frozen
class Push:
    ref: str
    commits: list[Commit]


@frozen
class Issue:
    number: int
    title: str
    merged_at: datetime | None = None  # of a pull request, which is an issue with more members


@frozen
class IssueOpened:
    issue: Issue


@frozen
class PullRequestChanged:
    action: Literal["opened", "synchronize", "closed"]
    pull_request: Issue


@frozen
class Release:
    tag_name: str
    published_at: datetime | None


@frozen
class ReleaseChanged:
    release: Release


@frozen
class StarChanged:
    starred_at: datetime | None  # null where the star was taken away


@router.on("push")
def build(push: Push) -> None:
    for commit in push.commits:
        print(f"build {push.ref}: {commit.message}, of {commit.timestamp}")


@router.on("issues", where={"action": "opened"})
def answer(opened: IssueOpened) -> None:
    print(f"answer issue {opened.issue.number}: {opened.issue.title}")


@router.on("pull_request")
def review(changed: PullRequestChanged) -> None:
    print(f"pull request {changed.action}, merged: {changed.pull_request.merged_at is not None}")


@router.on("release")
def announce(changed: ReleaseChanged) -> None:
    print(f"announce {changed.release.tag_name}, published at {changed.release.published_at}")


@router.on("star")
def thank(changed: StarChanged, event: Event[Any]) -> None:
    print(f"starred at {changed.starred_at}, says {event.id}")


@router.fallback
def leave(event: Event[Any]) -> None:
    print(f"leave {event.type} {event.payload['action']}")


COMMIT = b'{"id": "6113728f", "message": "Mend it", "timestamp": "2026-03-29T01:59:59+01:00"}'
DELIVERIES = [
    ("push", b'{"ref": "refs/heads/main", "forced": false, "commits": [' + COMMIT + b"]}"),
    ("issues", b'{"action": "opened", "issue": {"number": 7, "title": "Late", "labels": []}}'),
    ("issues", b'{"action": "closed", "issue": {"number": 6, "title": "Early", "labels": []}}'),
    ("pull_request", b'{"action": "opened", "pull_request": {"number": 8, "title": "Mend it"}}'),
    ("release", b'{"release": {"tag_name": "v1.0", "published_at": "2026-04-01T09:00:00Z"}}'),
    ("star", b'{"starred_at": "2026-04-01T09:30:00Z", "sender": {"login": "octocat"}}'),
    ("sponsorship", b'{"action": "created", "sender": {"login": "octocat"}}'),
    ("release", b'{"release": {"tag_name": 1.1, "published_at": null}}'),
]
for number, (event_type, body) in enumerate(DELIVERIES, 1):
    headers = {"X-GitHub-Event": event_type, "X-GitHub-Delivery": f"delivery-{number}"}
    try:
        router.dispatch_sync(body, headers)
    except InvalidPayload as error:
        print(f"refuse {event_type}: {error.errors[0]}")

# Output:
# build refs/heads/main: Mend it, of 2026-03-29 01:59:59+01:00
# answer issue 7: Late
# leave issues closed
# pull request opened, merged: False
# announce v1.0, published at 2026-04-01 09:00:00+00:00
# starred at 2026-04-01 09:30:00+00:00, says delivery-6
# leave sponsorship created
# refuse release: $.release.tag_name: expected string, got number 1.1
