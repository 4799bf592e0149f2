"""How the events of AWS itself lie in their JSON."""

from __future__ import annotations

from typing import Final

from eventrouter.envelopes.mapped import Header, MappedEnvelope

#: An event of EventBridge, also where it came through SQS: ``Router(envelope=EVENTBRIDGE)``. Its
#: type is the ``detail-type``, its payload the ``detail``.
EVENTBRIDGE: Final = MappedEnvelope(
    type="detail-type", id="id", timestamp="time", source="source", payload="detail"
)

#: A change of a DynamoDB table: ``Router(envelope=DYNAMODB)``. Its type is ``INSERT``, ``MODIFY``
#: or ``REMOVE``, its source the ARN of the stream, and its payload has ``Keys``, ``NewImage`` and
#: ``OldImage`` in plain JSON.
DYNAMODB: Final = MappedEnvelope(
    type="eventName",
    id="eventID",
    timestamp=Header("AWS.ApproximateCreationDateTime"),
    source="eventSourceARN",
    payload="dynamodb",
)
