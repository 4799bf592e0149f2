"""The program of the README: one handler, a good event and two bad ones."""

from attrs import frozen

from eventrouter import Router

router = Router()


@frozen
class UserCreated:
    user_id: str
    username: str


@router.on("user.created", version="v1")
def welcome(user: UserCreated) -> None:
    print(f"welcome, {user.username}")


good = b"""{"event_type": "user.created", "timestamp": "2024-08-20T05:21:19.143357839Z",
            "payload": {"user_id": "12345", "username": "johndoe"},
            "metadata": {"source": "user_service", "version": "v1"}}"""
print(router.dispatch_sync(good).status)
print(router.process_sync(good.replace(b'"12345"', b"12345")).error)
print(router.process_sync(good.replace(b"user.created", b"user.craeted")).error)

# Output:
# welcome, johndoe
# handled
# the payload of "user.created" is no UserCreated: $.user_id: expected string, got integer 12345
# no route for the event type "user.craeted"; did you mean "user.created"?
