"""Foreign values, brought into bounds: the first of redaction's two walks."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from shipper.record.patterns import is_card, is_secret_key, mask, suspect

#: Characters of one text that are kept.
MAX_TEXT = 1000
#: Scanned beyond that, so that a secret across the cut is seen whole, or long enough to be known.
_LOOK_AHEAD = 128
#: Elasticsearch refuses a `flattened` field deeper than 20 levels.
_MAX_DEPTH = 16
#: Values in one event: bounds the line to about a megabyte whatever a caller sends.
_MAX_NODES = 1000
#: Keys are names; a longer one is content.
_MAX_KEY = 128
#: Below this a secret is so short that replacing it everywhere would garble ordinary words.
_MIN_ECHO = 4
#: Strings that hold JSON are looked into up to here.
_MAX_NESTED_JSON = 4096
#: The smallest number of 13 digits.
_FIRST_CARD = 10**12

_sorted_json = msgspec.json.Encoder(order="sorted").encode


class Walk:
    """Walks the foreign values of one event.

    Gathers in `texts` what is still to be looked through, in `secrets` what was masked by its key,
    in `counts` what was masked by kind.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.texts: list[str] = []
        self.secrets: set[str] = set()
        self._nodes = 0

    def saw(self, kind: str, count: int) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + count

    def text(self, text: str) -> str:
        """Text within bounds; a long one is masked at once, for its cut may lie in a secret."""
        if len(text) > MAX_TEXT:
            return self._cut(text)
        text = valid(text)
        self.texts.append(text)
        return text

    def _cut(self, text: str) -> str:
        longest = max(map(len, self.secrets), default=0)
        window = self.without_echoes(valid(text[: MAX_TEXT + max(_LOOK_AHEAD, longest)]))
        if suspicion := suspect(window):
            window = mask(window, suspicion, self.saw)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{window[:MAX_TEXT]}…[CUT {len(text)} characters, sha256 {digest}]"

    def without_echoes(self, text: str) -> str:
        """`text` without the secrets that the event gave away elsewhere."""
        for secret in self.secrets:
            if secret in text:
                self.saw("echo", text.count(secret))
                text = text.replace(secret, "[SECRET]")
        return text

    def value(self, value: object, depth: int = 0) -> object:
        """Any JSON value within bounds, with whole values masked by their key."""
        self._nodes += 1
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            return "[CUT]"
        walk = _WALKS.get(type(value)) or _walk_of(value)
        return walk(self, value, depth)

    def a_string(self, text: str, depth: int) -> object:
        if text[:1] in {"{", "["} and len(text) <= _MAX_NESTED_JSON:
            try:
                inner = msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeEncodeError):
                return self.text(text)
            return self.text(json_text(self.value(inner, depth + 1)))
        return self.text(text)

    def a_mapping(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        clean: dict[str, object] = {}
        for key, item in islice(value.items(), _MAX_NODES):
            name = _key(key if isinstance(key, str) else str(key))
            if is_secret_key(name) and item not in _NOTHING:
                self.saw("secret", 1)
                self._remember(item)
                clean[name] = "[SECRET]"
            else:
                self.texts.append(name)
                clean[name] = self.value(item, depth + 1)
        return clean

    def a_list(self, items: Iterable[object], depth: int) -> list[object]:
        return [self.value(item, depth + 1) for item in islice(items, _MAX_NODES)]

    def a_whole(self, number: int, _depth: int) -> object:
        if number < _FIRST_CARD:
            return number if number >= -(1 << 63) else str(number)
        if is_card(str(number)):
            self.saw("card", 1)
            return "[CARD]"
        # JSON has no bound, but Logstash and JavaScript readers do: 64 bits.
        return number if number < 1 << 63 else self.text(str(number))

    def a_real(self, number: float, _depth: int) -> object:
        return number if math.isfinite(number) else str(number)

    def a_blob(self, data: bytes, _depth: int) -> str:
        return f"[BYTES {len(data)}]"

    def as_it_is(self, value: object, _depth: int) -> object:
        return value

    def as_text(self, value: object, _depth: int) -> str:
        return self.text(str(value))

    def _remember(self, secret: object) -> None:
        """Keep a masked value, or the values inside it, so that echoes of it are found."""
        if isinstance(secret, Mapping):
            secret = list(secret.values())
        if isinstance(secret, list | tuple):
            for item in secret[:_MAX_NODES]:
                self._remember(item)
        elif len(text := str(secret)) >= _MIN_ECHO:
            self.secrets.add(valid(text[:MAX_TEXT]))


#: Values that tell nothing, so that masking them would only hide that they are empty.
_NOTHING: tuple[object, ...] = (None, "", True, False)


@lru_cache(maxsize=4096)  # keys repeat; the bound keeps a hostile caller's from piling up
def _key(name: str) -> str:
    """An empty key would stop Logstash, a NUL Elasticsearch."""
    return valid(name[:_MAX_KEY]).replace("\0", "") or "_"


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
_BY_KIND: tuple[tuple[type | tuple[type, ...], _Step], ...] = (
    (str, Walk.a_string),
    (Mapping, Walk.a_mapping),
    ((list, tuple, set, frozenset), Walk.a_list),
    ((bytearray, memoryview), Walk.a_blob),
)


def _walk_of(value: object) -> _Step:
    """For what JSON does not have: subclasses, sets, objects of any kind."""
    for types, walk in _BY_KIND:
        if isinstance(value, types):
            return walk
    return Walk.as_text


def valid(text: str) -> str:
    """Without lone surrogates, which no UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def json_text(value: object) -> str:
    """A clean value as canonical JSON text; a string as it is."""
    return value if isinstance(value, str) else _sorted_json(value).decode()
