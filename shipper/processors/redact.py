"""Secrets out of foreign events: what the record line masks, by the same patterns and tokens.

Nothing is cut and no number is changed but those that are secrets. As in the record line there are
two looks: the first masks values whose name says that they are secrets and gathers all text, the
second masks what the text holds, and echoes of the first.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from shipper.processors.event import MISSING, Event, decode_value, encode, find, opened, put
from shipper.secrets.assigned import (
    MAX_NAME,
    is_secret_name,
    labels_a_secret,
    may_name_secrets,
)
from shipper.secrets.echoes import remember, spellings, without_echoes
from shipper.secrets.numbers import is_card
from shipper.secrets.patterns import Suspicion, found, mask, suspect

#: The smallest number of 13 digits, and the first that no card has.
_FIRST_CARD, _BEYOND_CARDS = 10**12, 10**19

#: A text that begins so may hold JSON; an empty one does not.
_OPENING = ("{", "[")
#: Names that no echo is looked for in: a password must not blot out what a field is.
_WORDS = re.compile(r"[@A-Za-z_.-]+")


class Redact(Struct, frozen=True, kw_only=True):
    """Masks secrets in the fields and all that is inside them; in the whole event if none is named.

    Echoes of at most 64 masked values are looked for.
    """

    fields: tuple[str, ...] = ()

    def process(self, event: Event) -> Event:
        """The event without its secrets."""
        if not self.fields:
            return _all_clean(event)
        named = {path: value for path in self.fields if (value := find(event, path)) is not MISSING}
        for path, value in (_clean(named) or {}).items():
            event = put(event, path, value)
        return event

    def may_touch(self, _line: bytes) -> bool:
        """Every event: there are too many kinds of secrets to look for in the line."""
        return True


def _all_clean(event: Event) -> Event:
    """The time is no text: an echo in it would cost the whole event."""
    time = {key: event[key] for key in ("@timestamp",) if key in event}
    clean = _clean({key: opened(value) for key, value in event.items() if key not in time})
    return event if clean is None else time | clean


def _clean(event: Event) -> Event | None:
    """The event without its secrets; None if it has none."""
    look = _Names()
    named = look.an_object(event)
    pool = "\0".join(look.texts)  # no pattern reads on across a NUL
    suspicion = suspect(pool)
    if suspicion and not found(pool, suspicion):
        suspicion = None
    if look.count == 0 and suspicion is None:
        return None
    return _Texts(look.secrets, suspicion).an_object(named)


class _Names:
    """The first look: masks by name, and gathers texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.secrets: set[str] = set()
        self.count = 0

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is dict:
            return self.an_object(value)
        if kind is list:
            return self._list(value)
        return self._number(value) if isinstance(value, int | float) else value

    def an_object(self, members: Event) -> Event:
        is_labelled = "value" in members and labels_a_secret(members)
        self.texts += members
        clean: Event = {}
        for key, item in members.items():
            if is_secret_name(key[:MAX_NAME]) or (is_labelled and key == "value"):
                clean[key] = self._masked_by(key, item)
            elif type(item) is str and item[:1] not in _OPENING:  # most are, and cost no call
                self.texts.append(item)
                clean[key] = item
            else:
                clean[key] = self.value(item)
        return clean

    def _list(self, items: list[Any]) -> list[Any]:
        """Also what follows a secret's name on a command line: `["--password", "x"]`."""
        clean: list[Any] = []
        before: Any = None
        for item in items:
            follows = type(before) is str and before[:1] == "-"
            follows = follows and is_secret_name(before[:MAX_NAME])
            clean.append(self._masked(item) if follows else self.value(item))
            before = None if follows else item
        return clean

    def _text(self, text: str) -> str:
        if text[:1] in _OPENING and may_name_secrets(text):
            text = self._json(text)
        self.texts.append(text)
        return text

    def _json(self, text: str) -> str:
        """JSON in a text, with values masked by their name; as it is where there is none."""
        inner = _Names()
        inner.secrets = self.secrets
        try:
            masked = inner.value(decode_value(text))
        except (msgspec.DecodeError, RecursionError):
            return text
        self.count += inner.count
        return encode(masked).decode() if inner.count else text

    def _number(self, number: float) -> object:
        """A card number may have become a float on its way."""
        is_long = _FIRST_CARD <= abs(number) < _BEYOND_CARDS
        if not is_long or not is_card(str(abs(int(number)))):
            return number
        self.count += 1
        return "[CARD]"

    def _masked_by(self, name: str, item: Any) -> object:
        if isinstance(item, int | float) and name.lower().endswith("tokens"):
            return item  # how many of them
        return self._masked(item)

    def _masked(self, item: Any) -> object:
        if item is None or item is True or item is False or item == "":
            return item  # tells nothing, and masking it would hide that
        self.count += 1
        remember(self.secrets, item)
        return "[SECRET]"


class _Texts:
    """The second look: masks what texts and names hold, and echoes."""

    def __init__(self, secrets: set[str], suspicion: Suspicion | None) -> None:
        self._secrets = secrets
        self._spellings = spellings(secrets)
        self._suspicion = suspicion

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is dict:
            return self.an_object(value)
        if kind is list:
            return [self.value(item) for item in value]
        is_number = isinstance(value, int | float) and kind is not bool
        is_echo = is_number and str(value) in self._secrets
        return "[SECRET]" if is_echo else value

    def an_object(self, members: Event) -> Event:
        clean: Event = {}
        for key, item in members.items():
            name = self._masked(key) if _WORDS.fullmatch(key) else self._text(key)
            while name in clean:  # two secrets may become the same token
                name += "_"
            clean[name] = self.value(item)
        return clean

    def _text(self, text: str) -> str:
        text, _ = without_echoes(text, self._spellings)
        return self._masked(text)

    def _masked(self, text: str) -> str:
        return mask(text, self._suspicion, _unseen) if self._suspicion else text


def _unseen(_kind: str, _count: int) -> None:
    """Counts are for the record line."""
