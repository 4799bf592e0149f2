"""For tests of programs that use the package, and of stores written for it."""

from eventrouter.testing.claims import IdempotencyStoreContract
from eventrouter.testing.clock import FakeClock
from eventrouter.testing.entries import InboxStoreContract
from eventrouter.testing.letters import DeadLetterStoreContract

__all__ = [
    "DeadLetterStoreContract",
    "FakeClock",
    "IdempotencyStoreContract",
    "InboxStoreContract",
]
