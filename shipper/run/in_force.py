"""What was in force when the shipper ran last: how long events are kept, and which key signs."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from shipper.config import Config
from shipper.durable import replace

_FILE = "in-force.json"


class _InForce(Struct, frozen=True):
    #: Days, by event type.
    retention: Mapping[str, int]
    #: The public key; None if nothing is signed.
    key: str | None = None


_decode = msgspec.json.Decoder(_InForce).decode


def changes_in_force(config: Config, key: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """What differs from the last run and weakens the record, each with its details.

    `key` is the public key that signs; None if it is not known. The next call compares with this
    one.
    """
    path = config.data / _FILE
    before = _decode(path.read_bytes()) if path.exists() else None
    now = _InForce(_retention(config), _key(config, key, before))
    if now == before:
        return
    replace(path, [msgspec.json.encode(now)])
    if before is None:
        return
    shorter = {
        name: {"before": days, "now": now.retention[name]}
        for name, days in before.retention.items()
        if now.retention.get(name, days) < days
    }
    if shorter:
        yield "retention-shortened", {"days": shorter}
    if before.key and before.key != now.key:
        yield "key-changed", {"before": before.key, "now": now.key or "none"}


def _retention(config: Config) -> Mapping[str, int]:
    catalog = config.catalog
    return {name: config.scope.retention_days_of(name, catalog) for name in catalog.event_types}


def _key(config: Config, key: str | None, before: _InForce | None) -> str | None:
    if not config.operation.evidence.enabled:
        return None
    return key or (before.key if before else None)
