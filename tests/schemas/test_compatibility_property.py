"""What the check calls compatible is: random values of one type are taken by the other."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from eventrouter import RegistrationError, Router, make_converter
from eventrouter.schemas.compatibility import Mode
from tests.schemas.contracts import broken, router_of
from tests.schemas.shapes import pairs

CONVERTERS = {forbids: make_converter(forbid_extra_keys=forbids) for forbids in (False, True)}
VALUES = 8


def is_taken(router: Router, payload: Any) -> bool:
    arrived = {"event_type": "order.paid", "payload": payload, "metadata": {"version": "v1"}}
    return router.process_sync(arrived).status.value == "handled"


@given(st.data(), pairs(), st.booleans(), st.booleans())
@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_what_is_called_compatible_is_taken(
    data: st.DataObject, shapes: tuple[Any, Any], old_forbids: bool, new_forbids: bool
) -> None:
    old_shape, new_shape = shapes
    try:
        old = router_of(old_shape.type(), converter=CONVERTERS[old_forbids])
        new = router_of(new_shape.type(), converter=CONVERTERS[new_forbids])
    except RegistrationError:  # a union whose arms are not told apart
        assume(False)
        return
    ways = [(Mode.BACKWARD, old_shape, old, new), (Mode.FORWARD, new_shape, new, old)]
    for mode, shape, sender, reader in ways:
        is_compatible = not broken(old.schema(), new.schema(), mode)
        event(f"{mode}: {is_compatible}")
        for _ in range(VALUES if is_compatible else 0):
            payload = data.draw(shape.values())
            if is_taken(sender, payload):  # of a union, not all that fits an arm is
                assert is_taken(reader, payload), payload
