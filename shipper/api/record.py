"""The record of a configuration: where it is on disk and in the cluster, and who has read it."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from shipper.config import Config
from shipper.errors import ConfigError, Problem, ShipperError
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.record.event import create_compliance_event
from shipper.record.handler import AuditHandler

if TYPE_CHECKING:  # only the operations about the cluster load its client
    from shipper.evidence.documents import Documents

_LIMIT, _MAX_LIMIT = 100, 10_000


def recorded_in(config: Config) -> list[Path]:
    """Where the configuration records: the application's events, and those of the shipper."""
    return [path for path in (config.audit, config.data / "audit") if path.is_dir()]


@contextmanager
def documents_of(config: Config, index: str | None = None) -> Iterator["Documents"]:
    """The documents in the cluster of the configuration."""
    from shipper.evidence.documents import DEFAULT_INDEX, Documents
    from shipper.outputs.elasticsearch.api import api_client

    settings = config.outputs.get("elasticsearch")
    if not isinstance(settings, ElasticsearchConfig):
        what = "is missing; it names the cluster (as does elasticsearch_url)"
        raise ConfigError([Problem("output.elasticsearch", what)])
    with api_client(settings) as client:
        yield Documents(client, index or DEFAULT_INDEX)


def record_operation(config: Config, operation: str, records: int, **details: object) -> None:
    """Record that somebody has read the record, in the shipper's own audit stream.

    `records` is how many events were read. Never raises.
    """
    if not config.operation.self_audit.enabled:
        return
    known = {name: value for name, value in details.items() if value is not None}
    event = create_compliance_event(operation, details=known, records=records)
    with closing(AuditHandler(config.data / "audit", **config.self_recording)) as handler:
        handler.record_self_audit(event)


def search_audit_events(context: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The events that match `query` between `since` and `until`, at most `limit` of them.

    With `elasticsearch` true, the cluster is searched, otherwise the segments on disk.
    """
    from shipper.evidence.query import query_of, time_of
    from shipper.evidence.search import search

    text, limit = context.get("query") or "", context.get("limit", _LIMIT)
    if not isinstance(text, str):
        raise ShipperError(f"query: expected text, found {type(text).__name__}")
    if type(limit) is not int or not 0 < limit <= _MAX_LIMIT:
        raise ShipperError(f"limit: expected a number from 1 to {_MAX_LIMIT}, found {limit!r}")
    times = {name: context[name] for name in ("since", "until") if context.get(name)}
    query = query_of(text, config.catalog, **{one: time_of(str(at)) for one, at in times.items()})
    if context.get("elasticsearch"):
        with documents_of(config) as documents:
            lines = list(islice(documents.search(query), limit + 1))
    else:
        lines = list(islice(search(recorded_in(config), query), limit + 1))
    events = [msgspec.json.decode(line) for line in lines[:limit]]
    user = context.get("user_id")
    record_operation(config, "search", len(events), query=text, user=user, **times)
    return {"events": events, "count": len(events), "is_complete": len(lines) <= limit}
