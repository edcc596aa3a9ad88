"""OTLP logs as JSON: a request with the unchanged lines as bodies, and their main fields."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from shipper import __version__
from shipper.formats.fields import VENDOR, epoch_us, fields_of, level_of, table, text_of, time_of

#: `severityNumber` of each level, and its name.
_SEVERITIES = ((0, ""), (9, "INFO"), (10, "INFO2"), (13, "WARN"), (17, "ERROR"), (21, "FATAL"))
_TRACE = re.compile(r"(?!0+$)[0-9a-f]{32}")
_SPAN = re.compile(r"(?!0+$)[0-9a-f]{16}")
_MOST_INTEGER = 1 << 63


def request(lines: Iterable[bytes]) -> bytes:
    """An ExportLogsServiceRequest; lines of one service and host stay in order."""
    groups: dict[bytes, dict[str, Any]] = {}
    for line in lines:
        fields = fields_of(line)
        resource = {"attributes": _attributes("resource", fields)}
        group = groups.setdefault(msgspec.json.encode(resource), _group(resource))
        group["scopeLogs"][0]["logRecords"].append(_record(line, fields))
    return msgspec.json.encode({"resourceLogs": list(groups.values())})


def _group(resource: dict[str, Any]) -> dict[str, Any]:
    scope = {"name": VENDOR, "version": __version__}
    return {"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": []}]}


def _record(line: bytes, fields: Mapping[str, Any]) -> dict[str, Any]:
    time = time_of(fields)
    number, name = _SEVERITIES[level_of(fields)]
    found = {
        # An integer of 64 bits is text in the JSON of protobuf. 0 is an unknown time.
        "timeUnixNano": str(epoch_us(time) * 1000 if time else 0),
        "severityNumber": number,
        "severityText": name,
        "body": {"stringValue": line.decode()},
        "attributes": _attributes("attributes", fields),
        "eventName": text_of(fields.get("event.action", "")),
    }
    for key, field, form in (("traceId", "trace.id", _TRACE), ("spanId", "span.id", _SPAN)):
        if form.fullmatch(text_of(fields.get(field, ""))):
            found[key] = fields[field]
    return found


def _attributes(part: str, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": _value(fields[field])}
        for name, field in _rows(part)
        if field in fields
    ]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -_MOST_INTEGER <= value < _MOST_INTEGER:
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": text_of(value)}


@cache
def _rows(part: str) -> tuple[tuple[str, str], ...]:
    return tuple(table("otlp")[part].items())
