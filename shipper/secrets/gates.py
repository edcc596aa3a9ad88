"""One search for all literals: of which kinds of secret a text may hold one, and where.

With `ahocorasick-rs` (the extra `fast`) the search takes the same time however many literals there
are. Without it a pattern does the work: it finds each literal by its rarest letter first.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

#: Not installed everywhere, and no wheel for some systems.
_LIBRARY: Any = import_module("ahocorasick_rs") if find_spec("ahocorasick_rs") else None

#: The index of a literal and the position at which it begins.
Hit = tuple[int, int]
#: Finds all literals in a text in lower case, in the order of the text.
Search = Callable[[str], list[Hit]]

#: Characters of logs and prose, the rarest first; characters that are not here are rarer.
_BY_RARITY = "|~^`$%#&@*!?+<>;zqjxZ}{[]_kvw=)('/\\bgyp-u:.mf\",clhdrsnioat e0987654321"


def search_of(literals: Iterable[str]) -> Search:
    """The search for these literals, which are in lower case and different."""
    words = list(literals)
    if _LIBRARY is not None:
        return _automaton(words)
    return plain_search_of(words)


def _automaton(words: list[str]) -> Search:
    # A DFA would save a tenth of the time, and take 3 MiB more and 4 ms to build.
    nfa = _LIBRARY.Implementation.ContiguousNFA
    find = _LIBRARY.AhoCorasick(words, implementation=nfa).find_matches_as_indexes
    repeating = _repeating(words)

    def search(text: str) -> list[Hit]:
        hits = [(index, start) for index, start, _ in find(text, overlapping=True)]
        return _ordered(hits, words, repeating) if len(hits) > 1 else hits

    return search


def _repeating(words: list[str]) -> frozenset[int]:
    """The literals that overlap themselves: `:::`, `a-a`."""
    return frozenset(
        index
        for index, word in enumerate(words)
        if any(word.endswith(word[:size]) for size in range(1, len(word)))
    )


def _ordered(hits: list[Hit], words: list[str], repeating: frozenset[int]) -> list[Hit]:
    """In the order of the text; of a literal that overlaps itself (`aaaa`) only the first."""
    hits.sort(key=_start)
    if repeating.isdisjoint([index for index, _ in hits]):
        return hits
    ends: dict[int, int] = {}
    kept = []
    for hit in hits:
        index, start = hit
        if start >= ends.get(index, 0):
            kept.append(hit)
            ends[index] = start + len(words[index])
    return kept


def _start(hit: Hit) -> int:
    return hit[1]


def plain_search_of(words: list[str]) -> Search:
    """The same search without a library."""
    by_letter: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for index, word in enumerate(words):
        at = _rarest(word)
        by_letter[word[at]].append((word, at, index))
    repeating = _repeating(words)
    scan = re.compile("|".join(_branch(letter, rows) for letter, rows in by_letter.items()))

    def search(text: str) -> list[Hit]:
        hits = []
        for match in scan.finditer(text):
            at = match.start()
            for word, before, index in by_letter[match[0]]:
                if text.startswith(word, at - before) and at >= before:
                    hits.append((index, at - before))
        return _ordered(hits, words, repeating)

    return search


def _branch(letter: str, rows: list[tuple[str, int, int]]) -> str:
    """One letter, and around it the rest of any of its words."""
    rests = []
    for word, at, _ in rows:
        before = f"(?<={re.escape(word[: at + 1])})" if at else ""
        after = f"(?={re.escape(word[at + 1 :])})" if at + 1 < len(word) else ""
        rests.append(before + after)
    return f"{re.escape(letter)}(?:{'|'.join(rests)})"


def _rarest(word: str) -> int:
    """The position of the word's rarest character."""
    return min(range(len(word)), key=lambda at: (_BY_RARITY.find(word[at]), at))


def lowered(text: str) -> str:
    """The text in lower case, of the same length and without what no library takes."""
    lower = text.lower()
    if not text.isascii():  # lone surrogates, which no library takes
        lower = lower.encode("utf-8", "replace").decode()
    if len(lower) != len(text):  # a letter whose lower case has two: offsets would be wrong
        lower = "".join(char if len(char.lower()) > 1 else char.lower() for char in text)
    return lower
