"""Make the values of an event safe to write: right types, bounded, strict JSON, no secrets.

Two walks. The first brings each value into the form of its field: cut, bounded, masked where its
key says that it is a secret; and gathers all foreign text. One look over the gathered text then
tells which shapes of secret can be in it at all: most events hold none and are done. Only else
the second walk masks them, and with them every echo of a value that was masked by its key, so
that a tool which repeats a password in its result or error does not leak it.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address

import msgspec

from shipper.catalog import Field, Sensitivity
from shipper.record.classify import Classified
from shipper.record.patterns import Suspicion, mask, suspect
from shipper.record.walk import MAX_TEXT, Walk, json_text, valid

_sorted_json = msgspec.json.Encoder(order="sorted").encode

#: A cleaner brings a value into the form of its field; TypeError, ValueError: it does not fit.
_Cleaner = Callable[[Walk, object], object]


class Redactor:
    """Makes classified events safe to write, by the sensitivity and type of each field."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._cleaners = {path: _cleaner(field) for path, field in fields.items()}
        self._foreign = frozenset(p for p, f in fields.items() if _is_foreign(f))
        self._free = frozenset(p for p, f in fields.items() if f.type in _FREE)

    def __call__(self, event: Classified) -> Classified:
        """The event, safe to write; a value that does not fit its field is left out, counted."""
        walk = Walk()
        clean: dict[str, object] = {}
        dropped = 0
        for path, value in event.values.items():
            try:
                clean[path] = self._cleaners[path](walk, value)
            except (TypeError, ValueError, OverflowError):
                dropped += 1
        if dropped:
            clean["mcp.audit.dropped_fields"] = dropped
        self._scrub(clean, walk)
        _complete(clean, event, walk.counts)
        return Classified(event.row, clean)

    def _scrub(self, clean: dict[str, object], walk: Walk) -> None:
        """The second walk, where there is something to find."""
        suspicion = suspect("\n".join(walk.texts))
        if suspicion is None and not walk.secrets:
            return
        masked = _masker(suspicion, walk)
        for path, value in clean.items():
            if path in self._foreign:
                text = _each(value, masked)
                clean[path] = _each(text, walk.without_echoes) if path in self._free else text


#: Free text and free objects: where a tool may echo a secret. Not names such as a tool's: a
#: caller who passes `{"password": "<tool name>"}` must not be able to blot out the tool's name.
_FREE = {"match_only_text", "flattened"}


def _is_foreign(field: Field) -> bool:
    return field.sensitivity is Sensitivity.PAYLOAD or field.type in _FREE


def _masker(suspicion: Suspicion | None, walk: Walk) -> Callable[[str], str]:
    if suspicion is None:
        return str
    return lambda text: mask(text, suspicion, walk.saw)


def _each(value: object, change: Callable[[str], str]) -> object:
    """`value` with every string in it, keys too, changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _each(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    return value


def _complete(clean: dict[str, object], event: Classified, counts: Mapping[str, int]) -> None:
    """What needs the whole, clean event: sizes, digests, counts, and one line for people."""
    if (arguments := clean.get("gen_ai.tool.call.arguments")) is not None:
        clean["mcp.tool.arguments.hash"] = hashlib.sha256(_sorted_json(arguments)).hexdigest()
    result = event.values.get("mcp.tool.result.text")
    if isinstance(result, str):
        clean.setdefault("mcp.tool.result.size", len(result))
        clean["mcp.tool.result.truncated"] = len(result) > MAX_TEXT
    if counts:
        clean["mcp.redaction.count"] = sum(counts.values())
        clean["mcp.redaction.types"] = sorted(counts)
    clean["message"] = _message(clean, event.row.constants)


#: What an event is about, the first that it has.
_SUBJECTS = ("gen_ai.tool.name", "mcp.resource.uri", "gen_ai.prompt.name", "mcp.method.name")


def _message(clean: Mapping[str, object], constants: Mapping[str, object]) -> str:
    action = clean.get("event.action") or constants["event.action"]
    for path in _SUBJECTS:
        if path in clean:
            return f"{action} {clean[path]}: {clean['event.outcome']}"
    return f"{action}: {clean['event.outcome']}"


def _word(_walk: Walk, value: object) -> object:
    """Our own words, or a person's id."""
    if isinstance(value, str):
        return valid(value[:MAX_TEXT])
    if isinstance(value, list | tuple):
        return [_word(_walk, item) for item in value]
    return valid(str(value)[:MAX_TEXT])


def _foreign_word(walk: Walk, value: object) -> object:
    if isinstance(value, list | tuple):
        return [walk.text(str(item)) for item in value]
    return walk.text(str(value))


def _text(walk: Walk, value: object) -> object:
    return walk.text(value if isinstance(value, str) else json_text(walk.value(value)))


def _object(walk: Walk, value: object) -> object:
    """`flattened` takes objects only, so a bare list or scalar goes under a key."""
    return walk.value(value if isinstance(value, Mapping) else {"values": value})


def _whole(_walk: Walk, value: object) -> object:
    number = int(value)  # type: ignore[call-overload]  # a TypeError says that it does not fit
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("beyond 64 bits")
    return number


def _real(_walk: Walk, value: object) -> object:
    number = float(value)  # type: ignore[arg-type]  # as above
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _boolean(_walk: Walk, value: object) -> object:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def _ip(_walk: Walk, value: object) -> object:
    return _checked_ip(str(value))


@lru_cache(maxsize=1024)  # parsing costs 2 µs and addresses repeat
def _checked_ip(text: str) -> str:
    return str(ip_address(text))


def _date(_walk: Walk, value: object) -> object:
    """ISO 8601, or seconds since 1970; a date that Elasticsearch cannot read refuses the line."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).isoformat()
    return datetime.fromisoformat(str(value)).isoformat()


def _secret(_walk: Walk, _value: object) -> object:
    return "[SECRET]"


_CLEANERS: Mapping[str, _Cleaner] = {
    "boolean": _boolean,
    "constant_keyword": _word,
    "date": _date,
    "double": _real,
    "flattened": _object,
    "float": _real,
    "ip": _ip,
    "keyword": _word,
    "long": _whole,
    "match_only_text": _text,
}


def _cleaner(field: Field) -> _Cleaner:
    if field.sensitivity is Sensitivity.SECRET:
        return _secret
    if field.type == "keyword" and field.sensitivity is Sensitivity.PAYLOAD:
        return _foreign_word
    return _CLEANERS[field.type]
