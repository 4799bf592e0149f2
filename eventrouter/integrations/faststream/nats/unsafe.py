"""Settings of a NATS server by which events could be lost, each with its fix."""

from __future__ import annotations

from typing import Any

from eventrouter.errors import RegistrationError

_LONGEST_NAME = 200


def check_stream(config: Any, subject: str) -> str | None:
    """
    Refuse a stream that could lose events.

    Returns:
        What it loses by intent, or None.

    Raises:
        RegistrationError: If it could lose events.
    """
    name = config.name
    _refuse_memory(name, config)
    if config.no_ack:
        raise RegistrationError(
            f"the stream {name} confirms nothing: nobody knows whether an event was kept; make "
            f"another one with acknowledgements: nats stream add {name} --ack"
        )
    limits = _limits(config)
    if limits and config.discard == "old":
        raise RegistrationError(
            f"the stream {name} has {' and '.join(limits)}, and drops old events, processed or "
            f"not, to take new ones; have it refuse new ones: nats stream edit {name} "
            "--discard new, or have no limit"
        )
    if config.max_age:
        return (
            f"the stream {name} drops events after {config.max_age:g} s, processed or not; that "
            f"is much longer than workers of {subject} may be down, or else have it keep them: "
            f"nats stream edit {name} --max-age 0"
        )
    return None


def check_dead_letters(config: Any, stream: str, subject: str) -> None:
    """
    Refuse a stream that could lose dead letters.

    Raises:
        RegistrationError: If it could.
    """
    name = config.name
    if name == stream:
        raise RegistrationError(
            f"the dead letters of {subject} would go to the stream {name} that they come from; "
            "give a subject that no stream takes, or another one does"
        )
    _refuse_memory(name, config)
    if config.no_ack or config.retention == "interest":
        what = "confirms nothing" if config.no_ack else "keeps nothing that nobody waits for"
        raise RegistrationError(
            f"the stream {name} of the dead letters of {subject} {what}; have another one take "
            f"the subject: nats stream add NAME --subjects '{subject}' --storage file "
            "--retention limits --defaults"
        )
    limits = _limits(config)
    if limits and config.discard == "old":
        raise RegistrationError(
            f"the stream {name} of the dead letters of {subject} has {' and '.join(limits)}, and "
            f"drops old ones to take new ones: nats stream edit {name} --discard new, or have no "
            "limit"
        )


def check_consumer(config: Any, stream: str, durable: str, subject: str) -> float:
    """
    Refuse a consumer that could lose events.

    Returns:
        Its ack wait, in seconds.

    Raises:
        RegistrationError: If it could.
    """
    wrong = _wrong_with(config, subject)
    if wrong is not None:
        what, fix = wrong
        raise RegistrationError(
            f"the consumer {durable} of the stream {stream} {what}; {fix.format(stream, durable)}"
        )
    # A wait of its own after each delivery goes before the ack wait.
    waits: list[float] = [config.ack_wait, *(config.backoff or [])]
    return min(waits)


_AGAIN = "delete it, after it is caught up: nats consumer rm {0} {1}"


def _wrong_with(config: Any, subject: str) -> tuple[str, str] | None:
    """What is wrong, and what to do."""
    filters: list[str] = config.filter_subjects or [config.filter_subject or ">"]
    if config.deliver_subject:
        return "pushes events, however many are processed already", _AGAIN
    if config.ack_policy != "explicit":
        return (
            f"has the acknowledgement policy {config.ack_policy}, by which an event that failed "
            "is as good as handled",
            _AGAIN,
        )
    if config.max_deliver is not None and config.max_deliver > 0:
        return (
            f"drops an event after {config.max_deliver} deliveries without a trace",
            "have it deliver as often as it takes, since workers count themselves: nats consumer "
            "edit {0} {1} --max-deliver=-1",
        )
    if filters != [subject]:
        return f"takes {', '.join(filters)} and not {subject}", "name another one, or its subject"
    if config.headers_only:
        return "gives headers alone", _AGAIN
    if config.mem_storage:
        return "is kept in memory, and gone when the server restarts", _AGAIN
    if config.inactive_threshold:
        return "is deleted when no worker is there for a while", _AGAIN
    return None


def shortened(name: str) -> str:
    """The name, no longer than a file's may be."""
    return name[:_LONGEST_NAME]


def _refuse_memory(name: str, config: Any) -> None:
    if config.storage == "memory":
        raise RegistrationError(
            f"the stream {name} is kept in memory, and gone when the server restarts; make it "
            f"anew on disk: nats stream add {name} --storage file"
        )


def _limits(config: Any) -> list[str]:
    limits = {
        "max_msgs": config.max_msgs,
        "max_bytes": config.max_bytes,
        "max_msgs_per_subject": config.max_msgs_per_subject,
    }
    return [f"{limit}={value}" for limit, value in limits.items() if value and value > 0]
