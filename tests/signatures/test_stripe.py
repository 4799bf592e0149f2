"""Stripe's signatures, beside its own package."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import stripe
from hypothesis import given

from eventrouter import InvalidSignature
from eventrouter.signatures import Stripe
from tests.signatures.schemes import MOMENT, RAW, SECRET, text_bodies, text_secrets, whole_seconds

WebhookSignature: Any = stripe.WebhookSignature


@given(raw=text_bodies, secret=text_secrets, moment=whole_seconds)
def test_what_the_package_signs_is_accepted(raw: bytes, secret: str, moment: datetime) -> None:
    made = WebhookSignature.generate_signature_header(
        raw.decode(), secret, timestamp=int(moment.timestamp())
    )

    assert Stripe(secret).verify(raw, {"Stripe-Signature": made}, moment)


@given(raw=text_bodies, secret=text_secrets)
def test_the_package_accepts_what_is_signed(raw: bytes, secret: str) -> None:
    made = Stripe(secret).sign(raw)["Stripe-Signature"]

    assert WebhookSignature.verify_header(raw, made, secret, tolerance=300)


def test_the_package_finds_the_signature_of_its_secret_among_several() -> None:
    made = Stripe(["new", "old"]).sign(RAW)["Stripe-Signature"]

    assert WebhookSignature.verify_header(RAW, made, "old", tolerance=300)


def test_other_members_are_passed_over() -> None:
    scheme = Stripe(SECRET)
    made = scheme.sign(RAW, now=MOMENT)["Stripe-Signature"]

    assert scheme.verify(RAW, {"Stripe-Signature": f"v0=ab,new,{made},v2="}, MOMENT)


@pytest.mark.parametrize("change", [("v1=", "v0="), ("t=", "u="), ("t=", "t=1,t="), ("=", "")])
def test_a_header_without_one_time_and_a_signature_of_version_1_is_refused(
    change: tuple[str, str],
) -> None:
    scheme = Stripe(SECRET)
    made = scheme.sign(RAW, now=MOMENT)["Stripe-Signature"].replace(*change)

    with pytest.raises(InvalidSignature, match="needs one t=, and a v1="):
        scheme.verify(RAW, {"Stripe-Signature": made}, MOMENT)


def test_a_further_attempt_has_another_key() -> None:
    """It is signed anew; the id of the event, in the body, tells that they are one."""
    scheme = Stripe(SECRET)
    later = MOMENT.replace(hour=6)

    first = scheme.verify(RAW, scheme.sign(RAW, now=MOMENT), MOMENT)

    assert scheme.verify(RAW, scheme.sign(RAW, now=later), later) != first
