"""The second of redaction's two walks: mask secrets and their echoes, cut long texts."""

import hashlib
from collections.abc import Mapping

from shipper.record.format import valid
from shipper.record.limits import LOOK_AHEAD, MAX_CHARS, MAX_TEXT, RESERVED_CHARS, SHORT, WINDOW
from shipper.record.walk import Walk
from shipper.secrets.echoes import spellings, without_echoes
from shipper.secrets.masker import masker, replaced
from shipper.secrets.spans import Span

#: Cuts that are noted in one event, and characters of the place of one.
_MOST_CUTS, _MAX_PLACE = 16, 256
_CUT = "[CUT]"


class Finish:
    """Makes the values of one event safe to write, with the findings of the first walk."""

    def __init__(self, walk: Walk, found: Mapping[str, list[Span]]) -> None:
        self._spellings = spellings(walk.secrets)
        self._walk = walk
        self._found = found
        self._space = MAX_CHARS
        self._place: list[str] = []
        #: What was cut: where, and how much was kept.
        self.cuts: list[str] = []

    def field(self, path: str) -> None:
        """Begin with the field of this path."""
        self._place = [path]

    def prose(self, value: object) -> object:
        """Text from elsewhere, such as a result: it may repeat a masked value."""
        return "[SECRET]" if self._walk.is_full else self.value(value, echoes=True)

    def value(self, value: object, *, echoes: bool) -> object:
        """The value with every string in it finished, names included."""
        if isinstance(value, str):
            finish = self._text if len(value) <= MAX_TEXT else self._cut
            return finish(value, echoes=echoes)
        if isinstance(value, dict):
            return self._members(value, echoes=echoes)
        if isinstance(value, list):
            return [self.value(item, echoes=echoes) for item in value]
        if echoes and type(value) in {int, float} and str(value) in self._walk.secrets:
            self._walk.saw("echo", 1)
            return "[SECRET]"
        return value

    def _members(self, value: dict[str, object], *, echoes: bool) -> dict[str, object]:
        clean: dict[str, object] = {}
        place = self._place
        for key, item in value.items():
            name = self._text(key, echoes=echoes)
            place.append(name)
            clean[name] = self.value(item, echoes=echoes)
            place.pop()
        return clean

    def _note(self, kept: int, size: int, digest: str = "") -> None:
        if len(self.cuts) < _MOST_CUTS:
            where = ".".join(self._place)[:_MAX_PLACE]
            self.cuts.append(f"{where}: {kept} of {size} characters{digest}")

    def _text(self, text: str, *, echoes: bool) -> str:
        left = self._space - len(text)
        if left < (0 if len(text) <= SHORT else RESERVED_CHARS):
            self._note(0, len(text))
            return "[CUT]"
        self._space = left
        if echoes and self._spellings:
            clear = self._without_echoes(text)
            if clear != text:
                return masker().mask(valid(clear), self._walk.saw)
        spans = self._found.get(text)
        if spans and spans[-1].token == _CUT:
            self._note(spans[-1].start, len(text))
        return valid(replaced(text, spans, self._walk.saw) if spans else text)

    def _without_echoes(self, text: str) -> str:
        text, count = without_echoes(text, self._spellings)
        if count:
            self._walk.saw("echo", count)
        return text

    def _cut(self, long: str, *, echoes: bool) -> str:
        """The masked text up to the cut.

        A mask is shorter than its secret, so text from beyond the cut may have moved before it;
        and the window may end in half a secret, which no pattern matches.
        """
        text = self._text(long[:WINDOW], echoes=echoes)
        if len(long) > WINDOW:
            text = text[: max(0, len(text) - LOOK_AHEAD)]
        digest = hashlib.sha256(long.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._note(min(len(text), MAX_TEXT), len(long), f", sha256 {digest}")
        return f"{text[:MAX_TEXT]}…[CUT {len(long)} characters, sha256 {digest}]"
