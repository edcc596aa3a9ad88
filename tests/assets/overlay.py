"""An operator's additions to the catalog: a field, an event type that carries it, a framework."""

OVERLAY = {
    "fields": {"acme.order.id": {"type": "keyword", "meaning": "The order."}},
    "event_types": {"acme_order": {"dataset": "acme.orders", "fields": ["acme.order.id"]}},
    "frameworks": {"acme": {"retention_days": 4000, "requires": ["acme_order"]}},
}
