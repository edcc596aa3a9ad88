"""What the search for secrets costs: a clean kilobyte, a dirty text, a hostile one.

The search for literals runs with its library and without.
"""

import time
from collections.abc import Callable

from bench.report import Column, Report, Row
from shipper.record.limits import CHARS_A_UNIT, MIN_WORK, WINDOW
from shipper.secrets.gates import plain_search_of, search_of
from shipper.secrets.masker import KINDS, masker

_CLEAN = (
    "select a, b from table_t where c = 1 and d > 5; the quick brown fox jumps over the lazy dog, "
    '{"id": 12, "name": "value"} 2026-11-24T10:11:12Z https://example.com/a/b?x=1 '
)
_DIRTY = f"{_CLEAN * 4} mail bob@example.com card 4111 1111 1111 1111 token gh" + "p_" + "a1B2" * 9
_HOSTILE = {
    "names of secrets": "password= ",
    "heads of bank accounts": "DE89 ",
    "addresses": "a@",
    "codes of URLs": "%41",
    "digits": "4 5 ",
    "cards": "4111 1111 1111 1112 ",
    "blocks of YAML": "key: |\n ",
}


def masking() -> Report:
    """Each row is the best of five, in CPU time."""
    kilobyte = (_CLEAN * 9)[:1024]
    gates = sorted({gate for kind in KINDS for gate in kind.gates})
    fast, plain = search_of(gates), plain_search_of(gates)
    runs: dict[str, Callable[[], object]] = {
        "a clean kilobyte": lambda: masker().found_in([kilobyte]),
        "its literals, with the library": lambda: fast(kilobyte),
        "its literals, without": lambda: plain(kilobyte),
        f"a dirty text of {len(_DIRTY)} characters": lambda: masker().found_in([_DIRTY]),
    }
    rows = [Row(name, {"µs": _best_us(run)}) for name, run in runs.items()]
    for name, piece in _HOSTILE.items():
        text = (piece * 65536)[:65536]
        pieces = [f"{at} {text[at : at + WINDOW - 8]}" for at in range(0, 65536, WINDOW - 8)]
        rows.append(Row(f"64 KiB of {name}", {"µs": _best_us(lambda t=text: _of_event([t]), 5)}))
        in_texts = {"µs": _best_us(lambda p=pieces: _of_event(p), 5)}
        rows.append(Row(f"64 KiB of {name}, in {len(pieces)} texts", in_texts))
    return Report("masking", "The search for secrets", [Column("µs", "{:.1f}")], rows)


def _of_event(texts: list[str]) -> object:
    """As the handler searches: of each text what may be kept, with the work of one event."""
    read = [text[:WINDOW] for text in texts]
    return masker().found_in(read, MIN_WORK + sum(map(len, read)) // CHARS_A_UNIT)


def _best_us(run: Callable[[], object], repeats: int = 500) -> float:
    run()
    best = float("inf")
    for _ in range(5):
        start = time.thread_time_ns()
        for _ in range(repeats):
            run()
        best = min(best, (time.thread_time_ns() - start) / repeats / 1000)
    return best
