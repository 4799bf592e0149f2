"""What an endpoint does with a request, whichever way the request comes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from attrs import frozen

from eventrouter.envelope import Headers
from eventrouter.errors import (
    InvalidSignature,
    MalformedEvent,
    printable,
)
from eventrouter.integrations.http.answers import Answer, Refused, answer_to, problem, together
from eventrouter.integrations.http.batches import Delivery, split
from eventrouter.integrations.http.bodies import Chunks, decoded
from eventrouter.integrations.http.heads import Head, Shape, read_head
from eventrouter.outcome import malformed, spoken_of
from eventrouter.result import Result, Status
from eventrouter.router import Router
from eventrouter.signatures.replay import Guard
from eventrouter.signatures.scheme import Scheme

LOGGER: Final = logging.getLogger("eventrouter.http")

_JSON_SPACE: Final = b" \t\r\n"


class Events(NamedTuple):
    """
    The events of one request.

    Attributes:
        deliveries: What the router is given, one after the other.
        is_batch: Whether they are answered as a batch, even if it is but one.
        key: What the guard against replays knows the request by, if it is signed.
    """

    deliveries: Sequence[Delivery]
    is_batch: bool
    key: str | None

    def answer(self, answers: Sequence[Answer]) -> Answer:
        """The answer to all of it, from those to each event."""
        return together(answers) if self.is_batch else answers[0]


@frozen
class Endpoint:
    """
    The part of an endpoint that does not wait.

    Args:
        router: What processes the events.
        signature: What tells who sent them.
        replay: What lets each request through once.
        batch: Whether a JSON array is a batch of events.
        max_batch: How many events a batch may have.
        detail: Whether answers tell what only the operator should know.
    """

    router: Router
    signature: Scheme | None
    replay: Guard | None
    batch: bool
    max_batch: int
    detail: bool

    def read_head(self, method: str, headers: Headers) -> Head:
        """
        Check what comes before the body.

        Raises:
            Refused: If the body need not be read.
        """
        return read_head(method, headers, self.router.limits.max_bytes)

    def chunks(self) -> Chunks:
        """What a body is gathered in."""
        return Chunks(self.router.limits.max_bytes)

    def read_body(self, head: Head, body: bytes) -> Events:
        """
        Find the events in a body.

        The signature is that of the body as it was sent, so it is checked before anything of the
        body is decoded, be it only its gzip.

        Args:
            head: What came before it.
            body: The body as it was sent.

        Raises:
            Refused: If the signature is not right, or the body can't be read.
        """
        key = None if self.signature is None else self._verify(self.signature, head, body)
        limits = self.router.limits
        if head.coding:
            body = decoded(body, head.coding, limits.max_bytes)
        if self._is_batch(head, body):
            return Events(split(body, head, limits, self.max_batch), is_batch=True, key=key)
        return Events([(body, head.headers)], is_batch=False, key=key)

    def refusal(self, delivery: Delivery) -> Answer | None:
        """
        The answer to what is no event at all; None if it is one.

        An event that is accepted before it is processed is asked this much.
        """
        raw, headers = delivery
        try:
            self.router.read(raw, headers)
        except MalformedEvent as error:
            return self.answer(malformed(error, raw))
        return None

    def answer(self, result: Result) -> Answer:
        """The answer to what became of an event; what went wrong is logged."""
        if result.error is not None:
            log(result, logging.INFO)
        return answer_to(result, self.detail)

    def answer_to_repeated(self, refused: Status) -> Answer:
        """The answer to a request that the guard refused."""
        return answer_to(Result(refused, None), self.detail)

    def _is_batch(self, head: Head, body: bytes) -> bool:
        if head.shape is Shape.JSON:
            return self.batch and body.lstrip(_JSON_SPACE).startswith(b"[")
        return head.shape is not Shape.EVENT

    def _verify(self, signature: Scheme, head: Head, body: bytes) -> str:
        try:
            return signature.verify(body, head.headers)
        except InvalidSignature as error:
            LOGGER.info("refused a request: %s", printable(str(error), 200))
            raise Refused(
                problem(
                    401,
                    str(error) if self.detail else "the signature is missing or wrong",
                    # RFC 9110, section 15.5.2, wants a challenge with it.
                    headers={"www-authenticate": "Signature"},
                )
            ) from None


def log(result: Result, refusals: int) -> None:
    """
    Log what went wrong with an event.

    Args:
        result: What became of it.
        refusals: The level for what the sender did wrong; what failed here is an error.
    """
    named, error = spoken_of(result.event), result.error
    if result.status is Status.FAILED:
        LOGGER.error("%s failed", named, exc_info=error)
    elif LOGGER.isEnabledFor(refusals):
        LOGGER.log(refusals, "%s is %s: %s", named, result.status, printable(str(error), 500))
