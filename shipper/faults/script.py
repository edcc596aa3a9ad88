"""Scripts of faults: what a server does to one window, request or connection after the other.

    3x ok; reset at 1000; ack 50%, close; silence 5s; loop

`;` or newlines separate phases, commas separate the actions of a phase, and `#` starts a comment.
Each window (Lumberjack), request (bulk) or connection (proxy) takes the next phase; after the last
one everything works.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, repeat
from random import Random
from threading import Lock

from shipper.errors import BadInput, Problem

#: The pattern for each word of a usage.
_PLACEHOLDERS = {
    "TIME": r"(?P<seconds>\d{1,6}(?:\.\d{1,3})?(?:ms|s|m))",
    "SIZE": r"(?P<size>\d{1,9}[kM]?)",
    "PART": r"(?:(?P<share>\d{1,6}(?:\.\d{1,3})?)%|(?P<size>\d{1,9}))",
    "STATUS": r"(?P<status>[45]\d\d)",
    "PATTERN": r"(?P<pattern>\S+)",
}
_TIMES_S = {"ms": 0.001, "s": 1.0, "m": 60.0}
_SIZES = {"k": 1 << 10, "M": 1 << 20}

#: Actions and their meanings, as `--help` shows them; these tables are the grammar.
_READING = {
    "ok": "everything is taken and acknowledged",
    "silence [TIME]": "no answer for that time, or until the client gives up",
    "half-open": "read and answer nothing more, but keep the connection",
    "slow SIZE": "read that many bytes per second",
    "reset [at SIZE]": "reset the connection, after that many bytes or instead of an answer",
    "close [at SIZE]": "close it normally at that point",
}
_ANSWERING = {"lose": "take everything, then close before the answer: it is sent again"}
_CONNECTION = {
    "refuse": "close the next connection as soon as it is open",
    "handshake": "close the next connection in the middle of the TLS handshake",
    "wrong-certificate": "show the next connection a certificate that nobody trusts",
}
LUMBERJACK = {
    **_READING,
    **_ANSWERING,
    **_CONNECTION,
    "ack PART": "acknowledge a number of events, or a share (over 100% breaks the protocol)",
    "keepalive TIME": "acknowledge nothing, ten times per second, for that time",
}
BULK = {
    **_READING,
    **_ANSWERING,
    **_CONNECTION,
    "STATUS": "answer the request with that status: 429, 503, 413, 401 ...",
    "items STATUS PART": "fail a share of the lines; 409 means that the line is there already",
    "items STATUS matching PATTERN": "fail the lines that match (no blanks, commas, semicolons)",
    "full": "429 cluster_block_exception for every line: the disk is over its flood stage",
    "readonly": "403 cluster_block_exception for every line: writing is blocked",
    "denied": "403 security_exception for every line: the credentials lack a privilege",
    "shards": "400 validation_exception for every line: the cluster has no room for shards",
    "no-pipeline": "400 illegal_argument_exception for every line: the pipeline does not exist",
    "no-index": "404 index_not_found_exception for every line",
    "empty": "take nothing and answer 'errors' without items",
    "cut SIZE": "take everything, send that many bytes of the answer, then close",
}
PROXY = {
    **_READING,
    "refuse": _CONNECTION["refuse"],
    "cut SIZE": "reset after that many bytes of the server's answers",
}

#: Each of these ends a phase; any other phase ends with `ok`.
_LAST = {"ok", "half-open", "reset", "close", "lose", "handshake", "STATUS", "items", "full"}
_LAST |= {"readonly", "denied", "shards", "no-pipeline", "no-index", "empty", "cut", "refuse"}

_SPLIT = re.compile(r"[;\n]")
_REPEAT = re.compile(r"(\d{1,6})x\s+(.*)")
_RANDOM = re.compile(r"random (\d{1,18})")
_COMMENT = re.compile(r"#.*")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, named by the first word of its usage."""

    name: str
    text: str
    seconds: float | None = None
    size: int | None = None
    #: As a fraction of 1.
    share: float | None = None
    status: int | None = None
    pattern: re.Pattern[bytes] | None = None

    def count(self, whole: int) -> int:
        """The number of events or lines, out of `whole`."""
        return int(whole * self.share) if self.share is not None else self.size or 0

    @property
    def is_last(self) -> bool:
        return self.name in _LAST or (self.name == "silence" and self.seconds is None)


@dataclass(frozen=True, slots=True)
class Phase:
    """The actions on one window, request or connection."""

    actions: Sequence[Action]

    def find(self, *names: str) -> Action | None:
        """The first action with one of these names."""
        return next((action for action in self.actions if action.name in names), None)

    def __str__(self) -> str:
        return ", ".join(action.text for action in self.actions)


OK = Phase((Action("ok", "ok"),))


class Script:
    """Hands out phases, to whichever connection asks first."""

    def __init__(self, phases: Iterable[Phase] = ()) -> None:
        self._phases = chain(phases, repeat(OK))
        self._next = next(self._phases)
        self._lock = Lock()

    def take(self, *, at_connection: bool = False) -> Phase | None:
        """The next phase, or None if it is for a new connection and this is none, or vice versa."""
        with self._lock:
            if (self._next.actions[0].name in _CONNECTION) is not at_connection:
                return None
            taken, self._next = self._next, next(self._phases)
        return taken


def parse(text: str, words: Mapping[str, str], pool: str = "ok") -> Script:
    """Read a script in these words; `random N` draws from `pool` without end, with the seed N."""
    phases: list[Phase] = []
    for line in _pieces(text):
        if line == "loop":
            return Script(cycle(phases or [OK]))
        if seed := _RANDOM.fullmatch(line):
            drawn = _draw(list(_phases(pool, words)), Random(int(seed[1])))  # noqa: S311  # no secret
            return Script(chain(phases, drawn))
        phases += _phases(line, words)
    return Script(phases)


def _pieces(text: str) -> Iterator[str]:
    return filter(None, map(str.strip, _SPLIT.split(_COMMENT.sub("", text))))


def _draw(pool: Sequence[Phase], random: Random) -> Iterator[Phase]:
    while True:
        yield random.choice(pool)


def _phases(text: str, words: Mapping[str, str]) -> Iterator[Phase]:
    for line in _pieces(text):
        repeated = _REPEAT.fullmatch(line)
        times, phase = (int(repeated[1]), repeated[2]) if repeated else (1, line)
        yield from repeat(_phase(phase, words), times)


def _phase(text: str, words: Mapping[str, str]) -> Phase:
    actions = [_action(part.strip(), words) for part in text.split(",")]
    if not actions[-1].is_last:
        actions.append(Action("ok", "ok"))
    return Phase(actions)


def _action(text: str, words: Mapping[str, str]) -> Action:
    for usage in words:
        if found := re.fullmatch(_expression(usage), text):
            return _read(usage.split()[0], text, found)
    raise BadInput([Problem("script", f"{text!r} is none of: {'; '.join(words)}")])


def _expression(usage: str) -> str:
    expression = usage.replace(" [", "(?: ").replace("]", ")?")
    for word, meaning in _PLACEHOLDERS.items():
        expression = expression.replace(word, meaning)
    return expression


def _read(name: str, text: str, found: re.Match[str]) -> Action:
    said = found.groupdict()
    size, time, share = said.get("size"), said.get("seconds"), said.get("share")
    status, pattern = said.get("status"), said.get("pattern")
    return Action(
        name,
        text,
        seconds=_seconds(time) if time else None,
        size=_size(size) if size else None,
        share=float(share) / 100 if share else None,
        status=int(status) if status else None,
        pattern=compiled(pattern) if pattern else None,
    )


def _seconds(text: str) -> float:
    number = text.rstrip("ms")
    return float(number) * _TIMES_S[text[len(number) :]]


def _size(text: str) -> int:
    number = text.rstrip("kM")
    return int(number) * _SIZES.get(text[len(number) :], 1)


def compiled(pattern: str) -> re.Pattern[bytes]:
    """A pattern for lines that a person wrote."""
    try:
        return re.compile(pattern.encode())
    except re.error as error:
        raise BadInput([Problem(f"pattern {pattern!r}", str(error))]) from error
