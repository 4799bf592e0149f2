"""For tests of programs that use the package, and of stores written for it."""

from eventrouter.testing.claims import IdempotencyStoreContract
from eventrouter.testing.clock import FakeClock
from eventrouter.testing.deliveries import deliver_twice
from eventrouter.testing.entries import InboxStoreContract
from eventrouter.testing.handlers import FailTimes, Recorder
from eventrouter.testing.letters import DeadLetterStoreContract
from eventrouter.testing.outgoing import OutboxStoreContract
from eventrouter.testing.processes import run_and_kill
from eventrouter.testing.waits import FakeSleep

__all__ = [
    "DeadLetterStoreContract",
    "FailTimes",
    "FakeClock",
    "FakeSleep",
    "IdempotencyStoreContract",
    "InboxStoreContract",
    "OutboxStoreContract",
    "Recorder",
    "deliver_twice",
    "run_and_kill",
]
