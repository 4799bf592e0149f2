"""What holds for every signature scheme."""

from __future__ import annotations

import copy
import json
import pickle
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import EventError, InvalidSignature, RegistrationError
from eventrouter.signatures import GitHub, Scheme, StandardWebhooks
from tests.signatures.schemes import (
    ALL,
    MANY,
    MOMENT,
    OTHER,
    RAW,
    SECOND,
    SECRET,
    TIMED,
    Make,
    keys,
    named,
    signed,
    whole_seconds,
)

all_schemes = pytest.mark.parametrize("make", ALL, ids=named)
timed_schemes = pytest.mark.parametrize("make", TIMED, ids=named)


# Signing and verifying


@all_schemes
@given(raw=st.binary(), key=keys, moment=whole_seconds)
def test_what_is_signed_is_accepted(make: Make, raw: bytes, key: bytes, moment: datetime) -> None:
    scheme = make([key])

    assert scheme.verify(raw, signed(scheme, raw, moment), moment)


@all_schemes
def test_it_is_a_scheme(make: Make) -> None:
    scheme: Scheme = make([SECRET])

    assert callable(scheme.verify)


@all_schemes
def test_the_time_is_that_of_the_call_if_none_is_given(make: Make) -> None:
    scheme = make([SECRET])

    assert scheme.verify(RAW, signed(scheme, RAW, None))


@all_schemes
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_header_names_may_be_in_any_case(make: Make, spell: type[str]) -> None:
    scheme = make([SECRET])
    headers = {spell(name): value for name, value in signed(scheme).items()}

    assert scheme.verify(RAW, headers, MOMENT)


@timed_schemes
@pytest.mark.parametrize("hours", [-8, 5.5])
def test_a_moment_is_the_same_in_every_zone(make: Make, hours: float) -> None:
    scheme = make([SECRET])
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=hours)))

    assert scheme.verify(RAW, signed(scheme, RAW, elsewhere), MOMENT)


# Refusing


@all_schemes
@given(at=st.integers(0, len(RAW) - 1), bit=st.integers(0, 7))
def test_one_changed_bit_of_the_body_is_refused(make: Make, at: int, bit: int) -> None:
    scheme = make([SECRET])
    changed = bytearray(RAW)
    changed[at] ^= 1 << bit

    with pytest.raises(InvalidSignature, match="of none of the secrets"):
        scheme.verify(bytes(changed), signed(scheme), MOMENT)


@all_schemes
def test_every_changed_character_of_a_header_is_refused(make: Make) -> None:
    scheme = make([SECRET])
    headers = signed(scheme)

    for name, value in headers.items():
        for at, old in enumerate(value):
            for new in {*"0aA9=,. \x00é", old.swapcase()} - {old}:
                changed = {**headers, name: value[:at] + new + value[at + 1 :]}
                with pytest.raises(InvalidSignature):
                    scheme.verify(RAW, changed, MOMENT)


@all_schemes
def test_a_missing_header_is_named(make: Make) -> None:
    scheme = make([SECRET])
    headers = signed(scheme)

    for name in headers:
        rest = {other: value for other, value in headers.items() if other != name}
        with pytest.raises(InvalidSignature, match=f"the header {name} is missing"):
            scheme.verify(RAW, rest, MOMENT)


MALFORMED = {
    "empty": "",
    "space": " ",
    "not ASCII": "sha256=é",
    "other digits": "١٧٢٤١٣٠٠٧٩",
    "huge": "v1," * 100_000,
    "huge integer": "9" * 4_000,
    "many digits": "9" * 13,
    "not a number": "nan",
    "infinite": "inf",
    "signed": "-1",
    "plus": "+1724130079",
    "underscore": "1_724_130_079",
    "around": " 1724130079 ",
    "line end": "1724130079\n",
    "fraction": "1724130079.0",
    "exponent": "1e9",
    "hexadecimal": "0x10",
    "no base64": "v1,*** v1,A",
    "empty members": "v1, v1,",
    "no members": ",,,===,,",
    "surrogate": "\ud800",
    "null": "\x00",
}


@all_schemes
@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_header_is_an_invalid_signature(make: Make, value: str) -> None:
    scheme = make([SECRET])
    headers = signed(scheme)

    for name in headers:
        with pytest.raises(InvalidSignature):
            scheme.verify(RAW, {**headers, name: value}, MOMENT)


@all_schemes
def test_a_header_that_is_no_text_is_an_invalid_signature(make: Make) -> None:
    scheme = make([SECRET])
    headers = signed(scheme)

    for name in headers:
        with pytest.raises(InvalidSignature, match="is bytes, not text"):
            scheme.verify(RAW, {**headers, name: b"1"}, MOMENT)  # type: ignore[dict-item]


near_misses = st.from_regex(r"(t=|v0=|v1[,=]|sha256=|hmac )?[\w+/=, .-]{0,50}([, ]v1[=,].{0,50})*")


@all_schemes
@given(data=st.data(), raw=st.binary(max_size=20), now=st.datetimes(timezones=st.timezones()))
def test_whatever_arrives_is_accepted_or_an_invalid_signature(
    make: Make, data: st.DataObject, raw: bytes, now: datetime
) -> None:
    scheme = make([SECRET])
    values = st.text() | near_misses
    headers = {
        name: data.draw(values | st.just(value)) for name, value in signed(scheme, raw).items()
    }

    with suppress(InvalidSignature):
        scheme.verify(raw, headers, data.draw(st.just(MOMENT) | st.just(now)))


@pytest.mark.parametrize("make", MANY, ids=named)
def test_more_signatures_than_sixteen_are_refused(make: Make) -> None:
    scheme = make([bytes([65 + i]) * 24 for i in range(16)])
    headers = signed(scheme)
    name = list(headers)[-1]
    separator = "," if name == "Stripe-Signature" else " "
    last = headers[name].rpartition(separator)[2]

    assert scheme.verify(RAW, headers, MOMENT)
    with pytest.raises(InvalidSignature, match="holds 17 signatures, over 16"):
        scheme.verify(RAW, {**headers, name: headers[name] + separator + last}, MOMENT)


def test_the_error_is_one_of_the_event() -> None:
    """So that nothing tries again what can't help."""
    assert issubclass(InvalidSignature, EventError)


@all_schemes
def test_the_error_shows_neither_a_secret_nor_what_would_be_right(make: Make) -> None:
    scheme = make([SECRET])
    right = signed(scheme)

    with pytest.raises(InvalidSignature) as caught:
        scheme.verify(RAW, signed(make([OTHER])), MOMENT)

    assert SECRET.decode() not in str(caught.value)
    assert not any(value in str(caught.value) for value in right.values())


# Time


@timed_schemes
@given(seconds=st.integers(-300, 300))
def test_within_the_tolerance_it_is_accepted(make: Make, seconds: int) -> None:
    scheme = make([SECRET])

    assert scheme.verify(RAW, signed(scheme), MOMENT + seconds * SECOND)


@timed_schemes
def test_older_than_the_tolerance_it_is_refused(make: Make) -> None:
    scheme = make([SECRET])

    with pytest.raises(InvalidSignature, match="is 301 seconds old, the tolerance 300 seconds"):
        scheme.verify(RAW, signed(scheme), MOMENT + 300.001 * SECOND)


@timed_schemes
def test_newer_than_the_tolerance_it_is_refused(make: Make) -> None:
    scheme = make([SECRET])

    with pytest.raises(InvalidSignature, match="is 301 seconds in the future, the tolerance 300"):
        scheme.verify(RAW, signed(scheme), MOMENT - 300.001 * SECOND)


def test_the_tolerance_may_be_another() -> None:
    scheme = StandardWebhooks(SECRET, tolerance=0.5)

    assert scheme.verify(RAW, signed(scheme), MOMENT + 0.5 * SECOND)
    with pytest.raises(InvalidSignature, match=r"1 seconds old, the tolerance 0\.5 seconds"):
        scheme.verify(RAW, signed(scheme), MOMENT + 0.6 * SECOND)


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf"), "300", None, True])
def test_a_tolerance_that_is_no_duration_is_refused_when_made(tolerance: float) -> None:
    with pytest.raises(RegistrationError, match="it is a number of seconds"):
        StandardWebhooks(SECRET, tolerance=tolerance)


@timed_schemes
def test_a_moment_without_an_offset_is_refused(make: Make) -> None:
    scheme = make([SECRET])
    naive = MOMENT.replace(tzinfo=None)

    with pytest.raises(ValueError, match="has no offset from UTC"):
        signed(scheme, RAW, naive)
    with pytest.raises(ValueError, match="has no offset from UTC"):
        scheme.verify(RAW, signed(scheme), naive)


@timed_schemes
def test_a_moment_that_could_not_be_verified_is_not_signed(make: Make) -> None:
    with pytest.raises(ValueError, match="lies before 1970"):
        signed(make([SECRET]), RAW, MOMENT.replace(year=1969))


# Secrets


@all_schemes
def test_each_of_several_secrets_is_tried(make: Make) -> None:
    scheme = make([OTHER, SECRET])

    assert scheme.verify(RAW, signed(make([SECRET])), MOMENT)
    assert scheme.verify(RAW, signed(make([OTHER])), MOMENT)


@all_schemes
def test_a_secret_that_is_dropped_is_refused(make: Make) -> None:
    with pytest.raises(InvalidSignature, match="of none of the secrets"):
        make([OTHER]).verify(RAW, signed(make([SECRET])), MOMENT)


@all_schemes
def test_the_first_secret_signs(make: Make) -> None:
    assert make([OTHER]).verify(RAW, signed(make([OTHER, SECRET])), MOMENT)


@pytest.mark.parametrize("make", MANY, ids=named)
def test_all_secrets_sign_where_a_header_holds_several_signatures(make: Make) -> None:
    headers = signed(make([OTHER, SECRET]))

    assert make([OTHER]).verify(RAW, headers, MOMENT)
    assert make([SECRET]).verify(RAW, headers, MOMENT)


@all_schemes
def test_no_secret_is_shown(make: Make) -> None:
    shown = repr(make([SECRET, OTHER]))

    assert "secret" not in shown


@all_schemes
def test_it_can_be_copied_and_compared(make: Make) -> None:
    scheme = make([SECRET])

    assert copy.deepcopy(scheme) == pickle.loads(pickle.dumps(scheme)) == scheme
    assert scheme != make([OTHER])


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [
        ("", "blank"),
        (b"", "blank"),
        (" \n", "blank"),
        ([], "0 secrets"),
        (["new", ""], "blank"),
        (["s"] * 17, "17 secrets: give one at least and 16 at most"),
        ("s3cret\n", "white space around it"),
        (None, "not NoneType; is the environment variable set?"),
        ([None], "not NoneType; is the environment variable set?"),
        (5, "a secret is text or bytes, not int"),
        (bytearray(b"s3cret"), "a secret is text or bytes, not int"),
        ("\ud800", "no Unicode text"),
    ],
    ids=repr,
)
def test_a_bad_secret_is_refused_when_made(secrets: str, reason: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        GitHub(secrets)

    assert reason in str(caught.value)
    assert "s3cret" not in str(caught.value)


# What a guard knows a delivery by


@all_schemes
def test_a_replay_has_the_same_key_however_its_headers_are_spelt(make: Make) -> None:
    scheme = make([SECRET])
    headers = signed(scheme)
    replayed = {name.upper(): value for name, value in headers.items()}

    first = scheme.verify(RAW, headers, MOMENT)

    assert scheme.verify(RAW, replayed, MOMENT + SECOND) == first


@all_schemes
def test_another_delivery_has_another_key(make: Make) -> None:
    scheme = make([SECRET])
    other = RAW + b" "

    first = scheme.verify(RAW, signed(scheme), MOMENT)

    assert scheme.verify(other, signed(scheme, other), MOMENT) != first


@pytest.mark.parametrize("make", [make for make in ALL if make is not StandardWebhooks], ids=named)
def test_nobody_can_sign_with_the_key_where_it_is_no_id(make: Make) -> None:
    """It may stand in a log or a store."""
    scheme = make([SECRET])
    headers = signed(scheme)

    assert scheme.verify(RAW, headers, MOMENT) not in " ".join(headers.values())


# Real deliveries


@all_schemes
def test_real_deliveries_are_accepted_and_refused_with_one_byte_changed(
    make: Make, shared_data: Path
) -> None:
    scheme = make([SECRET])
    lines = (shared_data / "github-webhooks.ndjson").read_bytes().splitlines()

    for line in lines:
        raw = json.dumps(json.loads(line)["payload"]).encode()
        middle = len(raw) // 2
        changed = raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]

        assert scheme.verify(raw, signed(scheme, raw), MOMENT)
        with pytest.raises(InvalidSignature):
            scheme.verify(changed, signed(scheme, raw), MOMENT)
