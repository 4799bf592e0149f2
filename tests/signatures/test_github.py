"""GitHub's signatures."""

from __future__ import annotations

import pytest

from eventrouter import InvalidSignature
from eventrouter.signatures import GitHub
from tests.signatures.schemes import RAW, SECRET

# https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
DOCUMENTED = GitHub("It's a Secret to Everybody")
EXPECTED = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_the_example_of_githubs_documentation_is_signed_as_it_says() -> None:
    assert DOCUMENTED.sign(b"Hello, World!") == {"X-Hub-Signature-256": EXPECTED}


def test_the_example_of_githubs_documentation_is_accepted() -> None:
    assert DOCUMENTED.verify(b"Hello, World!", {"X-Hub-Signature-256": EXPECTED})


def test_the_older_sha1_signature_is_not_accepted() -> None:
    headers = {"X-Hub-Signature": "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"}

    with pytest.raises(InvalidSignature, match="X-Hub-Signature, with SHA-1, is not accepted"):
        DOCUMENTED.verify(b"Hello, World!", headers)


def test_it_says_how_the_header_should_start() -> None:
    with pytest.raises(InvalidSignature, match="does not start with sha256="):
        DOCUMENTED.verify(b"Hello, World!", {"X-Hub-Signature-256": EXPECTED.removeprefix("sha")})


def test_a_replay_under_another_delivery_id_has_the_same_key() -> None:
    """Only the body is signed, so the id can be made up."""
    github = GitHub(SECRET)
    headers = github.sign(RAW)

    keys = {github.verify(RAW, {**headers, "X-GitHub-Delivery": id}) for id in ("a", "b")}

    assert len(keys) == 1
