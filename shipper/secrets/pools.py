"""Several texts that are searched as one: which parts of the findings belong to which text."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from shipper.secrets.budget import Budget
from shipper.secrets.classes import classes_of
from shipper.secrets.gates import Hit
from shipper.secrets.loose import LEAST_LOOSE, loose_in, may_be_loose
from shipper.secrets.numbers import LEAST_NUMBER, numbers_in
from shipper.secrets.spans import Span, joined
from shipper.secrets.views import LEAST_BASE64, in_base64, may_be_coded


class Part(NamedTuple):
    """One text of a pool, with the gates in it and what has neither a gate nor a name."""

    at: int
    text: str
    hits: list[Hit]
    unnamed: list[Span]


def parts_of(
    texts: list[str], hits: list[Hit], unnamed: list[Span], *, is_coded: bool
) -> Iterator[Part]:
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
            yield Part(at, text, mine, spans)
        elif (is_coded and may_be_coded(text)) or is_base64(text):
            yield Part(at, text, [], [])
        at = end + 1


def is_base64(text: str) -> bool:
    return has_words(text) and bool(in_base64(text))


def has_words(text: str) -> bool:
    """Whether a word of the text may be another text in base64 or hexadecimal.

    Beside a blank, only a long one: it is a member of an answer, or a dump.
    """
    if " " not in text:
        return len(text) >= LEAST_BASE64
    return len(text) >= LEAST_LOOSE and may_be_loose(classes_of(text))


def cut_from(limit: int, texts: list[str], hits: list[Hit], found: dict[str, list[Span]]) -> None:
    """Cut what was not searched: from the limit on, each text that may hold a secret."""
    begins = [start for _, start in hits]
    at = 0
    for text in texts:
        end, cut = at + len(text), max(limit - at, 0)
        is_gated = bisect_left(begins, at) < bisect_left(begins, end)
        if at < limit < end or (limit <= at and (is_gated or not _is_free(text))):
            kept = [span for span in found.get(text, ()) if span.start < cut]
            found[text] = joined([*kept, Span(cut, len(text), "[CUT]")])
        at = end + 1


def _is_free(text: str) -> bool:
    """Whether a text without a gate can have no secret either."""
    classes = classes_of(text)
    return (
        classes.count(b"0") < LEAST_NUMBER
        and not may_be_loose(classes)
        and not may_be_coded(text)
        and not is_base64(text)
    )


def unnamed_in(
    text: str, classes: bytes, budget: Budget, *, has_long: bool | None = None
) -> list[Span]:
    """Numbers and tokens, which have neither a gate nor a name, in the order of the text."""
    found = numbers_in(text, classes, budget)
    if may_be_loose(classes) if has_long is None else has_long:
        found += loose_in(text)
    return sorted(found) if len(found) > 1 else found
