"""For tests of programs that use the package."""

from eventrouter.testing.deliveries import deliver_twice
from eventrouter.testing.handlers import FailTimes, Recorder
from eventrouter.testing.waits import FakeSleep

__all__ = ["FailTimes", "FakeSleep", "Recorder", "deliver_twice"]
