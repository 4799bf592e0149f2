"""The same event in two envelopes, with its metadata, read and written again."""

from datetime import UTC, datetime
from decimal import Decimal

from attrs import field, frozen

from eventrouter import Event, Header, JsonEnvelope, MappedEnvelope, Metadata, Router

# Either the default envelope, or a body that is all payload with the rest in headers.
in_headers = MappedEnvelope(
    type=Header("X-Event-Type"),
    id=Header("X-Event-Id"),
    version=Header("X-Event-Version"),
    timestamp=Header("X-Event-Time"),
    payload="$",
)
router = Router(envelope=[in_headers, JsonEnvelope()])


@frozen
class OrderPaid:
    order: int = field(alias="orderNumber")  # the name in JSON
    total: Decimal


@router.on("order.paid", version="v1")
def book(event: Event[OrderPaid], metadata: Metadata) -> None:
    print(f"{event.timestamp:%Y-%m-%d}: order {event.payload.order} paid {event.payload.total}")
    print(f"  id {event.id}, version {event.version}, metadata {sorted(metadata)}")
    if event.extensions:
        print(f"  and beside the parts: {dict(event.extensions)}")


router.dispatch_sync(
    {
        "event_type": "order.paid",
        "timestamp": "2024-08-20T05:21:19Z",
        "payload": {"orderNumber": 7, "total": "12.50"},
        "metadata": {"id": "e-1", "version": "v1", "tenant": "acme"},
        "callback": {"success_url": "https://shop.example/ok"},
    }
)

made = Event.new(
    "order.paid",
    OrderPaid(8, Decimal("3.20")),
    id="e-2",
    version="v1",
    timestamp=datetime(2024, 8, 21, tzinfo=UTC),
)
body, headers = router.write(made)
print(body.decode())
print(headers["X-Event-Type"], headers["X-Event-Time"])
router.dispatch_sync(body, headers)

# Output:
# 2024-08-20: order 7 paid 12.50
#   id e-1, version v1, metadata ['id', 'tenant', 'version']
#   and beside the parts: {'callback': {'success_url': 'https://shop.example/ok'}}
# {"orderNumber":8,"total":"3.20"}
# order.paid 2024-08-21T00:00:00Z
# 2024-08-21: order 8 paid 3.20
#   id e-2, version v1, metadata ['id', 'version']
