"""Three versions of one event, and one handler, which knows the newest alone."""

from typing import Any

from attrs import frozen

from eventrouter import Event, Router

router = Router()


@frozen
class UserCreatedV2:
    user_id: str
    email: str


@frozen
class UserCreatedV3:
    user_id: str
    emails: list[str]


@router.upcast("user.created", "v1", "v2")
def rename(old: dict[str, Any]) -> dict[str, Any]:  # the class of v1 is long gone
    return {"user_id": str(old["id"]), "email": old["mail"]}


@router.upcast("user.created", "v2", "v3")
def allow_several(old: UserCreatedV2) -> UserCreatedV3:
    return UserCreatedV3(old.user_id, [old.email])


router.versions("user.created", ["v1", "v2", "v3"])


@router.on("user.created", version="v3")
def welcome(event: Event[UserCreatedV3]) -> None:
    print(f"{event.payload.emails[0]} came in {event.original.version}")


for version, payload in [
    ("v1", {"id": 12345, "mail": "ada@example.com"}),
    ("v2", {"user_id": "12346", "email": "bob@example.com"}),
    ("v3", {"user_id": "12347", "emails": ["eve@example.com"]}),
    ("v1", {"id": 12348}),
    ("v4", {"user_id": "12349"}),
]:
    event = {"event_type": "user.created", "payload": payload, "metadata": {"version": version}}
    result = router.process_sync(event)
    print(version, result.status, *result.upcasts)
print(result.error)

# Output:
# ada@example.com came in v1
# v1 handled v1 v2 v3
# bob@example.com came in v2
# v2 handled v2 v3
# eve@example.com came in v3
# v3 handled
# v1 invalid v1 v2 v3
# v4 unrouted
# no route for version "v4" of "user.created", which is newer than all known: "v1", "v2", "v3"
