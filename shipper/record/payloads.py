"""What the operator's rules leave of the arguments and results of a call."""

import hashlib
from collections.abc import Mapping
from typing import Any

from shipper.catalog.payloads import ARGUMENTS, RESULTS, Payload, PayloadRule
from shipper.record.format import encode_json

_HIDDEN = "[HIDDEN]"


def limited(
    clean: Mapping[str, object], given: Mapping[str, object], rule: PayloadRule
) -> dict[str, object]:
    """The clean event with as much of its payloads as the rule allows.

    `given` has the complete values, for their digests.
    """
    left = dict(clean)
    kept = []
    for name, how, fields in (
        ("arguments", rule.arguments, ARGUMENTS),
        ("results", rule.results, RESULTS),
    ):
        paths = [path for path in fields if path in left]
        if how is Payload.MASKED or not paths:
            continue
        kept.append(f"{name}:{how}")
        for path in paths:
            value = left.pop(path)
            if how is Payload.NAMES and isinstance(value, Mapping):
                left[path] = _names(value)
            elif how is Payload.FULL_HASH and (digest := fields[path]):
                left[digest] = _digest(given.get(path), value)
    if kept:
        left["mcp.audit.payloads"] = kept
    return left


def _names(value: Mapping[Any, object]) -> dict[Any, object]:
    return {
        name: _names(item) if isinstance(item, Mapping) else _HIDDEN for name, item in value.items()
    }


def _digest(given: object, clean: object) -> str:
    """Of the complete value; of what is not JSON, of the form in which it would be recorded."""
    if isinstance(given, str):
        return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()
    try:
        encoded = encode_json(given)
    except Exception:  # noqa: BLE001 - a caller's object may raise anything
        encoded = encode_json(clean)
    return hashlib.sha256(encoded).hexdigest()
