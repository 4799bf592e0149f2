"""What holds for every payload type and every payload."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventrouter import Event, InvalidPayload, make_converter
from eventrouter.payload import PayloadConverter, make_builder
from tests.structuring.converters import refuses
from tests.structuring.payload_types import changed, json_trees, payload_types, written

moderately = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def built(target: Any, payload: Any, *, detailed: bool) -> tuple[str, Any]:
    """What a converter makes of it: ``1``, ``1.0`` and ``True`` are equal, but not the same."""
    converter = make_converter().copy(detailed_validation=detailed)
    if refuses(converter, payload, target):
        return "refused", None
    value = converter.structure(payload, target)
    return repr(value), value


@given(st.data())
@moderately
def test_what_is_written_is_read_back(data: st.DataObject) -> None:
    of = data.draw(payload_types)
    value = data.draw(of.values)
    payload = written(of, value)

    for detailed in (True, False):
        shown, read = built(of.type, payload, detailed=detailed)
        assert shown != "refused"
        assert read == value
        assert type(read) is type(value)


@given(st.data())
@moderately
def test_both_converters_agree_on_every_payload(data: st.DataObject) -> None:
    of = data.draw(payload_types)
    payload = changed(data, written(of, data.draw(of.values)))

    in_detail, _ = built(of.type, payload, detailed=True)
    first_only, _ = built(of.type, payload, detailed=False)

    assert in_detail == first_only


@given(st.data())
@moderately
def test_nothing_but_invalid_payload_comes_out_of_a_builder(data: st.DataObject) -> None:
    of = data.draw(payload_types)
    payload = changed(data, written(of, data.draw(of.values)))
    build = make_builder(of.type, PayloadConverter(make_converter()))

    shown, errors = "refused", []
    try:
        shown = repr(build(Event("order.paid", payload)))
    except InvalidPayload as error:
        errors = [mismatch.path for mismatch in error.errors]

    assert shown == built(of.type, payload, detailed=True)[0]
    assert len(errors) in (range(1, 21) if shown == "refused" else (0,))
    assert all(path.startswith("$") for path in errors)


@given(st.data())
@moderately
def test_what_is_built_is_written_and_built_again_alike(data: st.DataObject) -> None:
    of = data.draw(payload_types)
    shown, value = built(of.type, data.draw(json_trees), detailed=True)

    if shown != "refused":
        assert built(of.type, written(of, value), detailed=True)[1] == value
