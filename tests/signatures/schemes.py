"""Each signature scheme, made the same way, and what to sign with it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from hypothesis import strategies as st

from eventrouter.signatures import HMAC, GitHub, Slack, StandardWebhooks, Stripe

AnyScheme: TypeAlias = StandardWebhooks | GitHub | Stripe | Slack | HMAC
#: Makes a scheme that knows some secrets.
Make: TypeAlias = Callable[[list[bytes]], AnyScheme]

MOMENT = datetime(2024, 8, 20, 5, 21, 19, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RAW = b'{"event_type": "order.paid", "payload": {"cents": 995}}'
SECRET, OTHER = b"a secret of twenty-four!", b"another secret, not this"
WHSEC = "whsec_" + base64.b64encode(SECRET).decode()


def timed_hmac(secrets: list[bytes]) -> HMAC:
    return HMAC(
        secrets,
        "X-Signature",
        digest="sha512",
        encoding="base64",
        prefix="hmac ",
        timestamp_header="X-Timestamp",
        signed="{timestamp}:{body}:{timestamp}",
    )


def plain_hmac(secrets: list[bytes]) -> HMAC:
    return HMAC(secrets, "X-Signature")


#: Those that sign a time.
TIMED: list[Make] = [StandardWebhooks, Stripe, Slack, timed_hmac]
ALL: list[Make] = [*TIMED, GitHub, plain_hmac]
#: Those whose header holds several signatures.
MANY: list[Make] = [StandardWebhooks, Stripe]


def named(make: Make) -> str:
    return make.__name__


def signed(scheme: AnyScheme, raw: bytes = RAW, now: datetime | None = MOMENT) -> dict[str, str]:
    """The headers that a scheme sends with a body."""
    return scheme.sign(raw) if isinstance(scheme, GitHub) else scheme.sign(raw, now=now)


#: Secrets that are text: nothing around them that is white space, as the other side refuses some.
text_secrets = st.text(st.characters(codec="utf-8"), min_size=1, max_size=70).filter(
    lambda text: text == text.strip()
)
keys = st.binary(min_size=1, max_size=70).filter(bytes.strip)
whole_seconds = st.datetimes(
    datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)
).map(lambda moment: moment.replace(microsecond=0))
#: Bodies that the other side can read: it knows text in UTF-8 only.
text_bodies = st.text(st.characters(codec="utf-8"), max_size=200).map(str.encode)
