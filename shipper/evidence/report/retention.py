"""How long the cluster keeps the events of each type, beside what is configured."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shipper.assets.generate.bodies import pattern_of
from shipper.catalog import Catalog, EventType, Scope
from shipper.evidence.report.model import Retention

if TYPE_CHECKING:  # it costs 170 ms and 31 MB
    from elasticsearch import Elasticsearch

_AGE = re.compile(r"([0-9]+)(d|h|m|s|ms|micros|nanos)")
_PER_DAY: Mapping[str, float] = {
    "d": 1,
    "h": 24,
    "m": 1_440,
    "s": 86_400,
    "ms": 86_400_000,
    "micros": 86_400_000_000,
    "nanos": 86_400_000_000_000,
}
#: Longer than any period that somebody asks for.
_FOREVER_DAYS = 1 << 20


def configured(catalog: Catalog, scope: Scope) -> list[Retention]:
    """The configured retention of each event type."""
    return [
        Retention(event_type=name, configured_days=scope.retention_days_of(name, catalog))
        for name in catalog.event_types
    ]


def in_force(client: "Elasticsearch", catalog: Catalog, scope: Scope) -> list[Retention]:
    """The same, with the shortest retention of the indices of each type."""
    return [
        _in_force(client, one, catalog.event_types[one.event_type], scope)
        for one in configured(catalog, scope)
    ]


def _in_force(client: "Elasticsearch", one: Retention, row: EventType, scope: Scope) -> Retention:
    found = sorted(_ages(client, pattern_of(row, scope)))
    if not found:
        return replace(one, in_force="no index of this type exists")
    days, by = found[0]
    return replace(one, in_force_days=days, in_force=by)


def _ages(client: "Elasticsearch", pattern: str) -> Iterator[tuple[int, str]]:
    """For each index: after how many days it is deleted, and by what."""
    lifecycles = _lifecycles(client, pattern)
    found = client.indices.get_settings(index=pattern, flat_settings=True, expand_wildcards="all")
    for index, row in found.items():
        if policy := row["settings"].get("index.lifecycle.name"):
            yield _age_of_policy(client, policy)
        else:
            yield lifecycles.get(index, (_FOREVER_DAYS, "never deleted"))


def _lifecycles(client: "Elasticsearch", pattern: str) -> dict[str, tuple[int, str]]:
    """For each backing index: the lifecycle of its data stream."""
    found: dict[str, tuple[int, str]] = {}
    streams = client.indices.get_data_stream(name=pattern, expand_wildcards="all")
    for stream in streams["data_streams"]:
        lifecycle = stream.get("lifecycle") or {}
        age = lifecycle.get("effective_retention") or lifecycle.get("data_retention")
        if lifecycle.get("enabled") and age:
            what = _days(age), f"lifecycle of {stream['name']}"
            found |= dict.fromkeys((one["index_name"] for one in stream["indices"]), what)
    return found


def _age_of_policy(client: "Elasticsearch", name: str) -> tuple[int, str]:
    phases = client.ilm.get_lifecycle(name=name)[name]["policy"]["phases"]
    if "delete" not in phases:
        return _FOREVER_DAYS, f"policy {name}: never deleted"
    # The age counts from the rollover, so the events of an index are kept at least that long.
    return _days(phases["delete"].get("min_age", "0d")), f"policy {name}"


def _days(age: Any) -> int:
    found = _AGE.fullmatch(str(age))
    return int(int(found[1]) / _PER_DAY[found[2]]) if found else 0
