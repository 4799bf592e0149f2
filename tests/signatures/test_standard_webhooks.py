"""Standard Webhooks, beside the package of that name."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import InvalidSignature, MalformedEvent, RegistrationError
from eventrouter.signatures import StandardWebhooks
from tests.signatures.schemes import (
    MOMENT,
    OTHER,
    RAW,
    SECRET,
    WHSEC,
    keys,
    text_bodies,
    whole_seconds,
)

ids = st.from_regex(r"[!-\-/-~]{1,256}", fullmatch=True)
#: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
BODY = (
    b'{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z",'
    b'"data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}'
)


# The other side


@given(id=ids, raw=text_bodies, key=keys, moment=whole_seconds)
def test_what_the_package_signs_is_accepted(
    id: str, raw: bytes, key: bytes, moment: datetime
) -> None:
    # In UTC: of another zone it replaces the offset, and so signs another time.
    made = standardwebhooks.Webhook(key).sign(id, moment, raw.decode())
    headers = {
        "webhook-id": id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": made,
    }

    assert StandardWebhooks(key).verify(raw, headers, moment) == id


@given(id=ids, raw=text_bodies, key=keys)
def test_the_package_accepts_what_is_signed(id: str, raw: bytes, key: bytes) -> None:
    headers = StandardWebhooks(key).sign(raw, id=id)

    standardwebhooks.Webhook(key).verify(raw, headers, json_parse=False)


@given(key=keys, padded=st.booleans(), prefixed=st.booleans())
def test_a_secret_that_the_package_reads_is_read_alike(
    key: bytes, padded: bool, prefixed: bool
) -> None:
    text = base64.b64encode(key).decode()
    secret = ("whsec_" if prefixed else "") + (text if padded else text.rstrip("="))

    headers = StandardWebhooks(secret).sign(RAW)

    standardwebhooks.Webhook(secret).verify(RAW, headers)


def test_the_package_signs_another_time_where_the_moment_has_a_zone() -> None:
    """Its fault is why the tests here give it UTC; this one says when that is mended."""
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=2)))
    webhook = standardwebhooks.Webhook(SECRET)

    assert webhook.sign("a", elsewhere, "") != webhook.sign("a", MOMENT, "")


@pytest.mark.parametrize("signature", ["v1", "v1,a,b", "v1,A", "v1,é"])
def test_what_makes_the_package_raise_other_errors_is_an_invalid_signature(signature: str) -> None:
    """It raises the ValueError of unpacking, and binascii.Error, which is one too."""
    headers = {**StandardWebhooks(SECRET).sign(RAW), "webhook-signature": signature}

    with pytest.raises(ValueError, match=r"unpack|base64|ASCII"):
        standardwebhooks.Webhook(SECRET).verify(RAW, headers)
    with pytest.raises(InvalidSignature):
        StandardWebhooks(SECRET).verify(RAW, headers)


def test_a_body_that_is_no_text_can_be_signed_too() -> None:
    scheme = StandardWebhooks(SECRET)
    headers = scheme.sign(b"\xff")

    assert scheme.verify(b"\xff", headers)
    with pytest.raises(UnicodeDecodeError):  # the package knows text only
        standardwebhooks.Webhook(SECRET).verify(b"\xff", headers)


# By the specification


def test_signatures_of_other_versions_are_passed_over() -> None:
    scheme = StandardWebhooks(WHSEC)
    headers = scheme.sign(BODY, id="msg_1", now=MOMENT)
    signature = f"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGz== v2, {headers['webhook-signature']}"

    assert scheme.verify(BODY, {**headers, "webhook-signature": signature}, MOMENT) == "msg_1"


def test_without_a_signature_of_version_1_it_is_refused() -> None:
    scheme = StandardWebhooks(WHSEC)
    headers = {**scheme.sign(BODY, now=MOMENT), "webhook-signature": "v1a,hnO3 v1=abc"}

    with pytest.raises(InvalidSignature, match="no signature in the header webhook-signature"):
        scheme.verify(BODY, headers, MOMENT)


@pytest.mark.parametrize("id", ["", "a.b", "a b", "é", "a\n", "x" * 257])
def test_an_id_that_could_be_taken_for_more_is_refused(id: str) -> None:
    scheme = StandardWebhooks(WHSEC)

    with pytest.raises(MalformedEvent, match="none a full stop"):
        scheme.sign(RAW, id=id)
    with pytest.raises(InvalidSignature):
        scheme.verify(RAW, {**scheme.sign(RAW), "webhook-id": id})


def test_a_body_can_not_be_split_so_that_its_start_is_a_time() -> None:
    """The parts of what is signed have nothing but full stops between them."""
    scheme = StandardWebhooks(WHSEC)
    later = MOMENT + timedelta(days=1)
    seconds = str(int(later.timestamp()))
    headers = scheme.sign(f"said.{seconds}.more".encode(), id="msg_1", now=MOMENT)
    moved = {
        **headers,
        "webhook-id": f"msg_1.{headers['webhook-timestamp']}.said",
        "webhook-timestamp": seconds,
    }

    with pytest.raises(InvalidSignature, match="none a full stop"):
        scheme.verify(b"more", moved, later)


def test_each_message_gets_an_id_of_its_own_if_none_is_given() -> None:
    scheme = StandardWebhooks(WHSEC)

    assert scheme.sign(RAW)["webhook-id"] != scheme.sign(RAW)["webhook-id"]


def test_each_attempt_has_the_same_key() -> None:
    scheme = StandardWebhooks(WHSEC)
    moments = [datetime(2024, 8, day, tzinfo=UTC) for day in (1, 2)]

    keys = {scheme.verify(RAW, scheme.sign(RAW, id="msg_1", now=at), at) for at in moments}

    assert keys == {"msg_1"}


def test_the_headers_of_svix_are_read_by_their_prefix() -> None:
    scheme = StandardWebhooks(WHSEC, prefix="svix-")
    headers = scheme.sign(RAW, id="msg_1")

    assert sorted(headers) == ["svix-id", "svix-signature", "svix-timestamp"]
    assert scheme.verify(RAW, headers) == "msg_1"
    with pytest.raises(InvalidSignature, match="the header webhook-id is missing"):
        StandardWebhooks(WHSEC).verify(RAW, headers)


@pytest.mark.parametrize(
    "secret", ["whsec_", "whsec_!", "not base64!", "whsk_AAAA", "whpk_AAAA", "é", "A", "_-__"]
)
def test_a_secret_that_is_no_base64_is_refused_when_made(secret: str) -> None:
    with pytest.raises(RegistrationError, match="is whsec_ and base64"):
        StandardWebhooks(["d2VsbA==", secret])


def test_a_prefix_that_no_header_can_have_is_refused_when_made() -> None:
    with pytest.raises(RegistrationError, match="prefix='': a header can't have that name"):
        StandardWebhooks(SECRET, prefix="")


def test_a_key_may_be_given_as_bytes() -> None:
    assert StandardWebhooks(SECRET) == StandardWebhooks(WHSEC)
    assert StandardWebhooks(OTHER) != StandardWebhooks(WHSEC)
