"""A handler as it was registered, and the route made of it once all its names are known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Any

from attrs import define, field

from eventrouter.circuit import Circuit
from eventrouter.conditions import Condition
from eventrouter.deadlines import within
from eventrouter.errors import RegistrationError, quoted
from eventrouter.generators import run_to_end
from eventrouter.payload import PayloadBuilder, PayloadConverter, make_builder
from eventrouter.policy import Settings, policy_of
from eventrouter.providers import Filled, Provider, Source, filled
from eventrouter.recovery import Recovery, Sleep
from eventrouter.routing import Route
from eventrouter.scope import Scope
from eventrouter.signature import (
    AnyHandler,
    Named,
    Signature,
    named,
    read_conversion,
    read_signature,
    refuse_generator,
    refuse_uncallable,
)
from eventrouter.turns import Turns
from eventrouter.upcasters import Upcaster

# What a name raises that may exist once the program is read: ``User``, or ``models.User``.
_NOT_YET = (NameError, AttributeError)


class Role(Enum):
    """Which events a handler is there for."""

    HANDLER = "those its pattern matches"
    OBSERVER = "all"
    FALLBACK = "those no handler takes"


class Signatures:
    """Signatures and builders by handler and by type, so that each is worked out once."""

    def __init__(self, converter: PayloadConverter) -> None:
        self.converter = converter
        self._of_handler: dict[AnyHandler, Signature] = {}
        self._builders: dict[Any, PayloadBuilder] = {}

    def of(self, handler: AnyHandler) -> Signature:
        """
        What the handler asks for.

        Raises:
            RegistrationError: If it can't be told, or can't be built.
            NameError: If an annotation names what does not exist, or not yet.
            AttributeError: If that is an attribute.
        """
        try:
            known = self._of_handler.get(handler)
        except TypeError:  # a callable object without a hash
            return self._read(handler)
        if known is None:
            known = self._of_handler[handler] = self._read(handler)
        return known

    def _read(self, handler: AnyHandler) -> Signature:
        signature = read_signature(handler)
        self.builder_of(handler, signature.payload_type)
        return signature

    def builder_of(self, handler: AnyHandler, target: Any) -> PayloadBuilder | None:
        """The builder of the payload type a function asks for, None if it asks for the raw one."""
        if target is Any or target is object:
            return None
        try:
            builder = self._builders.get(target)
            if builder is None:
                builder = self._builders[target] = make_builder(target, self.converter)
        except _NOT_YET:
            raise
        except Exception as error:
            raise RegistrationError(
                f"{named(handler)}: can't build its payload: {error}"
            ) from error
        return builder


@define(eq=False)
class Registration:
    """
    A handler as it was registered.

    Attributes:
        role: Which events it is there for.
        pattern: What an event's type must match; for the other roles, how it must begin.
        version: What its version must be; None takes any.
        condition: What else is asked of it, or None.
        handler: The function.
        thread: Whether a sync handler runs in a worker thread.
        settings: What it or its router says of how it is called.
        signatures: What reads its annotations.
    """

    role: Role
    pattern: str
    version: str | None
    condition: Condition | None
    handler: AnyHandler
    thread: bool
    settings: Settings
    signatures: Signatures
    named: Named = field(init=False)
    # Kept here, since routes are made anew when anything else is registered.
    _in_order: Turns = field(init=False, factory=partial(Turns, 1))
    _at_a_time: Turns | None = field(init=False, default=None)
    _circuit: Circuit = field(init=False)

    def __attrs_post_init__(self) -> None:
        refuse_uncallable(self.handler)
        if self.settings.concurrency is not None:
            self._at_a_time = Turns(self.settings.concurrency)
        self.named = named(self.handler)
        self._circuit = Circuit(self.named.name)
        policy_of(self.handler, self.thread, self.settings)  # what is around may say more
        with suppress(*_NOT_YET):  # see route()
            self._refuse_typed_observer(self.signatures.of(self.handler))

    def is_same_as(self, other: Registration) -> bool:
        """Whether both register one function under one key."""
        return (
            self.role is other.role
            and self.handler == other.handler
            and (self.pattern, self.version) == (other.pattern, other.version)
            and self.condition == other.condition
        )

    def route(
        self,
        prefix: str,
        scopes: tuple[Scope, ...],
        order: int,
        provider_of: Callable[[Any], Provider | Source | None],
        around: Settings,
        sleep: Sleep,
    ) -> Route:
        """
        The route, with what was around the router it was registered on.

        Raises:
            RegistrationError: If an annotation names what does not exist, nothing provides what a
                parameter asks for, it can't be run in a transaction that it asks for, or a setting
                of a router around can't work for it.
        """
        policy = policy_of(self.handler, self.thread, self.settings.within(around))
        call = run_to_end(self.handler)
        if policy.timeout is not None and not policy.abandon:
            call = within(policy.timeout, call, self.named.name)
        try:
            signature = self.signatures.of(self.handler)
        except _NOT_YET as error:
            raise _not_found(self.named, error) from error
        self._refuse_typed_observer(signature)
        further = filled(self.handler, signature.further, provider_of)
        return Route(
            pattern=prefix + self.pattern,
            version=self.version,
            condition=self.condition,
            handler=self.handler,
            named=self.named,
            signature=signature,
            builder=self.signatures.builder_of(self.handler, signature.payload_type),
            converter=self.signatures.converter.detailed,
            thread=self.thread,
            is_observer=self.role is Role.OBSERVER,
            is_fallback=self.role is Role.FALLBACK,
            filled=further,
            transacted=self._transacted(further),
            scopes=scopes,
            order=order,
            policy=policy,
            recovery=None if policy.retry is None else Recovery(policy.retry, sleep),
            call=call,
            in_order=None if policy.ordered_by is None else self._in_order,
            at_a_time=self._at_a_time,
            circuit=None if policy.pause_after is None else self._circuit,
        )

    def _transacted(self, further: tuple[Filled, ...]) -> tuple[str, ...]:
        """The parameters that are given the connection of a transaction."""
        names = tuple(name for name, source in further if source is Source.TRANSACTION)
        if names and self.role is Role.OBSERVER:
            raise RegistrationError(
                f"{self.named} asks for the connection of a transaction, which completes that an "
                "event was handled; an observer sees events that no handler takes, too"
            )
        if names and self.signatures.of(self.handler).is_async:
            raise RegistrationError(
                f"{self.named} is async, and would keep the event loop waiting with each statement "
                f"on {names[0]!r}; make it a plain function, which runs in a worker thread"
            )
        return names

    def _refuse_typed_observer(self, signature: Signature) -> None:
        if self.role is Role.OBSERVER and signature.payload_type not in (Any, object):
            raise RegistrationError(
                f"{self.named} sees events of every type; annotate its first parameter with "
                "Event or Any"
            )


@define(eq=False)
class UpcasterRegistration:
    """
    An upcaster as it was registered.

    Attributes:
        event_type: The type of the events.
        source: The version it takes.
        target: The version it returns.
        function: The function.
        signatures: What builds what it takes.
    """

    event_type: str
    source: str
    target: str
    function: AnyHandler
    signatures: Signatures
    named: Named = field(init=False)

    def __attrs_post_init__(self) -> None:
        refuse_uncallable(self.function)
        refuse_generator(self.function)
        self.named = named(self.function)
        if self.source == self.target:
            raise RegistrationError(
                f"{self.named} upcasts {quoted(self.event_type)} from {quoted(self.source)} to the "
                "same version"
            )
        with suppress(*_NOT_YET):  # see upcaster()
            self._upcaster("")

    def upcaster(self, prefix: str) -> Upcaster:
        """
        The upcaster, where the router it was registered on is included under a prefix.

        Raises:
            RegistrationError: If an annotation names what does not exist.
        """
        try:
            return self._upcaster(prefix)
        except _NOT_YET as error:
            raise _not_found(self.named, error) from error

    def _upcaster(self, prefix: str) -> Upcaster:
        conversion = read_conversion(self.function)
        return Upcaster(
            event_type=prefix + self.event_type,
            source=self.source,
            target=self.target,
            function=self.function,
            named=self.named,
            conversion=conversion,
            builder=self.signatures.builder_of(self.function, conversion.takes),
            converter=self.signatures.converter.detailed,
        )


def _not_found(where: Named, error: Exception) -> RegistrationError:
    return RegistrationError(
        f"{where}: {error}, in an annotation; define or import it at module level, outside of "
        "functions and of TYPE_CHECKING"
    )
