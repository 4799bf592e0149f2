"""How often the events of a broker are tried."""

from __future__ import annotations

from eventrouter.integrations.faststream.queues import BrokerQueue
from eventrouter.processing import Terms
from eventrouter.stores.arguments import checked_limit, checked_seconds


def check_terms(attempts: int, wait: float, longest_wait: float) -> None:
    """
    Refuse what can't work.

    Raises:
        RegistrationError: If a setting can't.
    """
    checked_limit(attempts, "attempts")
    checked_seconds("wait", wait)
    checked_seconds("longest_wait", longest_wait)


def terms_of(queue: BrokerQueue, attempts: int, wait: float, longest_wait: float) -> Terms:
    """How often the queue's events are tried; those that end their process, as often."""
    return Terms(
        attempts=attempts,
        # One that ends its process twice may have stood beside the one that is at fault; after
        # that it is processed alone.
        deaths=max(3, attempts),
        wait=wait,
        longest_wait=longest_wait,
        lease=queue.lease,
        poll=0,
    )
