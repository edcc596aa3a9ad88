"""Find the secrets of a text, and replace them: one search for gates, patterns where they stand."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

from shipper.secrets.assigned import STANDS_FOR, names_in
from shipper.secrets.classes import classes_of
from shipper.secrets.documents import DOCUMENTS, nearby
from shipper.secrets.gates import Hit, Search, search_of
from shipper.secrets.kinds import VENDOR_KINDS, Kind
from shipper.secrets.lazy import lazy
from shipper.secrets.loose import LEAST_LOOSE, loose_in, may_be_loose
from shipper.secrets.names import SEPARATORS, SHORT, STEMS
from shipper.secrets.numbers import numbers_in
from shipper.secrets.own import follows_own, has_allowed, is_allowed, mask_of, own_kinds
from shipper.secrets.persons import PERSONS, emails
from shipper.secrets.shapes import SHAPES
from shipper.secrets.spans import PERSON, SURE, Places, Span, joined
from shipper.secrets.views import LEAST_BASE64, View, in_base64, may_be_coded, views_of

#: Called with the kind of what was masked, and how many.
Seen = Callable[[str, int], None]

#: All kinds with a row; the others are code: values of names, addresses, numbers, documents.
KINDS: tuple[Kind, ...] = (*SHAPES, *VENDOR_KINDS, *PERSONS)
_WORD, _MAIL = object(), object()
_Matches = tuple[Callable[[str, int], re.Match[str] | None], ...]
#: What a finder gets and gives: the text, its hits, where secrets are.
_Row = Kind | object


class Masker:
    """All tables of one configuration, ready to search texts.

    Own kinds are rows like the built-in ones; `keeps` decides that a found text is no secret.
    """

    def __init__(
        self, kinds: Iterable[Kind] = KINDS, keeps: Callable[[str], bool] | None = None
    ) -> None:
        self._keeps = keeps
        table: dict[str, list[_Row]] = defaultdict(list)
        for kind in kinds:
            for gate in kind.gates:
                table[gate].append(kind)
        for stem in STEMS:
            table[stem].append(_WORD)
        for stem in SHORT:
            for separator in SEPARATORS:
                table[stem + separator].append(_WORD)
        table["@"].append(_MAIL)
        table["%40"].append(_MAIL)
        self._gates = tuple(table)
        self._widths = tuple(map(_stem_width, table))
        self._rows = tuple(map(tuple, table.values()))
        self._matches: list[_Matches | None] = [None] * len(self._rows)
        self._search: Search = search_of(self._gates)

    def found_in(self, texts: list[str], work: int | None = None) -> dict[str, list[Span]]:
        """The secrets of each text that has any; one search serves all texts.

        `work` bounds the gates that are followed. Short texts come first; a text for which too few
        are left counts as one secret.
        """
        pool = "\0".join(texts)  # no pattern matches across a NUL
        hits = self._search(pool.lower() if pool.isascii() else _lower(pool))
        if hits and (work is None or len(hits) <= work):
            hits = self._promising(pool, hits)
        classes = classes_of(pool)
        unnamed = _unnamed(pool, classes, work)
        is_coded = may_be_coded(pool, len(texts) - 1)
        if not hits and not unnamed and not is_coded and not may_be_loose(classes):
            words = [text for text in texts if len(text) >= LEAST_BASE64 and " " not in text]
            if not words or not any(map(in_base64, words)):
                return {}
        parts = [*_parts(texts, hits, unnamed, is_coded=is_coded)]
        if work is not None and len(hits) > work // 4:
            parts.sort(key=lambda part: len(part.text))
        found: dict[str, list[Span]] = {}
        for text, mine, unnamed in parts:
            if work is not None:
                work -= len(mine)
                if work < 0 and mine:
                    found[text] = [Span(0, len(text), "[CUT]")]
                    continue
            spans = self._all(text, mine, unnamed)
            if spans:
                found[text] = spans
        return found

    def may_hold_tokens(self, text: str) -> bool:
        """Whether a token may be in the text; cheaper than to find it."""
        return bool(
            self._search(_lower(text))
            or may_be_coded(text)
            or (len(text) >= LEAST_LOOSE and may_be_loose(classes_of(text)))
            or _is_base64(text)
        )

    def _promising(self, pool: str, hits: list[Hit]) -> list[Hit]:
        """The gates at which a secret may stand: most gates are also parts of usual words."""
        kept = []
        for hit in hits:
            index, at = hit
            matches = self._matches[index]
            if matches is None:
                matches = self._matches[index] = _matches(self._rows[index])
            if not matches:
                kept.append(hit)
                continue
            for match in matches:
                if match(pool, at):
                    kept.append(hit)
                    break
        return kept

    def spans(self, text: str) -> list[Span]:
        """The secrets of a text, in order, none within another."""
        return self._all(text, self._search(_lower(text)), _unnamed(text, classes_of(text)))

    def _all(self, text: str, hits: list[Hit], unnamed: list[Span]) -> list[Span]:
        found = self._plain(text, hits, unnamed)
        if may_be_coded(text):
            for view in views_of(text):
                found = joined([*found, *self._through(view)])
        for start, end, plain in in_base64(text) if _has_words(text) else ():
            if inner := self.spans(plain):
                found = joined([*found, Span(start, end, inner[0].token)])
        return found

    def mask(self, text: str, seen: Seen) -> str:
        """The text with a token for each secret; `seen` is called for each."""
        return replaced(text, self.spans(text), seen)

    def _through(self, view: View) -> list[Span]:
        hits = self._search(_lower(view.text))
        unnamed = _unnamed(view.text, classes_of(view.text))
        return [view.back(span) for span in self._plain(view.text, hits, unnamed)]

    def _plain(self, text: str, hits: list[Hit], unnamed: list[Span]) -> list[Span]:
        if not hits and not unnamed:
            return []
        found = self._found(text, hits) + unnamed
        if self._keeps and found:
            found = [span for span in found if not self._keeps(text[span.start : span.end])]
        return joined(found) if len(found) > 1 else found

    def _found(self, text: str, hits: list[Hit]) -> list[Span]:
        rows, widths = self._rows, self._widths
        found: list[Span] = []
        words: list[tuple[int, int]] = []
        later: list[Hit] = []
        ends: dict[str, int] = {}
        for index, at in hits:
            for row in rows[index]:
                if row is _WORD:
                    words.append((at, at + widths[index]))
                elif row is _MAIL or not row.is_specific:  # type: ignore[attr-defined]
                    later.append((index, at))
                elif at >= ends.get(row.name, 0):  # type: ignore[attr-defined]
                    span = _match(text, row, at)  # type: ignore[arg-type]
                    if span:
                        found.append(span)
                        ends[row.name] = span.end  # type: ignore[attr-defined]
        if words:
            known = Places(found)
            found += names_in(text, words, known)
            found += nearby(text, words, known)
            lower = text.lower()
            for document in DOCUMENTS:
                found += document(text, lower, words)
        for index, at in later:
            found += self._late(text, index, at)
        return found

    def _late(self, text: str, index: int, at: int) -> Iterator[Span]:
        for row in self._rows[index]:
            if row is _MAIL:
                yield from emails(text, at, len(self._gates[index]))
            elif isinstance(row, Kind) and not row.is_specific:
                span = _match(text, row, at)
                if span:
                    yield span


class _Part(NamedTuple):
    """One text of a pool, with the gates in it and what has neither a gate nor a name."""

    text: str
    hits: list[Hit]
    unnamed: list[Span]


def _parts(
    texts: list[str], hits: list[Hit], unnamed: list[Span], *, is_coded: bool
) -> Iterator[_Part]:
    """The texts of a pool that may hold a secret."""
    begins = [at for _, at in hits]
    numbers = [span.start for span in unnamed]
    at = hit = number = 0
    for text in texts:
        end = at + len(text)
        first, one = hit, number
        hit, number = bisect_left(begins, end, hit), bisect_left(numbers, end, number)
        if first < hit or one < number:
            mine = [(gate, start - at) for gate, start in hits[first:hit]]
            spans = [
                Span(start - at, stop - at, token, rank)
                for start, stop, token, rank in unnamed[one:number]
            ]
            yield _Part(text, mine, spans)
        elif (is_coded and may_be_coded(text)) or _is_base64(text):
            yield _Part(text, [], [])
        at = end + 1


def _is_base64(text: str) -> bool:
    return _has_words(text) and bool(in_base64(text))


def _has_words(text: str) -> bool:
    """Whether a word of the text may be another text in base64 or hexadecimal.

    Beside a blank, only a long one: it is a member of an answer, or a dump.
    """
    if " " not in text:
        return len(text) >= LEAST_BASE64
    return len(text) >= LEAST_LOOSE and may_be_loose(classes_of(text))


def _unnamed(text: str, classes: bytes, work: int | None = None) -> list[Span]:
    """Numbers and tokens, which have neither a gate nor a name, in the order of the text."""
    found = numbers_in(text, classes, work)
    if may_be_loose(classes):
        found += loose_in(text)
    return sorted(found) if len(found) > 1 else found


def _stem_width(gate: str) -> int:
    """The length of the word in a gate that is one before a separator."""
    for separator in SEPARATORS:
        if gate.removesuffix(separator) in SHORT and gate not in STEMS:
            return len(gate) - len(separator)
    return len(gate)


def _lower(text: str) -> str:
    lower = text.lower()
    if not text.isascii():  # lone surrogates, which no library takes
        lower = lower.encode("utf-8", "replace").decode()
    if len(lower) != len(text):  # a letter whose lower case has two: offsets would be wrong
        lower = "".join(char if len(char.lower()) > 1 else char.lower() for char in text)
    return lower


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _matches(rows: tuple[_Row, ...]) -> _Matches:
    """What matches at a gate, if nothing else decides, in joined texts as in each alone."""
    kinds = tuple(row for row in rows if isinstance(row, Kind))
    if len(kinds) < len(rows) or not all(map(_ignores_ends, kinds)):
        return ()
    return tuple(_compiled(kind.pattern).match for kind in kinds)


def _ignores_ends(kind: Kind) -> bool:
    """Whether a match in a text is also one if a NUL and other texts stand around it."""
    outside = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "[]", kind.pattern)
    is_greedy = re.search(r"[}*+?]\+", outside) is not None  # it would not give back another text
    has_end = re.search(r"\\[AZ]|[$^]", outside) is not None
    has_no_other = re.search(r"\(\?<?!\[\^", kind.pattern) is not None  # a NUL is another character
    return not (kind.back or is_greedy or has_end or has_no_other)


#: Characters after a gate in which a match must end, if it may begin before the gate.
_AHEAD = 256


def _match(text: str, kind: Kind, at: int) -> Span | None:
    pattern = _compiled(kind.pattern)
    if kind.back:
        match = pattern.search(text, max(0, at - kind.back), at + _AHEAD)
    else:
        match = pattern.match(text, at)
    if not match:
        return None
    part = "s" if "s" in pattern.groupindex else 0
    start, end = match.span(part)
    if kind.check and not kind.check(text[start:end]):
        return None
    if kind.group == "password" and STANDS_FOR.match(text, start):
        return None
    if kind.form and end - start < kind.usual and (rest := _WRAPPED.match(text, end)):
        end = rest.end()
    return Span(start, end, f"[{kind.group.upper()}]", SURE if kind.is_specific else PERSON)


#: The rest of a token that is broken over lines, or joined from strings.
_WRAPPED = lazy(
    r"(?:\\?\r?\n[ \t>+]{0,8}|[\"'] ?[+.]? ?(?:\\?\r?\n[ \t]{0,8})?[\"'])"
    r"(?=[\w-]{0,32}[0-9])(?=[\w-]{0,32}[A-Za-z])[\w-]{8,}(?![ :=.(])"
)
#: What reveals a secret that no row of a table does.
_WHY = {
    "[PASSWORD]": "a name before it",
    "[EMAIL]": "the form of an address",
    "[CARD]": "the check digit of a card",
    "[IBAN]": "the check digits of an account",
    "[PHONE]": "the form of a phone number",
    "[SSN]": "the form of a social security number",
    "[SECRET]": "it looks random behind a telling word",
}


def reason_of(text: str, span: Span) -> str:
    """What reveals a secret that was found: the name of its kind and the source, if it has a row."""
    lower = _lower(text)
    for kind in (*KINDS, *own_kinds()):
        if f"[{kind.group.upper()}]" != span.token:
            continue
        for gate in kind.gates:
            at = lower.find(gate)
            while at >= 0:
                found = _match(text, kind, at)
                if found and found.start <= span.start and found.end >= span.end:
                    return f"{kind.name} ({kind.source})"
                at = lower.find(gate, at + 1)
    return _WHY.get(span.token, "a table, a document or another spelling")


def replaced(text: str, spans: Iterable[Span], seen: Seen) -> str:
    """The text with the token of each span in its place."""
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], mask_of(span.token, text[span.start : span.end])]
        at = span.end
        seen(span.token[1:-1].lower(), 1)
    pieces.append(text[at:])
    return "".join(pieces)


@follows_own
@cache
def masker() -> Masker:
    """The masker with the built-in tables and the operator's."""
    return Masker((*KINDS, *own_kinds()), is_allowed if has_allowed() else None)
