"""Find the secrets of a text, and replace them: one search for gates, patterns where they stand."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from shipper.secrets.assigned import STANDS_FOR, names_in
from shipper.secrets.budget import (
    CHARS_BEFORE,
    CHARS_INSIDE,
    CODE,
    INNER,
    NAME,
    PATTERN,
    TOGETHER,
    TRY,
    Budget,
    batches,
)
from shipper.secrets.classes import classes_of
from shipper.secrets.documents import DOCUMENTS, nearby
from shipper.secrets.gates import Hit, Search, lowered, search_of
from shipper.secrets.kinds import VENDOR_KINDS, Kind
from shipper.secrets.lazy import lazy
from shipper.secrets.loose import LEAST_LOOSE, may_be_loose
from shipper.secrets.names import SEPARATORS, SHORT, STEMS
from shipper.secrets.own import follows_own, has_allowed, is_allowed, mask_of, own_kinds
from shipper.secrets.persons import PERSONS, emails
from shipper.secrets.pools import cut_from, has_words, is_base64, parts_of, unnamed_in
from shipper.secrets.shapes import SHAPES
from shipper.secrets.spans import PERSON, SURE, Places, Span, joined
from shipper.secrets.views import (
    LEAST_BASE64,
    View,
    coded_from,
    codes_in,
    in_base64,
    may_be_coded,
    views_of,
)

#: Called with the kind of what was masked, and how many.
Seen = Callable[[str, int], None]

#: All kinds with a row; the others are code: values of names, addresses, numbers, documents.
KINDS: tuple[Kind, ...] = (*SHAPES, *VENDOR_KINDS, *PERSONS)
_WORD, _MAIL = object(), object()
_Matches = tuple[Callable[[str, int], re.Match[str] | None], ...]
#: Of a gate: what matches there, what it costs to try, and to follow.
_Tried = tuple[_Matches, float, float]
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
        self._tried: list[_Tried | None] = [None] * len(self._rows)
        self._search: Search = search_of(self._gates)

    def found_in(self, texts: list[str], work: float = math.inf) -> dict[str, list[Span]]:
        """The secrets of each text that has any; one search serves many texts.

        `work` is about the number of microseconds that the search may take. Short texts come first.
        From the place where it is spent, a text counts as one secret.
        """
        found: dict[str, list[Span]] = {}
        budget = Budget(work)
        if work == math.inf or sum(map(len, texts)) <= TOGETHER:
            self._together(texts, budget, found)
            return found
        for batch in batches(texts):
            if budget.left <= 0:
                found.update((text, [Span(0, len(text), "[CUT]")]) for text in batch if text)
            else:
                self._together(batch, budget, found)
        return found

    def _together(self, texts: list[str], budget: Budget, found: dict[str, list[Span]]) -> None:
        pool = "\0".join(texts)  # no pattern matches across a NUL
        hits = self._search(pool.lower() if pool.isascii() else lowered(pool))
        followed = self._promising(pool, hits, budget) if hits else hits
        classes = classes_of(pool)
        has_long = may_be_loose(classes)
        unnamed = unnamed_in(pool, classes, budget, has_long=has_long)
        is_coded = may_be_coded(pool, len(texts) - 1)
        limit, budget.limit = budget.limit, None
        if not followed and not unnamed and not is_coded and not has_long and limit is None:
            words = [text for text in texts if len(text) >= LEAST_BASE64 and " " not in text]
            if not words or not any(map(in_base64, words)):
                return
        for part in parts_of(texts, followed, unnamed, is_coded=is_coded):
            if limit is not None and part.at >= limit:
                break
            spans = self._all(part.text, part.hits, part.unnamed, budget, has_long=has_long)
            if spans:
                found[part.text] = spans
        if limit is not None:
            cut_from(limit, texts, hits, found)

    def may_hold_tokens(self, text: str) -> bool:
        """Whether a token may be in the text; cheaper than to find it."""
        return bool(
            self._search(lowered(text))
            or may_be_coded(text)
            or (len(text) >= LEAST_LOOSE and may_be_loose(classes_of(text)))
            or is_base64(text)
        )

    def _promising(self, pool: str, hits: list[Hit], budget: Budget) -> list[Hit]:
        """The gates at which a secret may stand: most gates are also parts of usual words."""
        if len(hits) > _FEW:
            return self._within(pool, hits, budget)
        kept: list[Hit] = []
        gates = self._tried
        for hit in hits:
            index, at = hit
            gate = gates[index] or self._prepared(index)
            for match in gate[0]:
                if match(pool, at):
                    break
            else:
                if gate[0]:
                    continue
            kept.append(hit)
            budget.left -= gate[2]
        return kept

    def _within(self, pool: str, hits: list[Hit], budget: Budget) -> list[Hit]:
        """The same for many gates: from the first one that is not paid for, nothing is searched."""
        kept: list[Hit] = []
        for hit in hits:
            index, at = hit
            matches, tried, cost = self._tried[index] or self._prepared(index)
            is_kept = not matches or any(match(pool, at) for match in matches)
            if not budget.takes(cost if is_kept else tried):
                budget.ends(self._end_of(kept))
                break
            if is_kept:
                kept.append(hit)
        return kept

    def _prepared(self, index: int) -> _Tried:
        self._tried[index] = tried = _tried(self._rows[index])
        return tried

    def _end_of(self, hits: list[Hit]) -> int:
        return hits[-1][1] + len(self._gates[hits[-1][0]]) if hits else 0

    def spans(self, text: str) -> list[Span]:
        """The secrets of a text, in order, none within another."""
        budget = Budget()
        unnamed = unnamed_in(text, classes_of(text), budget)
        return self._all(text, self._search(lowered(text)), unnamed, budget)

    def _all(
        self,
        text: str,
        hits: list[Hit],
        unnamed: list[Span],
        budget: Budget,
        *,
        has_long: bool = True,
    ) -> list[Span]:
        found, rest = self._plain(text, hits, unnamed), []
        if may_be_coded(text):
            if budget.takes(codes_in(text) * CODE):
                for view in views_of(text):
                    found = joined([*found, *self._through(view)])
            else:
                found = [span for span in found if span.start < coded_from(text)]
                start = max(coded_from(text), found[-1].end if found else 0)
                rest, text = [Span(start, len(text), "[CUT]")], text[:start]
        if (" " in text and not has_long) or not has_words(text):
            return found + rest
        for start, end, plain in in_base64(text):
            if not budget.takes(INNER + len(plain) / CHARS_INSIDE):
                return joined([*found, Span(start, len(text), "[CUT]"), *rest])
            if inner := self.spans(plain):
                found = joined([*found, Span(start, end, inner[0].token)])
        return found + rest

    def mask(self, text: str, seen: Seen) -> str:
        """The text with a token for each secret; `seen` is called for each."""
        return replaced(text, self.spans(text), seen)

    def _through(self, view: View) -> list[Span]:
        hits = self._search(lowered(view.text))
        unnamed = unnamed_in(view.text, classes_of(view.text), Budget())
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


def _stem_width(gate: str) -> int:
    """The length of the word in a gate that is one before a separator."""
    for separator in SEPARATORS:
        if gate.removesuffix(separator) in SHORT and gate not in STEMS:
            return len(gate) - len(separator)
    return len(gate)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _tried(rows: tuple[_Row, ...]) -> _Tried:
    """What matches at a gate, if nothing else decides, in joined texts as in each alone.

    And what it costs to try this, and to follow the gate.
    """
    kinds = tuple(row for row in rows if isinstance(row, Kind))
    followed = NAME * (len(rows) - len(kinds)) + sum(map(_cost_of, kinds))
    if len(kinds) < len(rows) or not all(map(_ignores_ends, kinds)):
        return (), 0, followed
    matches = tuple(_compiled(kind.pattern).match for kind in kinds)
    return matches, sum(PATTERN if kind.group == "password" else TRY for kind in kinds), followed


def _cost_of(kind: Kind) -> float:
    return PATTERN + (kind.back + _AHEAD) / CHARS_BEFORE if kind.back else PATTERN


def _ignores_ends(kind: Kind) -> bool:
    """Whether a match in a text is also one if a NUL and other texts stand around it."""
    outside = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "[]", kind.pattern)
    is_greedy = re.search(r"[}*+?]\+", outside) is not None  # it would not give back another text
    has_end = re.search(r"\\[AZ]|[$^]", outside) is not None
    has_no_other = re.search(r"\(\?<?!\[\^", kind.pattern) is not None  # a NUL is another character
    return not (kind.back or is_greedy or has_end or has_no_other)


#: Gates of a text that are not counted one by one.
_FEW = 16
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
    lower = lowered(text)
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
