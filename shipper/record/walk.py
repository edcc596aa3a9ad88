"""The first of redaction's two walks: bring foreign values into bounds."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from shipper.record.format import encode_json, valid
from shipper.record.limits import MAX_DEPTH, MAX_INTEGER_BITS, MAX_VALUES, WINDOW
from shipper.secrets.duplicates import has_duplicates
from shipper.secrets.echoes import MAX_SECRETS, remember
from shipper.secrets.items import can_be_secret, is_random_item, is_secret_item, is_telling
from shipper.secrets.masker import masker, replaced
from shipper.secrets.names import MAX_NAME, after_names, is_secret_name, may_name_secrets
from shipper.secrets.numbers import is_card
from shipper.secrets.own import follows_own, mask_of
from shipper.secrets.persons import is_personal, may_be_personal
from shipper.secrets.spans import Span
from shipper.secrets.tables import (
    hidden_members,
    is_plain,
    may_hide,
    parts_of_secrets,
    without_cells,
    without_column,
)

#: The smallest number of 13 digits, and the first beyond 64 bits.
_FIRST_CARD = 10**12
_FIRST_HUGE = 1 << 63

#: A text that begins so may hold JSON. (A text's first character, so never empty.)
OPENING = frozenset("{[")


class Walk:
    """Walks the foreign values of one event.

    Collects in `texts` the texts that remain to be searched, in `secrets` the values that were
    masked by their name, in `counts` how many values of each kind were masked. Texts stay complete
    here: the second walk cuts them, when all secrets are known.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.texts: list[str] = []
        self.secrets: set[str] = set()
        self.room = MAX_VALUES

    def saw(self, kind: str, count: int) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + count

    @property
    def is_full(self) -> bool:
        """Whether there were more secrets than are remembered."""
        return len(self.secrets) >= MAX_SECRETS

    def text(self, text: str) -> str:
        self.texts.append(text[:WINDOW])
        return text

    def prose(self, value: object) -> object:
        """A text, or any other value as JSON text."""
        if isinstance(value, str):
            return _string(self, str.__str__(value), 0)
        clean = self.value(value)
        return self.text(clean if isinstance(clean, str) else encode_json(_windows(clean)).decode())

    def value(self, value: object, depth: int = 0) -> object:
        """Any JSON value within bounds, with the values of secret names masked."""
        if depth > MAX_DEPTH:
            return "[CUT]"
        step = _STEPS.get(type(value)) or _step_of(value)
        return step(self, value, depth)

    def masked(self, item: object) -> object:
        if item is None or item is True or item is False or (type(item) is str and not item):
            return item  # no secret, and a mask would hide that
        self.saw("secret", 1)
        remember(self.secrets, item)
        return mask_of("[SECRET]", item)

    def without(self, item: object, spans: list[Span]) -> str:
        """A part of a secret that is split over the items of a list, masked."""
        return replaced(str(item), spans, self.saw)

    def masked_json(self, text: str) -> str:
        """A JSON text, with the values of secret names masked; any other text unchanged."""
        before = self.counts.get("secret")
        try:
            value, encode = _decoded(text)
            masked = self._named(value)
            is_as_seen = self.counts.get("secret") == before and not has_duplicates(text)
        except (ValueError, RecursionError):
            return text
        return text if is_as_seen else encode(masked)

    def _named(self, value: object) -> object:
        if isinstance(value, dict):
            hidden = hidden_members(value)
            value = without_cells(value, self.masked)
            return {
                key: self.masked(item)
                if key in hidden
                else self.masked(item)
                if is_secret_item(key[:MAX_NAME], item)
                else self._named(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            parts = parts_of_secrets(value)
            return [
                self.masked(item)
                if is_secret
                else self.without(item, parts[number])
                if number in parts
                else self._named(item)
                for number, (item, is_secret) in enumerate(
                    after_names(without_column(value, self.masked))
                )
            ]
        if isinstance(value, str) and value[:1] in OPENING:
            return self.masked_json(value)
        return value


def _decoded(text: str) -> tuple[object, Callable[[object], str]]:
    """The value of a JSON text, and how to write it again; raises ValueError if it is not JSON.

    Python's own encoder writes NaN, Infinity and lone surrogates, so tools do, and only Python's
    own decoder reads them.
    """
    try:
        return msgspec.json.decode(text), lambda value: encode_json(value).decode()
    except ValueError:
        return json.loads(text), json.dumps


#: A name's text, whether it names a secret, and whether the name itself contains one.
_Name = tuple[str, bool, bool]  # a plain tuple is unpacked in half the time


@follows_own
@lru_cache(maxsize=4096)  # names repeat; the bound is against hostile callers
def _name(key: str) -> _Name:
    """Logstash stops at an empty name, Elasticsearch refuses a NUL."""
    text = valid(key).replace("\0", "") or "_"
    return text, is_secret_name(key), bool(masker().spans(text))


def prepare() -> None:
    """Compile what every event needs: in a log call, frequent signals might never let it end."""
    Walk().value({"user_password": "x", "text": "y"})


def _other_name(key: object) -> _Name:
    text = str.__str__(key) if isinstance(key, str) else str(key)
    if len(text) <= MAX_NAME:
        return _name(str.__str__(text))
    cut = f"[CUT name of {len(text)} characters]"
    return cut, is_secret_name(text[-MAX_NAME:]), False


@follows_own
@lru_cache(maxsize=512)  # objects with the same names repeat: at most 1 MB of names
def _plain_names(keys: tuple[object, ...]) -> tuple[str, ...] | None:
    """The names of an object, if none decides about a value: the usual arguments of a tool.

    Otherwise None: a name is a secret's, holds one or may name one; or the names together make the
    object a table, a key or a labelled value.
    """
    names = []
    for key in keys:
        if type(key) is not str or len(key) > MAX_NAME:
            return None
        name, is_secret, holds_secret = _name(key)
        if is_secret or holds_secret or is_telling(name) or may_be_personal(name):
            return None
        names.append(name)
    return None if may_hide(keys) or len({*names}) < len(names) else tuple(names)


#: Members of an object whose names are remembered together.
_MOST_PLAIN = 16


def _windows(value: object) -> object:
    """The value with its texts cut where reading stops: the text made of it is cut as well."""
    if isinstance(value, str):
        return value[:WINDOW]
    if isinstance(value, dict):
        return {key: _windows(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_windows(item) for item in value]
    return value


def _string(walk: Walk, text: str, _depth: int) -> object:
    if text[:1] in OPENING and len(text) <= WINDOW and may_name_secrets(text):
        text = walk.masked_json(text)
    return walk.text(text)


def _mapping(walk: Walk, value: Mapping[object, object], depth: int) -> dict[str, object]:
    is_small = type(value) is dict and len(value) <= min(_MOST_PLAIN, walk.room)
    names = _plain_names(tuple(value)) if is_small else None
    if names is None:
        return _any_mapping(walk, value, depth)
    walk.room -= len(names)
    clean: dict[str, object] = {}
    for name, item in zip(names, value.values(), strict=False):
        kind = type(item)
        if kind is str and item[:1] not in OPENING:  # type: ignore[index]
            walk.texts.append(item[:WINDOW])  # type: ignore[index]
            clean[name] = item
        elif kind is bool or (kind is int and -_FIRST_CARD < item < _FIRST_CARD):  # type: ignore[operator]
            clean[name] = item
        else:
            clean[name] = walk.value(item, depth + 1)
    return clean


def _any_mapping(walk: Walk, value: Mapping[object, object], depth: int) -> dict[str, object]:
    """Names and values; a plain text, the usual value, costs no further call."""
    value = without_cells(value, walk.masked)
    if hidden := hidden_members(value):
        value = {key: walk.masked(item) if key in hidden else item for key, item in value.items()}
    items: Iterable[tuple[object, object]] = value.items()
    if is_cut := len(value) > walk.room:
        items = islice(items, walk.room)
    walk.room = max(walk.room - len(value), 0)
    clean: dict[str, object] = {}
    for key, item in items:
        name, is_secret, holds_secret = (
            _name(key) if type(key) is str and len(key) <= MAX_NAME else _other_name(key)
        )
        if holds_secret:
            walk.texts.append(name)
        if can_be_secret(name, item) if is_secret else is_random_item(name, item):
            clean[name] = walk.masked(item)
        elif is_personal(name, item):
            walk.saw("person", 1)
            clean[name] = "[PERSON]"
        elif type(item) is str and item[:1] not in OPENING:
            walk.texts.append(item[:WINDOW])
            clean[name] = item
        else:
            clean[name] = walk.value(item, depth + 1)
    if is_cut:
        clean["[CUT]"] = "[CUT]"
    return clean


def _list(walk: Walk, items: Any, depth: int) -> list[object]:
    """Items; masks also the one after a secret name, as in `["--password", "x"]`."""
    if type(items) is list and len(items) <= walk.room and is_plain(kept := [*items]):
        walk.room -= len(kept)
        walk.texts += [item[:WINDOW] for item in kept]
        return kept
    parts = parts_of_secrets(items) if isinstance(items, list | tuple) else {}
    if isinstance(items, list | tuple):
        items = without_column(items, walk.masked)
    is_cut = len(items) > walk.room
    admitted = islice(items, walk.room) if is_cut else items
    walk.room = max(walk.room - len(items), 0)
    clean: list[object] = []
    for number, (item, is_secret) in enumerate(after_names(admitted, len(items))):
        if is_secret:
            clean.append(walk.masked(item))
        elif number in parts:
            clean.append(walk.text(walk.without(item, parts[number])))
        elif type(item) is str and item[:1] not in OPENING:
            walk.texts.append(item[:WINDOW])
            clean.append(item)
        else:
            clean.append(walk.value(item, depth + 1))
    if is_cut:
        clean.append("[CUT]")
    return clean


def _tuple(walk: Walk, items: Any, depth: int) -> object:
    """A named tuple is an object: its names show which of its values are secret."""
    names = getattr(items, "_fields", None)
    if isinstance(names, tuple) and len(names) == len(items):
        return _mapping(walk, dict(zip(names, items, strict=True)), depth)
    return _list(walk, items, depth)


def _integer(walk: Walk, number: int, _depth: int) -> object:
    if -_FIRST_CARD < number < _FIRST_CARD:
        return number
    if number.bit_length() > MAX_INTEGER_BITS:
        return f"[CUT number of {number.bit_length()} bits]"
    if is_card(str(abs(number))):
        walk.saw("card", 1)
        return "[CARD]"
    # JSON has no bound, but Logstash and JavaScript readers do: 64 bits.
    return number if -_FIRST_HUGE <= number < _FIRST_HUGE else walk.text(str(number))


def _float(walk: Walk, number: float, depth: int) -> object:
    if not math.isfinite(number):
        return str(number)
    # A caller may have made a float of a card number.
    return number if abs(number) < _FIRST_CARD else _large_float(walk, number, depth)


def _large_float(walk: Walk, number: float, depth: int) -> object:
    return _integer(walk, int(number), depth) if is_card(str(abs(int(number)))) else number


def _binary(_walk: Walk, data: bytes, _depth: int) -> str:
    return f"[BYTES {len(data)}]"


def _unchanged(_walk: Walk, value: object, _depth: int) -> object:
    return value


def _other(walk: Walk, value: object, _depth: int) -> object:
    return walk.text(str(value))


_Step = Callable[[Walk, Any, int], object]
_STEPS: dict[type, _Step] = {
    str: _string,
    int: _integer,
    bool: _unchanged,
    type(None): _unchanged,
    float: _float,
    dict: _mapping,
    list: _list,
    tuple: _list,
    bytes: _binary,
}
#: Subclasses, converted to their base; and types that JSON does not have.
_BY_KIND: tuple[tuple[type | tuple[type, ...], _Step], ...] = (
    (str, lambda walk, text, depth: _string(walk, str.__str__(text), depth)),
    (int, lambda walk, number, depth: _integer(walk, int(number), depth)),
    (float, lambda walk, number, depth: _float(walk, float(number), depth)),
    (Mapping, _mapping),
    (tuple, _tuple),
    ((list, set, frozenset), _list),
    ((bytearray, memoryview), _binary),
)


def _step_of(value: object) -> _Step:
    for types, step in _BY_KIND:
        if isinstance(value, types):
            return step
    return _other
