"""Who may carry out which operation, and what they see."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from shipper.api.requests import MEMBERS
from shipper.catalog import Catalog, Sensitivity
from shipper.catalog.kql import leaves
from shipper.config.api import ClientConfig
from shipper.errors import ShipperError
from shipper.evidence.query import query_of

_READS = ("get_status", "get_audit_summary", "search_audit_events", "get_alerts", "stream_events")
#: About the record of all clients.
_STATES = ("get_metrics", "get_verification")
_MAY: Mapping[str, tuple[str, ...]] = {
    "writer": ("get_status", "log_audit_event", "log_audit_events"),
    "analyst": (*_READS, *_STATES),
    "auditor": (*_READS, *_STATES, "get_compliance_report"),
    "tenant": _READS,
}
#: Types of fields whose values are texts of others, of any length.
_CONTENT = {"flattened", "match_only_text"}
#: Clients and addresses whose requests are counted.
_MAX_COUNTED = 10_000


class Forbidden(ShipperError):
    """The client may not do this."""


class Caller(Struct, frozen=True):
    """A client whose token was right."""

    name: str
    client: ClientConfig

    def may(self, operation: str) -> bool:
        """Whether the role allows the operation."""
        return operation in _MAY[self.client.role]

    @property
    def reads(self) -> bool:
        """Whether the role reads the record."""
        return self.may("search_audit_events")

    def narrowed(
        self, operation: str, context: Mapping[str, Any], catalog: Catalog
    ) -> dict[str, Any]:
        """A checked request as it is carried out: within what the client may read, in its name.

        Raises `Forbidden` if the query asks for what the client may not see.
        """
        found, known = dict(context), MEMBERS[operation]
        if self.client.role == "writer":
            return found
        if "user_id" in known:
            found["user_id"] = self.name
        if "query" in known:
            found["query"] = self._query(context.get("query") or "", catalog)
        return found

    def _query(self, query: str, catalog: Catalog) -> str:
        node = query_of(query, catalog).node
        if self.client.role == "analyst":
            hidden = {leaf.path for leaf in leaves(node) if _is_hidden(leaf.path, catalog)}
            if hidden:
                raise Forbidden(f"query: an analyst does not see {', '.join(sorted(hidden))}")
        if self.client.role == "tenant":
            own = f"mcp.client.id : {msgspec.json.encode(self.client.client_id).decode()}"
            query = f"{own} and ({query})" if node else own
        return query

    def shown(self, answer: dict[str, Any], catalog: Catalog) -> dict[str, Any]:
        """The answer without what the client may not see."""
        if self.client.role == "analyst" and "events" in answer:
            for event in answer["events"]:
                for path in _hidden(tuple(catalog.fields.values())):
                    _remove(event, path.split("."))
        return answer


class Tokens:
    """Finds the client of a token."""

    def __init__(self, clients: Mapping[str, ClientConfig]) -> None:
        self._callers = [Caller(name, client) for name, client in clients.items()]

    def caller(self, header: str) -> Caller | None:
        """The client that the header `Authorization` names; None if there is none."""
        kind, _, token = header.partition(" ")
        given = token.strip().encode()
        found = None
        for caller in self._callers:  # all of them: the time of the answer names none
            wanted = caller.client.token.reveal().encode()
            if hmac.compare_digest(given, wanted) and kind.lower() == "bearer":
                found = caller
        return found


class Rates:
    """Requests of each client or address within a minute."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, name: str) -> float:
        """Count a request; how long to wait first if there are too many, 0 if there are not."""
        now_s, rate = time.monotonic(), self._per_minute / 60
        left, at_s = self._left.pop(name, (float(self._per_minute), now_s))
        left = min(self._per_minute, left + (now_s - at_s) * rate)
        is_allowed = left >= 1
        self._left[name] = (left - is_allowed, now_s)
        if len(self._left) > _MAX_COUNTED:
            self._left.popitem(last=False)
        return 0.0 if is_allowed else (1 - left) / rate


def _is_hidden(path: str, catalog: Catalog) -> bool:
    hidden = _hidden(tuple(catalog.fields.values()))
    return any(path == one or path.startswith(f"{one}.") for one in hidden)


@cache
def _hidden(fields: Iterable[Any]) -> tuple[str, ...]:
    return tuple(
        row.path
        for row in fields
        if row.sensitivity is Sensitivity.PAYLOAD and row.type in _CONTENT
    )


def _remove(event: dict[str, Any], keys: list[str]) -> None:
    *outer, last = keys
    node: Any = event
    for key in outer:
        node = node.get(key)
        if not isinstance(node, dict):
            return
    node.pop(last, None)
