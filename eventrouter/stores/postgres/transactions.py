"""What others do in the transaction that completes a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Rollback
from psycopg.pq import TransactionStatus

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.result import Status
from eventrouter.stores.claims import Claim
from eventrouter.stores.outgoing import Outgoing, checked_outgoing
from eventrouter.stores.postgres import claims, outgoing
from eventrouter.stores.postgres.failures import explanation_of
from eventrouter.stores.postgres.session import Session

T = TypeVar("T")

#: What PostgreSQL says of the work when it is completed and committed, by SQLSTATE or its first two
#: characters: of constraints that it checks only then, of triggers, of other transactions.
_OF_WORK: Final = ("22", "23", "25P02", "40", "44", "P0")


def transact(
    session: Session,
    shown: str,
    key: str,
    token: str,
    ttl: float,
    work: Callable[[Any], tuple[T, Sequence[Outgoing]]],
) -> tuple[Claim, T | None]:
    """
    Do ``work``, complete the key and keep what was given in one transaction, if the key is free.

    Raises:
        StoreError: If PostgreSQL can't.
        Exception: What is the fault of the work; it is undone then.
    """
    claim = Claim(key, Status.IN_PROGRESS)
    value: T | None = None
    failure: BaseException | None = None
    is_worked = False
    try:
        with suppress(Rollback), session.connection.transaction():
            claim = claims.lock(session, key, token)
            if claim.refused is not None:
                return claim, None
            try:
                value, given = work(session.connection)
                events = checked_outgoing(given)
                is_worked = True
            except BaseException as error:
                failure = error
                raise Rollback from error
            _refuse_ended(session)
            if not claims.complete(session, claim, ttl):
                raise StoreError(
                    f"{shown}: what a key stands for was done elsewhere in the meantime, by a "
                    "claim without a transaction; it was undone here"
                )
            outgoing.put(session, events)
    except psycopg.Error as error:
        if is_worked and _is_of_work(error):
            raise
        raise explanation_of(shown, error) from error
    if failure is not None:
        raise failure
    return claim, value


def _refuse_ended(session: Session) -> None:
    status = session.connection.info.transaction_status
    if status not in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        raise RegistrationError(
            "a handler ended the transaction that it was given; leave COMMIT and ROLLBACK to the "
            "router, and use connection.transaction() for a part that may fail"
        )


def _is_of_work(error: psycopg.Error) -> bool:
    return error.sqlstate is not None and error.sqlstate.startswith(_OF_WORK)
