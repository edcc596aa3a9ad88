"""Make the values of an event safe to write: right types, bounded, strict JSON, no secrets.

Redaction is two walks. The first (`walk`) brings each value into the form of its field, bounded,
masks the values of secret names, and collects all foreign text. One scan of that text shows which
shapes of secret can be in it: most events have none and are done. Only for the others the second
walk (`finish`) masks them, and every echo of a value that was masked by its name, so that a tool
which repeats a password in its result or error does not leak it.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice

import msgspec

from shipper.catalog import Catalog
from shipper.catalog.derived import RELATED, Kind, kind_of
from shipper.catalog.payloads import PayloadRule, rule_for
from shipper.record.classified import Classified
from shipper.record.finish import Finish
from shipper.record.format import encode_json, valid
from shipper.record.limits import (
    CHARS_A_UNIT,
    MAX_CHARS,
    MAX_IP,
    MAX_TEXT,
    MAX_WORDS,
    MIN_WORK,
    WINDOW,
)
from shipper.record.payloads import limited
from shipper.record.pseudonyms import pseudonyms_of
from shipper.record.sentence import sentence
from shipper.record.walk import OPENING, Walk, prepare
from shipper.secrets.masker import masker

_RESULT = "mcp.tool.result.text"
_DROPPED = "mcp.audit.dropped_fields"
_CUTS = "mcp.redaction.cuts"

#: Brings a value into the form of its field; raises if it does not fit.
_Cleaner = Callable[[Walk, object], object]


class Redactor:
    """Makes classified events safe to write, by the sensitivity and type of each field."""

    def __init__(self, catalog: Catalog) -> None:
        self._kinds = {path: kind_of(field) for path, field in catalog.fields.items()}
        self._rules = catalog.payloads
        self._texts = frozenset(path for path, kind in self._kinds.items() if kind in _TEXTS)
        self._persons = frozenset(p for p, kind in self._kinds.items() if kind is Kind.PERSON)
        self._cleaners = {path: _CLEANERS[kind] for path, kind in self._kinds.items()}
        self._pseudonyms = pseudonyms_of(catalog)
        prepare()

    def __call__(self, event: Classified) -> Classified:
        """The event, safe to write; a value that does not fit its field is left out, counted."""
        walk = Walk()
        bounded = self._bounded(event.values, walk)
        clean = self._finished(bounded, walk)
        result = event.values.get(_RESULT)
        if isinstance(result, str):
            clean.setdefault("mcp.tool.result.size", len(result))
            clean["mcp.tool.result.truncated"] = len(str(bounded.get(_RESULT, ""))) > MAX_TEXT
        if self._rules and (rule := self._rule_for(event)):
            clean = limited(clean, event.values, rule)
            clean.pop(_CUTS, None)  # it names members of what the rule may hide
        if self._pseudonyms and (left_out := self._pseudonyms(clean)):
            _count_dropped(clean, left_out)
        _complete(clean, event.variant.constants, walk.counts)
        return Classified(event.variant, clean)

    def _rule_for(self, event: Classified) -> PayloadRule | None:
        return rule_for(self._rules, event.variant.type, event.values.get("gen_ai.tool.name"))

    def _bounded(self, values: Mapping[str, object], walk: Walk) -> dict[str, object]:
        """The first walk."""
        are_texts, are_persons = self._texts, self._persons
        cleaners, texts = self._cleaners, walk.texts
        bounded = dict(values)
        dropped = 0
        for path, value in values.items():
            if type(value) is str:  # the usual values cost no call
                if path in are_texts:
                    if value[:1] not in OPENING:
                        texts.append(value[:WINDOW])
                        continue
                elif path in are_persons and len(value) <= MAX_TEXT and value.isascii():
                    continue
            try:
                bounded[path] = cleaners[path](walk, value)
            except Exception:  # noqa: BLE001 - a caller's object may raise anything
                del bounded[path]
                dropped += 1
        if dropped:
            _count_dropped(bounded, dropped)
        return bounded

    def _finished(self, bounded: dict[str, object], walk: Walk) -> dict[str, object]:
        """The second walk, if there is something to find."""
        pool = "\0".join(walk.texts)  # no pattern matches across a NUL
        is_long = len(pool) > MAX_TEXT and max(map(len, walk.texts)) > MAX_TEXT
        found = masker().found_in(walk.texts, MIN_WORK + len(pool) // CHARS_A_UNIT)
        is_dirty = found or is_long or walk.secrets or len(pool) > MAX_CHARS
        if not is_dirty and _is_valid(pool):
            return bounded
        finish = Finish(walk, found)
        clean = {}
        for path, value in bounded.items():
            finish.field(path)
            clean[path] = _FINISHES.get(self._kinds[path], _unchanged)(finish, value)
        if finish.cuts:
            clean[_CUTS] = finish.cuts
        return clean


#: Fields whose usual value is a text that is kept unchanged.
_TEXTS = frozenset({Kind.WORD, Kind.PROSE})

#: Only of a complete message can these be computed: each with the size of a cut one.
_OF_COMPLETE = {
    "mcp.request.size": ("mcp.tool.arguments.hash",),
    "mcp.result.size": (
        *("mcp.tool.result.size", "mcp.tool.result.hash", "mcp.tool.result.truncated"),
        "mcp.resource.size",
    ),
}


def _unchanged(_finish: Finish, value: object) -> object:
    return value


#: A caller who passes `{"password": "<tool name>"}` must not be able to hide the name of the tool,
#: nor another argument, so echoes are masked in prose only: results, errors, reasons.
_FINISHES: Mapping[Kind, Callable[[Finish, object], object]] = {
    Kind.WORD: lambda finish, value: finish.value(value, echoes=False),
    Kind.PROSE: Finish.prose,
    Kind.FLATTENED: lambda finish, value: finish.value(value, echoes=False),
}


def _is_valid(text: str) -> bool:
    """Whether UTF-8 can carry it."""
    return text.isascii() or valid(text) == text


def _count_dropped(values: dict[str, object], dropped: int) -> None:
    before = values.get(_DROPPED, 0)
    values[_DROPPED] = dropped + (before if isinstance(before, int) else 0)


def _complete(
    clean: dict[str, object], constants: Mapping[str, object], counts: Mapping[str, int]
) -> None:
    """Add what follows from the clean event: digests, counts, ECS's lists, a line for people."""
    if (arguments := clean.get("gen_ai.tool.call.arguments")) is not None:
        encoded = encode_json(arguments)
        clean["gen_ai.tool.call.arguments"] = msgspec.Raw(encoded)  # encoded once, for both uses
        clean["mcp.tool.arguments.hash"] = hashlib.sha256(encoded).hexdigest()
    if counts:
        clean["mcp.redaction.count"] = sum(counts.values())
        clean["mcp.redaction.types"] = sorted(counts)
    if "mcp.request.size" in clean or "mcp.result.size" in clean:
        _remove_computed(clean)
    if "user.name" in clean or _APPROVER in clean or type(clean.get("user.id")) is list:
        _relate_users(clean)
    clean["message"] = sentence(clean, constants)


def _remove_computed(clean: dict[str, object]) -> None:
    for cut, computed in _OF_COMPLETE.items():
        if cut in clean:
            for path in computed:
                clean.pop(path, None)


_APPROVER = "mcp.authz.approval.approver"


def _relate_users(clean: dict[str, object]) -> None:
    """Collect the users, each once; a single id is what the encoder lists."""
    given = (clean[path] for path in RELATED["related.user"] if path in clean)
    users = [user for one in given for user in (one if isinstance(one, list) else [one])]
    clean["related.user"] = list(dict.fromkeys(users))


def _person(_walk: Walk, value: object) -> object:
    """Who it was, in clear on purpose."""
    if type(value) is str:
        return valid(value[:MAX_TEXT])
    if isinstance(value, list | tuple):
        return [valid(str(item)[:MAX_TEXT]) for item in islice(value, MAX_WORDS)]
    return valid(str(value)[:MAX_TEXT])


def _word(walk: Walk, value: object) -> object:
    if isinstance(value, list | tuple | set | frozenset):
        return [walk.text(str(item)) for item in islice(value, MAX_WORDS)]
    return walk.text(str(value))


def _object(walk: Walk, value: object) -> object:
    """An object; `flattened` takes no other value, so a list or scalar goes under a key."""
    return walk.value(value if isinstance(value, Mapping) else {"values": value})


def _long(_walk: Walk, value: object) -> object:
    number = int(value)  # type: ignore[call-overload]  # a TypeError means that it does not fit
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
    return _checked_ip(str(value)[:MAX_IP])


@lru_cache(maxsize=1024)  # parsing costs 2 µs and addresses repeat
def _checked_ip(text: str) -> str:
    """Without the zone, which Elasticsearch refuses."""
    return str(ip_address(text.partition("%")[0]))


def _date(_walk: Walk, value: object) -> object:
    """From ISO 8601, or seconds since 1970; Elasticsearch refuses a line with any other date."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).isoformat()
    return datetime.fromisoformat(str(value)).isoformat()


def _secret(walk: Walk, _value: object) -> object:
    walk.saw("secret", 1)
    return "[SECRET]"


_CLEANERS: Mapping[Kind, _Cleaner] = {
    Kind.SECRET: _secret,
    Kind.FLATTENED: _object,
    Kind.PROSE: Walk.prose,
    Kind.WORD: _word,
    Kind.PERSON: _person,
    Kind.BOOLEAN: _boolean,
    Kind.LONG: _long,
    Kind.REAL: _real,
    Kind.IP: _ip,
    Kind.DATE: _date,
}
