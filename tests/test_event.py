"""The event itself."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import evolve, frozen
from attrs.exceptions import FrozenInstanceError

from eventrouter import Event, MalformedEvent, Router

MOMENT = datetime(2024, 8, 20, 5, 21, 19, tzinfo=UTC)


@frozen
class UserCreated:
    user_id: str


def event() -> Event[UserCreated]:
    return Event.new(
        "user.created",
        UserCreated("12345"),
        version="v1",
        source="user_service",
        id="e-1",
        timestamp=MOMENT,
        metadata={"tenant": "acme"},
        extensions={"callback": {"success_url": "/ok"}},
    )


def test_a_new_event_carries_its_names_in_the_metadata() -> None:
    assert dict(event().metadata) == {
        "tenant": "acme",
        "id": "e-1",
        "source": "user_service",
        "version": "v1",
    }
    assert (event().id, event().source, event().version) == ("e-1", "user_service", "v1")


def test_a_new_event_has_just_happened_and_has_an_id_of_its_own() -> None:
    before = datetime.now(UTC)
    one, other = Event.new("a", None), Event.new("a", None)

    assert before <= one.timestamp <= datetime.now(UTC)
    assert one.id
    assert one.id != other.id
    assert one.version is None


def test_an_event_can_t_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        event().type = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        event().metadata["tenant"] = "other"  # type: ignore[index]


def test_a_changed_event_is_another_one() -> None:
    assert evolve(event(), type="user.deleted").type == "user.deleted"
    assert event().with_payload(1).payload == 1
    assert event().with_payload(1).metadata == event().metadata


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_an_event_can_be_copied_and_pickled(again: type) -> None:
    assert again(event()) == event()


def test_an_event_needs_a_type() -> None:
    with pytest.raises(MalformedEvent, match="needs a type"):
        Event.new("", None)


def test_a_timestamp_needs_an_offset() -> None:
    with pytest.raises(MalformedEvent, match="no offset"):
        Event.new("a", None, timestamp=datetime(2024, 8, 20))


def test_what_a_router_writes_it_reads() -> None:
    router = Router()
    seen: list[Event[UserCreated]] = []

    @router.on("user.created", version="v1")
    def handle(event: Event[UserCreated]) -> None:
        seen.append(event)

    router.dispatch_sync(*router.write(event()))

    assert seen == [event()]


def test_an_offset_is_kept_when_written() -> None:
    router = Router()
    moment = MOMENT.astimezone(timezone(timedelta(hours=-4)))

    written, _ = router.write(Event.new("a", None, timestamp=moment))

    assert b'"2024-08-20T01:21:19-04:00"' in written


def test_a_payload_that_can_t_be_written_is_refused() -> None:
    naive = datetime(2024, 8, 20)

    with pytest.raises(MalformedEvent, match="can't be written"):
        Router().write(Event.new("a", naive))


def test_an_id_that_was_made_up_stays_what_it_was_once_looked_at() -> None:
    event = Event.new("a", None, source="shop")

    assert event.id == event.id == event.metadata["id"]
    assert event.with_payload(1).id == event.id
    assert pickle.loads(pickle.dumps(event)) == event
    assert copy.deepcopy(event) == event


def test_an_id_among_the_metadata_is_the_id() -> None:
    assert Event.new("a", None, metadata={"id": "e-1"}).id == "e-1"
    assert Event.new("a", None, metadata={"id": ""}).id
