"""Foreign values, brought into bounds: the first of redaction's two walks."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct, field

from shipper.secrets.assigned import (
    MAX_NAME,
    is_secret_name,
    labels_a_secret,
    may_name_secrets,
)
from shipper.secrets.echoes import MAX_ECHO, MAX_SECRETS, remember
from shipper.secrets.numbers import is_card
from shipper.secrets.patterns import mask, suspect

#: Characters of one text that are kept.
MAX_TEXT = 1000
#: Read beyond the cut, so that a secret across it is seen whole, or long enough to be known.
LOOK_AHEAD = MAX_ECHO
#: What is read of one text.
WINDOW = MAX_TEXT + LOOK_AHEAD
#: Elasticsearch refuses a `flattened` field deeper than 20 levels.
_MAX_DEPTH = 16
#: Values in one event.
_MAX_VALUES = 1000
#: The smallest number of 13 digits, and the first beyond 64 bits.
_FIRST_CARD = 10**12
_FIRST_HUGE = 1 << 63
#: Digits of a number that are written out; Python itself refuses above 4300.
_MAX_DIGITS_BITS = 1024


#: Sorted members: neither the hash nor the line may depend on a caller's order.
canonical = msgspec.json.Encoder(order="sorted").encode


class Walk(Struct):
    """Walks the foreign values of one event.

    Gathers in `texts` what is still to be looked through, in `secrets` what was masked by its
    name, in `counts` what was masked by kind. The values keep their texts whole: these are cut
    when everything that must not be in them is known.
    """

    counts: dict[str, int] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    room: int = _MAX_VALUES

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
            return self.a_string(str.__str__(value), 0)
        clean = self.value(value)
        return self.text(clean if isinstance(clean, str) else canonical(_windows(clean)).decode())

    def value(self, value: object, depth: int = 0) -> object:
        """Any JSON value within bounds, with whole values masked by their name."""
        if depth > _MAX_DEPTH:
            return "[CUT]"
        walk = _WALKS.get(type(value)) or _walk_of(value)
        return walk(self, value, depth)

    def a_string(self, text: str, _depth: int) -> object:
        if text[:1] in OPENING and len(text) <= WINDOW and may_name_secrets(text):
            text = self._masked_json(text)
        return self.text(text)

    def a_mapping(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        """Names and values; a plain text, as most are, costs no further call."""
        if "value" in value and labels_a_secret(value):
            value = {**value, "value": self._masked(value["value"])}
        items: Iterable[tuple[object, object]] = value.items()
        if is_cut := len(value) > self.room:
            items = islice(items, self.room)
        self.room = max(self.room - len(value), 0)
        clean: dict[str, object] = {}
        for key, item in items:
            name, is_secret, holds_secret = (
                _name(key) if type(key) is str and len(key) <= MAX_NAME else _other_name(key)
            )
            if holds_secret:
                self.texts.append(name)
            if is_secret:
                clean[name] = self._masked_by(name, item)
            elif type(item) is str and item[:1] not in OPENING:
                self.texts.append(item[:WINDOW])
                clean[name] = item
            else:
                clean[name] = self.value(item, depth + 1)
        if is_cut:
            clean["[CUT]"] = "[CUT]"
        return clean

    def a_list(self, items: Any, depth: int) -> list[object]:
        """Also what follows a secret's name on a command line: `["--password", "x"]`."""
        is_cut = len(items) > self.room
        admitted = islice(items, self.room) if is_cut else items
        self.room = max(self.room - len(items), 0)
        clean: list[object] = []
        follows = False
        for item in admitted:
            if follows:
                clean.append(self._masked(item))
                follows = False
            elif type(item) is str and item[:1] not in OPENING:
                self.texts.append(item[:WINDOW])
                clean.append(item)
                follows = item[:1] == "-" and len(item) <= MAX_NAME and is_secret_name(item)
            else:
                clean.append(self.value(item, depth + 1))
        if is_cut:
            clean.append("[CUT]")
        return clean

    def a_whole(self, number: int, _depth: int) -> object:
        if -_FIRST_CARD < number < _FIRST_CARD:
            return number
        if number.bit_length() > _MAX_DIGITS_BITS:
            return f"[CUT number of {number.bit_length()} bits]"
        if is_card(str(abs(number))):
            self.saw("card", 1)
            return "[CARD]"
        # JSON has no bound, but Logstash and JavaScript readers do: 64 bits.
        return number if -_FIRST_HUGE <= number < _FIRST_HUGE else self.text(str(number))

    def a_real(self, number: float, depth: int) -> object:
        if not math.isfinite(number):
            return str(number)
        # A card number may have become a float on its way.
        return number if abs(number) < _FIRST_CARD else self._large(number, depth)

    def _large(self, number: float, depth: int) -> object:
        return self.a_whole(int(number), depth) if is_card(str(abs(int(number)))) else number

    def a_blob(self, data: bytes, _depth: int) -> str:
        return f"[BYTES {len(data)}]"

    def as_it_is(self, value: object, _depth: int) -> object:
        return value

    def as_text(self, value: object, _depth: int) -> object:
        return self.text(str(value))

    def _masked_by(self, name: str, item: object) -> object:
        if type(item) in {int, float} and name.lower().endswith("tokens"):
            return item  # how many of them
        return self._masked(item)

    def _masked(self, item: object) -> object:
        if item is None or item is True or item is False or (type(item) is str and not item):
            return item  # tells nothing, and masking it would hide that
        self.saw("secret", 1)
        remember(self.secrets, item)
        return "[SECRET]"

    def _masked_json(self, text: str) -> str:
        """JSON in a text, with values masked by their name; as it is where there is none."""
        before = self.counts.get("secret")
        try:
            value, encode = _decoded(text)
            masked = self._named(value)
        except (ValueError, RecursionError):
            return text
        return text if self.counts.get("secret") == before else encode(masked)

    def _named(self, value: object) -> object:
        if isinstance(value, dict):
            if "value" in value and labels_a_secret(value):
                value = {**value, "value": self._masked(value["value"])}
            return {
                key: self._masked_by(key, item)
                if is_secret_name(key[:MAX_NAME])
                else self._named(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._named(item) for item in value]
        if isinstance(value, str) and value[:1] in OPENING:
            return self._masked_json(value)
        return value


def _decoded(text: str) -> tuple[object, Callable[[object], str]]:
    """What a JSON text says, and how to write it again; raises ValueError where it is no JSON.

    Python's own encoder writes NaN, Infinity and lone surrogates, so tools do, and only Python's
    own decoder reads them.
    """
    try:
        return msgspec.json.decode(text), lambda value: canonical(value).decode()
    except ValueError:
        return json.loads(text), json.dumps


#: A text that begins so may hold JSON. (A text's first character, so never empty.)
OPENING = frozenset("{[")


#: A name's text, whether it is a secret's, and whether there is a secret in the name itself.
_Name = tuple[str, bool, bool]  # a plain one, which is unpacked in half the time


@lru_cache(maxsize=4096)  # names repeat; the bound keeps a hostile caller's from piling up
def _name(key: str) -> _Name:
    """An empty name would stop Logstash, a NUL Elasticsearch."""
    text = valid(key).replace("\0", "") or "_"
    suspicion = suspect(text)
    holds_secret = suspicion is not None and mask(text, suspicion, _unseen) != text
    return text, is_secret_name(key), holds_secret


def _unseen(_kind: str, _count: int) -> None:
    """What is looked at here is counted when it is masked."""


def _other_name(key: object) -> _Name:
    text = str(key)
    if len(text) <= MAX_NAME:
        return _name(str.__str__(text))
    cut = f"[CUT name of {len(text)} characters]"
    return cut, is_secret_name(text[-MAX_NAME:]), False


def _windows(value: object) -> object:
    """The value with its texts as far as they are read: its own text will be cut as well."""
    if isinstance(value, str):
        return value[:WINDOW]
    if isinstance(value, dict):
        return {key: _windows(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_windows(item) for item in value]
    return value


_Step = Callable[[Walk, Any, int], object]
_WALKS: dict[type, _Step] = {
    str: Walk.a_string,
    int: Walk.a_whole,
    bool: Walk.as_it_is,
    type(None): Walk.as_it_is,
    float: Walk.a_real,
    dict: Walk.a_mapping,
    list: Walk.a_list,
    tuple: Walk.a_list,
    bytes: Walk.a_blob,
}
#: Subclasses, made into what they are a kind of; and what JSON does not have.
_BY_KIND: tuple[tuple[type | tuple[type, ...], _Step], ...] = (
    (str, lambda walk, text, depth: walk.a_string(str.__str__(text), depth)),
    (int, lambda walk, number, depth: walk.a_whole(int(number), depth)),
    (float, lambda walk, number, depth: walk.a_real(float(number), depth)),
    (Mapping, Walk.a_mapping),
    ((list, tuple, set, frozenset), Walk.a_list),
    ((bytearray, memoryview), Walk.a_blob),
)


def _walk_of(value: object) -> _Step:
    for types, walk in _BY_KIND:
        if isinstance(value, types):
            return walk
    return Walk.as_text


def valid(text: str) -> str:
    """Without lone surrogates, which no UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
