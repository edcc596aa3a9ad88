"""The event of one HTTP exchange: what every such event states of the request and its answer."""

import json
from collections.abc import Mapping
from typing import Any

from shipper.capture.exchange import Exchange
from shipper.capture.facts import fields_of_http, headers_of, http_of
from shipper.capture.identity import token_holder
from shipper.capture.methods import Row
from shipper.record.event import Event, create_event


def exchange_event(
    row: Row,
    scope: Mapping[str, Any],
    exchange: Exchange,
    fields: Mapping[str, object],
    *,
    success: bool | None = False,
) -> Event:
    """The event of this exchange, with these fields and those of the request."""
    headers = headers_of(scope)
    method, name = headers.get("mcp-method"), headers.get("mcp-name")
    common = {
        "event.action": row.action,
        "event.category": list(row.category),
        "event.type": list(row.types),
        "http.request.method": scope["method"],
        "http.response.status_code": exchange.status,
        "url.path": scope["path"],
        "mcp.method.name": method,
        "mcp.protocol.version": headers.get("mcp-protocol-version"),
        "gen_ai.tool.name": name if method == "tools/call" else None,
    }
    facts = fields_of_http(http_of(scope, headers), token_holder(exchange.scope))
    return create_event(row.event_type, {**common, **facts, **fields}, success=success)


def json_in(body: bytes) -> Mapping[str, object]:
    """The object in a body; empty if there is none."""
    try:
        value = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}
