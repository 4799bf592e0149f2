"""HMAC signatures as other senders write them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import InvalidSignature, RegistrationError
from eventrouter.signatures import HMAC, GitHub, Slack
from tests.signatures.schemes import MOMENT, RAW, SECRET, keys

KEY = "Jefe"
WHAT = b"what do ya want for nothing?"


@pytest.mark.parametrize(
    ("digest", "starts"),
    [("sha224", "a30e01098bc6dbbf"), ("sha256", "5bdcc146bf60754e"), ("sha384", "af45d2e376484031"),
     ("sha512", "164b7a7bfcf819e2")],
)  # fmt: skip
def test_the_second_case_of_rfc_4231_is_signed_as_it_says(digest: str, starts: str) -> None:
    """https://www.rfc-editor.org/rfc/rfc4231#section-4.3"""
    assert HMAC(KEY, "X-Sign", digest=digest).sign(WHAT)["X-Sign"].startswith(starts)


@given(raw=st.binary(), key=keys)
def test_it_is_github_with_its_header_and_prefix(raw: bytes, key: bytes) -> None:
    assert HMAC(key, "X-Hub-Signature-256", prefix="sha256=").sign(raw) == GitHub(key).sign(raw)


@given(raw=st.binary(), key=keys)
def test_it_is_slack_with_its_headers_and_what_it_signs(raw: bytes, key: bytes) -> None:
    scheme = HMAC(
        key,
        "X-Slack-Signature",
        prefix="v0=",
        timestamp_header="X-Slack-Request-Timestamp",
        signed="v0:{timestamp}:{body}",
    )

    assert scheme.sign(raw, now=MOMENT) == Slack(key).sign(raw, now=MOMENT)


def test_a_signature_may_be_base64() -> None:
    scheme = HMAC(SECRET, "X-Shopify-Hmac-Sha256", encoding="base64")
    made = base64.b64encode(hmac.digest(SECRET, RAW, "sha256")).decode()

    assert scheme.sign(RAW) == {"X-Shopify-Hmac-Sha256": made}


def test_the_time_and_the_body_are_signed_with_a_full_stop_between_them_by_default() -> None:
    scheme = HMAC(SECRET, "X-Sign", timestamp_header="X-Time")
    content = b"%d." % MOMENT.timestamp() + RAW

    assert scheme.sign(RAW, now=MOMENT)["X-Sign"] == hmac.new(SECRET, content, "sha256").hexdigest()


def test_what_stands_for_the_time_or_the_body_may_occur_in_the_body() -> None:
    scheme = HMAC(SECRET, "X-Sign", timestamp_header="X-Time")
    raw = b"{body}{timestamp}"
    content = b"%d." % MOMENT.timestamp() + raw

    assert scheme.sign(raw, now=MOMENT)["X-Sign"] == hmac.new(SECRET, content, "sha256").hexdigest()


def test_it_says_how_the_header_should_start() -> None:
    with pytest.raises(InvalidSignature, match="the header X-Sign does not start with sha1="):
        HMAC(SECRET, "X-Sign", prefix="sha1=").verify(RAW, {"X-Sign": "ab"})


@pytest.mark.parametrize("digest", sorted(hashlib.algorithms_guaranteed))
def test_each_hash_of_a_length_of_its_own_can_be_used(digest: str) -> None:
    if digest.startswith("shake"):
        with pytest.raises(RegistrationError, match="it is one of"):
            HMAC(SECRET, "X-Sign", digest=digest)
    else:
        scheme = HMAC(SECRET, "X-Sign", digest=digest)
        assert scheme.verify(RAW, scheme.sign(RAW))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"header": ""}, "header='': a header can't have that name"),
        ({"header": "X Sign"}, "a header can't have that name"),
        ({"header": None}, "header=None: a header can't have that name"),
        ({"timestamp_header": "X-Tïme"}, "a header can't have that name"),
        ({"digest": "crc32"}, "digest='crc32': it is one of blake2b"),
        ({"encoding": "base32"}, "it is 'hex' or 'base64'"),
        ({"prefix": "ß"}, "it is ASCII text"),
        ({"signed": "{timestamp}.{body}"}, "where there is a timestamp_header"),
        ({"timestamp_header": "X-Time", "signed": "{body}"}, "where there is a timestamp_header"),
        ({"signed": ""}, "with {body} in it once"),
        ({"signed": "{body}{body}"}, "with {body} in it once"),
        ({"signed": "ß{body}"}, "it is ASCII text"),
        ({"signed": b"{body}"}, "it is ASCII text"),
    ],
    ids=repr,
)
def test_a_setting_that_can_not_work_is_refused_when_made(
    settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RegistrationError) as caught:
        HMAC(SECRET, **{"header": "X-Sign", **settings})

    assert reason in str(caught.value)
