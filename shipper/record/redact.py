"""Make the values of an event safe to write: right types, bounded, strict JSON, no secrets.

Two walks. The first (`walk`) brings each value into the form of its field: bounded, masked where
its name says that it is a secret; and gathers all foreign text. One look over the gathered text
then tells which shapes of secret can be in it at all: most events hold none and are done. Only
else the second (`finish`) masks them, and with them every echo of a value that was masked by its
name, so that a tool which repeats a password in its result or error does not leak it.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice

import msgspec

from shipper.catalog import Field, Sensitivity
from shipper.record.classify import Classified
from shipper.record.finish import MAX_CHARS, Finish
from shipper.record.walk import MAX_TEXT, WINDOW, Walk, canonical, valid
from shipper.secrets.patterns import found, suspect

_RESULT = "mcp.tool.result.text"
_DROPPED = "mcp.audit.dropped_fields"
#: Values of a field that may have several.
_MAX_WORDS = 100

#: Brings a value into the form of its field; raises where it does not fit.
_Cleaner = Callable[[Walk, object], object]


class _Kind(Enum):
    """How a field is treated; see `_kind`."""

    WORD = auto()
    PROSE = auto()
    OBJECT = auto()
    PERSON = auto()
    OTHER = auto()


def _kind(path: str, field: Field) -> _Kind:
    """Words are names such as a tool's. Echoes are masked in prose and objects only.

    A caller who passes `{"password": "<tool name>"}` must not be able to blot out the tool's name.
    """
    if field.type == "flattened":
        return _Kind.OBJECT
    if field.type == "match_only_text" or path == "event.reason":
        return _Kind.PROSE
    if field.type != "keyword" or field.sensitivity is Sensitivity.SECRET:
        return _Kind.OTHER
    return _Kind.PERSON if field.sensitivity is Sensitivity.PERSONAL else _Kind.WORD


class Redactor:
    """Makes classified events safe to write, by the sensitivity and type of each field."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._kinds = {path: _kind(path, field) for path, field in fields.items()}
        self._words = frozenset(path for path, kind in self._kinds.items() if kind is _Kind.WORD)
        self._cleaners = {
            path: _cleaner(field, self._kinds[path]) for path, field in fields.items()
        }

    def __call__(self, event: Classified) -> Classified:
        """The event, safe to write; a value that does not fit its field is left out, counted."""
        walk = Walk()
        bounded = self._bounded(event.values, walk)
        clean = self._finished(bounded, walk)
        result = event.values.get(_RESULT)
        if isinstance(result, str):
            clean.setdefault("mcp.tool.result.size", len(result))
            clean["mcp.tool.result.truncated"] = len(str(bounded.get(_RESULT, ""))) > MAX_TEXT
        _complete(clean, event.row.constants, walk.counts)
        return Classified(event.row, clean)

    def _bounded(self, values: Mapping[str, object], walk: Walk) -> dict[str, object]:
        """The first walk."""
        words, cleaners, texts = self._words, self._cleaners, walk.texts
        bounded = dict(values)
        dropped = 0
        for path, value in values.items():
            if type(value) is str and path in words:  # as most are, so it costs no call
                texts.append(value[:WINDOW])
                continue
            try:
                bounded[path] = cleaners[path](walk, value)
            except Exception:  # noqa: BLE001 - a caller's object may raise anything when looked at
                del bounded[path]
                dropped += 1
        if dropped:
            before = bounded.get(_DROPPED, 0)
            bounded[_DROPPED] = dropped + (before if isinstance(before, int) else 0)
        return bounded

    def _finished(self, bounded: dict[str, object], walk: Walk) -> dict[str, object]:
        """The second walk, where there is something to find."""
        pool = "\0".join(walk.texts)  # no pattern reads on across a NUL
        is_long = len(pool) > MAX_TEXT and max(map(len, walk.texts)) > MAX_TEXT
        suspicion = suspect(pool)
        must_finish = is_long or walk.secrets or len(pool) > MAX_CHARS
        is_dirty = must_finish or (suspicion and found(pool, suspicion))
        if not is_dirty and _is_valid(pool):
            return bounded
        finish = Finish(walk, suspicion)
        return {
            path: _FINISHES[self._kinds[path]](finish, value) for path, value in bounded.items()
        }


_FINISHES: Mapping[_Kind, Callable[[Finish, object], object]] = {
    _Kind.WORD: lambda finish, value: finish.value(value, echoes=False),
    _Kind.PROSE: lambda finish, value: finish.prose(value),
    _Kind.OBJECT: lambda finish, value: finish.value(value, echoes=True),
    _Kind.PERSON: lambda _finish, value: value,
    _Kind.OTHER: lambda _finish, value: value,
}


def _is_valid(text: str) -> bool:
    """Whether UTF-8 can carry it."""
    return text.isascii() or valid(text) == text


def _complete(
    clean: dict[str, object], constants: Mapping[str, object], counts: Mapping[str, int]
) -> None:
    """What needs the clean event: the arguments' digest, counts, and one line for people."""
    if (arguments := clean.get("gen_ai.tool.call.arguments")) is not None:
        encoded = canonical(arguments)
        clean["gen_ai.tool.call.arguments"] = msgspec.Raw(encoded)  # encoded once, for both uses
        clean["mcp.tool.arguments.hash"] = hashlib.sha256(encoded).hexdigest()
    if counts:
        clean["mcp.redaction.count"] = sum(counts.values())
        clean["mcp.redaction.types"] = sorted(counts)
    action = clean.get("event.action") or constants["event.action"]
    for path in _SUBJECTS:
        if path in clean:
            clean["message"] = f"{action} {clean[path]}: {constants['event.outcome']}"
            return
    clean["message"] = f"{action}: {constants['event.outcome']}"


#: What an event is about, the first that it has.
_SUBJECTS = ("gen_ai.tool.name", "mcp.resource.uri", "gen_ai.prompt.name", "mcp.method.name")


def _person(_walk: Walk, value: object) -> object:
    """Who it was, on purpose in clear."""
    if type(value) is str:
        return valid(value[:MAX_TEXT])
    if isinstance(value, list | tuple):
        return [valid(str(item)[:MAX_TEXT]) for item in islice(value, _MAX_WORDS)]
    return valid(str(value)[:MAX_TEXT])


def _word(walk: Walk, value: object) -> object:
    if isinstance(value, list | tuple | set | frozenset):
        return [walk.text(str(item)) for item in islice(value, _MAX_WORDS)]
    return walk.text(str(value))


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
    return _checked_ip(str(value)[:_MAX_IP])


#: An IPv6 address in full, with its zone.
_MAX_IP = 64


@lru_cache(maxsize=1024)  # parsing costs 2 µs and addresses repeat
def _checked_ip(text: str) -> str:
    """Without the zone, which Elasticsearch does not take."""
    return str(ip_address(text.partition("%")[0]))


def _date(_walk: Walk, value: object) -> object:
    """ISO 8601, or seconds since 1970; a date that Elasticsearch cannot read refuses the line."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).isoformat()
    return datetime.fromisoformat(str(value)).isoformat()


def _secret(walk: Walk, _value: object) -> object:
    walk.saw("secret", 1)
    return "[SECRET]"


_BY_KIND: Mapping[_Kind, _Cleaner] = {
    _Kind.WORD: _word,
    _Kind.PROSE: Walk.prose,
    _Kind.OBJECT: _object,
    _Kind.PERSON: _person,
}
_BY_TYPE: Mapping[str, _Cleaner] = {
    "boolean": _boolean,
    "constant_keyword": _person,
    "date": _date,
    "double": _real,
    "float": _real,
    "ip": _ip,
    "long": _whole,
}


def _cleaner(field: Field, kind: _Kind) -> _Cleaner:
    if field.sensitivity is Sensitivity.SECRET:
        return _secret
    return _BY_KIND.get(kind) or _BY_TYPE[field.type]
