"""Mask secrets in foreign events, with the patterns and tokens of the product's own record.

Text is never cut, and a number is changed only if it is a secret. As in the record, there are two
passes. The first masks values that have the name of a secret, and collects all text. The second
masks secrets inside texts, and echoes: other places with a value that the first pass masked.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from shipper.processors.event import MISSING, Event, decode_value, encode, find, opened, put
from shipper.secrets.duplicates import has_duplicates
from shipper.secrets.echoes import remember, spellings, without_echoes
from shipper.secrets.items import is_secret_item
from shipper.secrets.masker import masker, replaced
from shipper.secrets.names import MAX_NAME, after_names, may_name_secrets
from shipper.secrets.numbers import is_card
from shipper.secrets.own import mask_of
from shipper.secrets.persons import is_personal
from shipper.secrets.spans import Span
from shipper.secrets.tables import hidden_members, parts_of_secrets, without_cells, without_column

#: The smallest number of 13 digits, and the first one too long for a card.
_FIRST_CARD, _BEYOND_CARDS = 10**12, 10**19

#: A text that starts with one of these may be JSON; an empty text is not.
_OPENING = ("{", "[")
#: A date, or seconds or milliseconds since 1970.
_TIME = re.compile(
    rb'"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]{5,18}(?:Z|[+-][0-9:]{2,5})?)?"|"?[0-9.]{1,14}"?'
)
#: Members with what a caller gave: one argument must not be able to hide another.
_GIVEN = frozenset({"arguments", "params", "args", "input"})
#: Names that are not searched for echoes: a password must not mask the name of a field.
_WORDS = re.compile(r"[@A-Za-z_.-]+")


class Redact(Struct, frozen=True, kw_only=True):
    """Masks secrets in the fields and everything inside them; in the complete event by default.

    Echoes are found for at most 64 masked values.
    """

    hides: ClassVar[bool] = True

    fields: tuple[str, ...] = ()

    def process(self, event: Event) -> Event:
        if not self.fields:
            return _all_clean(event)
        named = {path: value for path in self.fields if (value := find(event, path)) is not MISSING}
        for path, value in (_clean(named) or {}).items():
            event = put(event, path, value)
        return event

    def may_touch(self, _line: bytes) -> bool:
        """True for every line: there are too many kinds of secrets to search for here."""
        return True


def _all_clean(event: Event) -> Event:
    """Leave the time unmasked: without a valid time, the destination refuses the event."""
    time = {key: event[key] for key in ("@timestamp",) if key in event and _is_time(event[key])}
    clean = _clean({key: opened(value) for key, value in event.items() if key not in time})
    return event if clean is None else time | clean


def _is_time(value: object) -> bool:
    written = bytes(value) if type(value) is msgspec.Raw else encode(value)
    return _TIME.fullmatch(written) is not None


def _clean(event: Event) -> Event | None:
    """The event without its secrets; None if it has none."""
    first = _ByName()
    masked = first.mapping(event)
    found = masker().found_in(first.texts)
    if first.count == 0 and not found:
        return None
    return _InTexts(first.secrets, found).mapping(masked)


class _ByName:
    """The first pass: masks values by their names, and collects texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.secrets: set[str] = set()
        self.count = 0

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is dict:
            return self.mapping(value)
        if kind is list:
            return self._list(value)
        return self._number(value) if isinstance(value, int | float) else value

    def mapping(self, members: Event) -> Event:
        hidden = hidden_members(members)
        members = dict(without_cells(members, self._masked))
        self.texts += members
        clean: Event = {}
        for key, item in members.items():
            if key in hidden or is_secret_item(key[:MAX_NAME], item):
                clean[key] = self._masked(item)
            elif is_personal(key, item):
                self.count += 1
                clean[key] = "[PERSON]"
            elif type(item) is str and item[:1] not in _OPENING:  # most values: saves a call
                self.texts.append(item)
                clean[key] = item
            else:
                clean[key] = self.value(item)
        return clean

    def _list(self, items: list[Any]) -> list[Any]:
        """Mask also the item after an option with a secret's name: `["--password", "x"]`."""
        parts = parts_of_secrets(items)
        return [
            self._masked(item)
            if is_secret
            else self._without(item, parts[number])
            if number in parts
            else self.value(item)
            for number, (item, is_secret) in enumerate(
                after_names(without_column(items, self._masked))
            )
        ]

    def _without(self, item: object, spans: list[Span]) -> str:
        self.count += 1
        return replaced(str(item), spans, _uncounted)

    def _text(self, text: str) -> str:
        if text[:1] in _OPENING and may_name_secrets(text):
            text = self._json(text)
        self.texts.append(text)
        return text

    def _json(self, text: str) -> str:
        """The text with values masked by name if it is JSON; otherwise the text unchanged."""
        inner = _ByName()
        inner.secrets = self.secrets
        try:
            masked = inner.value(decode_value(text))
            inner.count += has_duplicates(text)
        except (msgspec.DecodeError, RecursionError):
            return text
        self.count += inner.count
        return encode(masked).decode() if inner.count else text

    def _number(self, number: float) -> object:
        """Mask a card number, even if it has become a float on its way."""
        is_long = _FIRST_CARD <= abs(number) < _BEYOND_CARDS
        if not is_long or not is_card(str(abs(int(number)))):
            return number
        self.count += 1
        return "[CARD]"

    def _masked(self, item: Any) -> object:
        if item is None or item is True or item is False or item == "":
            return item  # reveals nothing; masked, it would look like a secret
        self.count += 1
        remember(self.secrets, item)
        return mask_of("[SECRET]", item)


class _InTexts:
    """The second pass: masks secrets inside texts and names, and echoes."""

    def __init__(self, secrets: set[str], found: Mapping[str, list[Span]]) -> None:
        self._secrets = secrets
        self._spellings = spellings(secrets)
        self._found = found

    def value(self, value: Any, *, echoes: bool = True) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value) if echoes else self._masked(value)
        if kind is dict:
            return self.mapping(value, echoes=echoes)
        if kind is list:
            return [self.value(item, echoes=echoes) for item in value]
        is_number = isinstance(value, int | float) and kind is not bool
        is_echo = echoes and is_number and str(value) in self._secrets
        return "[SECRET]" if is_echo else value

    def mapping(self, members: Event, *, echoes: bool = True) -> Event:
        clean: Event = {}
        for key, item in members.items():
            name = self._masked(key) if not echoes or _WORDS.fullmatch(key) else self._text(key)
            while name in clean:  # two secrets may become the same token
                name += "_"
            clean[name] = self.value(item, echoes=echoes and key not in _GIVEN)
        return clean

    def _text(self, text: str) -> str:
        clear, count = without_echoes(text, self._spellings)
        return masker().mask(clear, _uncounted) if count else self._masked(text)

    def _masked(self, text: str) -> str:
        spans = self._found.get(text)
        return replaced(text, spans, _uncounted) if spans else text


def _uncounted(_kind: str, _count: int) -> None:
    """Ignore the counts, which only the record needs."""
