"""What must be there on a NATS server so that no event is lost, and making it."""

from __future__ import annotations

import re
from typing import Any, Final

from attrs import frozen
from nats.js.errors import BadRequestError, NotFoundError

from eventrouter.errors import RegistrationError, printable
from eventrouter.integrations.faststream.nats.counting import Counts, stream_of
from eventrouter.integrations.faststream.nats.unsafe import (
    check_consumer,
    check_dead_letters,
    check_stream,
    shortened,
)

LEASE: Final = 30.0  # seconds, the ack wait of JetStream

_NO_NAME = re.compile(r"[\s.*>/\\]")
_NO_BUCKET = re.compile(r"[^-\w]", re.ASCII)


@frozen(kw_only=True)
class Recipe:
    """
    What must be there.

    Attributes:
        subject: Which events.
        durable: The consumer's name.
        stream: The stream's name; None for the one that takes the subject.
        stream_config: What FastStream was told of the stream, to make it by; or None.
        stream_subjects: What that stream takes.
        dead_letters: The subject of dead letters, which another stream takes.
        lease: The ack wait of a consumer that is made, in seconds.
        consumer_config: What FastStream was told of the consumer, to make it by; or None.
        declare: Whether to make what is missing.
    """

    subject: str
    durable: str
    stream: str | None
    dead_letters: str
    declare: bool
    lease: float = LEASE
    stream_config: Any = None
    stream_subjects: tuple[str, ...] = ()
    consumer_config: Any = None

    def bucket_of(self, stream: str) -> str:
        """The key-value bucket that counts are kept in."""
        return _NO_BUCKET.sub("_", f"{stream}-{self.durable}-attempts")


@frozen
class Prepared:
    """
    What is there.

    Attributes:
        stream: The stream's name.
        lease: The consumer's ack wait, in seconds.
        warning: What may be lost by intent, or None.
    """

    stream: str
    lease: float
    warning: str | None


def check_name(what: str, name: str) -> None:
    """
    Refuse what can't be the name of a stream or a consumer.

    Raises:
        RegistrationError: If it can't.
    """
    if not name or _NO_NAME.search(name):
        raise RegistrationError(
            f"{name[:80]!r} can't be {what} of NATS: it has no spaces, dots, *, > or slashes"
        )


def check_subject(what: str, subject: str) -> None:
    """
    Refuse what is no subject.

    Raises:
        RegistrationError: If it is none.
    """
    if not subject or re.search(r"\s", subject) or "" in subject.split("."):
        raise RegistrationError(
            f"{what}={subject[:80]!r}: it is a subject of NATS, such as 'orders.>'"
        )


async def prepare(jetstream: Any, recipe: Recipe) -> Prepared:
    """
    Make what is missing, if that is wanted, and check the rest.

    Args:
        jetstream: The context of JetStream.
        recipe: What must be there.

    Raises:
        RegistrationError: If something is missing, or events could be lost.
        nats.errors.Error: If the server does not answer, or refuses.
    """
    stream = recipe.stream or await _stream_of(jetstream, recipe.subject)
    if stream is None:
        stream = _made_up(recipe.subject)
    config = await _config_of_stream(jetstream, stream, recipe)
    warning = check_stream(config, recipe.subject)
    consumer = await _consumer(jetstream, stream, recipe)
    lease = check_consumer(consumer, stream, recipe.durable, recipe.subject)
    await _dead_letters(jetstream, stream, recipe)
    await _counts(jetstream, stream, recipe)
    return Prepared(stream, lease, warning)


async def _stream_of(jetstream: Any, subject: str) -> str | None:
    try:
        name: str = await jetstream.find_stream_name_by_subject(subject)
    except NotFoundError:
        return None
    return name


def _made_up(subject: str) -> str:
    """A name for the stream of a subject, by the custom of NATS: that of orders.> is ORDERS."""
    name = _NO_BUCKET.sub("_", subject.rstrip(".>*")).upper()
    return name or "EVENTS"


async def _config_of_stream(jetstream: Any, stream: str, recipe: Recipe) -> Any:
    try:
        return (await jetstream.stream_info(stream)).config
    except NotFoundError:
        if not recipe.declare:
            raise _missing(
                f"there is no stream {stream}",
                f"nats stream add {stream} --subjects '{recipe.subject}' --storage file "
                "--retention limits --defaults",
            ) from None
    if recipe.stream_config is not None:
        subjects = list(recipe.stream_subjects)
        return (await jetstream.add_stream(config=recipe.stream_config, subjects=subjects)).config
    made = await jetstream.add_stream(
        name=stream,
        subjects=[recipe.subject],
        storage="file",
        retention="limits",
        discard="new",
    )
    return made.config


async def _consumer(jetstream: Any, stream: str, recipe: Recipe) -> Any:
    try:
        return (await jetstream.consumer_info(stream, recipe.durable)).config
    except NotFoundError:
        if not recipe.declare:
            raise _missing(
                f"the stream {stream} has no consumer {recipe.durable}",
                f"nats consumer add {stream} {recipe.durable} --pull --ack explicit --deliver all "
                f"--filter '{recipe.subject}' --wait {recipe.lease:g}s --max-deliver=-1 "
                "--max-pending=-1 --defaults",
            ) from None
    try:
        made = await jetstream.add_consumer(
            stream,
            config=recipe.consumer_config,
            durable_name=recipe.durable,
            **_settings(recipe),
        )
    except BadRequestError as error:
        raise RegistrationError(
            f"the consumer {recipe.durable} of the stream {stream} can't be made for "
            f"{recipe.subject}: {printable(error.description or '', 200)}; the stream must take "
            "this subject"
        ) from error
    return made.config


def _settings(recipe: Recipe) -> dict[str, Any]:
    asked = recipe.consumer_config
    settings: dict[str, Any] = {}
    if asked is None or asked.ack_wait is None:
        settings["ack_wait"] = recipe.lease
    if asked is None or asked.max_deliver is None:
        settings["max_deliver"] = -1  # the server would drop it silently; we count
    if asked is None or asked.max_ack_pending is None:
        settings["max_ack_pending"] = -1  # or a thousand that wait to be tried again stop all
    if asked is None or not asked.filter_subjects:
        settings["filter_subject"] = recipe.subject
        settings["filter_subjects"] = None
    return settings


async def _dead_letters(jetstream: Any, stream: str, recipe: Recipe) -> None:
    subject = recipe.dead_letters
    name = await _stream_of(jetstream, subject)
    if name is None:
        name = shortened(_made_up(subject))
        if not recipe.declare:
            raise _missing(
                f"no stream takes the dead letters of {subject}",
                f"nats stream add {name} --subjects '{subject}' --storage file --defaults",
            )
        await jetstream.add_stream(
            name=name, subjects=[subject], storage="file", retention="limits", discard="new"
        )
    check_dead_letters((await jetstream.stream_info(name)).config, stream, subject)


async def _counts(jetstream: Any, stream: str, recipe: Recipe) -> None:
    bucket = recipe.bucket_of(stream)
    try:
        await jetstream.stream_info(stream_of(bucket))
    except NotFoundError:
        if not recipe.declare:
            raise _missing(
                f"there is no bucket {bucket} to count failed attempts in",
                f"nats kv add {bucket} --storage file --history 1",
            ) from None
        try:
            await Counts(jetstream, bucket).make()
        except BadRequestError:  # another worker made it just then
            await jetstream.stream_info(stream_of(bucket))


def _missing(what: str, command: str) -> RegistrationError:
    return RegistrationError(f"{what}; make it with --declare, or with: {command}")
