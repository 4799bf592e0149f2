"""Slack's signatures, beside its own package."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from slack_sdk.signature import Clock, SignatureVerifier

from eventrouter import InvalidSignature
from eventrouter.signatures import Slack
from tests.signatures.schemes import MOMENT, RAW, SECRET, text_bodies, text_secrets, whole_seconds


class StoppedClock(Clock):
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> float:
        return self.moment.timestamp()


@given(raw=text_bodies, secret=text_secrets, moment=whole_seconds)
def test_what_the_package_signs_is_accepted(raw: bytes, secret: str, moment: datetime) -> None:
    seconds = str(int(moment.timestamp()))
    made = SignatureVerifier(secret).generate_signature(timestamp=seconds, body=raw)
    headers = {"X-Slack-Request-Timestamp": seconds, "X-Slack-Signature": str(made)}

    assert Slack(secret).verify(raw, headers, moment)


@given(raw=text_bodies, secret=text_secrets, moment=whole_seconds)
def test_the_package_accepts_what_is_signed(raw: bytes, secret: str, moment: datetime) -> None:
    headers = Slack(secret).sign(raw, now=moment)

    assert SignatureVerifier(secret, StoppedClock(moment)).is_valid_request(raw, headers)


def test_the_example_of_slacks_documentation_is_signed_as_it_says() -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack/"""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    moment = datetime.fromtimestamp(1531420618, UTC)

    assert Slack("8f742231b10e8888abcd99yyyzzz85a5").sign(body, now=moment) == {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }


def test_it_says_how_the_header_should_start() -> None:
    scheme = Slack(SECRET)
    headers = {**scheme.sign(RAW, now=MOMENT), "X-Slack-Signature": "v1=ab"}

    with pytest.raises(InvalidSignature, match="does not start with v0="):
        scheme.verify(RAW, headers, MOMENT)
