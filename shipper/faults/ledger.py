"""The lines that a server has acknowledged, compared with the files that were to be shipped."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import msgspec

from shipper.errors import BadInput, Problem

#: How many lines of one kind are named.
_EXAMPLES = 5

_decode = msgspec.json.Decoder(dict[str, object]).decode


@dataclass(frozen=True, slots=True)
class Report:
    """The result of the comparison."""

    expected: int
    acknowledged: int
    lost: int
    duplicated: int
    out_of_order: int
    #: Acknowledged, but in none of the files.
    unknown: int
    #: Lines of the files that the server refuses for good; only the shipper knows their outcome.
    refused: int
    #: The keys of the first few lost lines, and of the first few duplicated ones.
    lost_keys: Sequence[str]
    duplicated_keys: Sequence[str]

    def lines(self) -> Iterable[str]:
        """The report for a person."""
        names = ("expected", "acknowledged", "lost", "duplicated", "out_of_order", "unknown")
        for name in (*names, "refused"):
            yield f"{name.replace('_', ' '):<14}{getattr(self, name):>12,}"
        for name, keys in (("lost", self.lost_keys), ("duplicated", self.duplicated_keys)):
            if keys:
                yield f"first {name}: {', '.join(keys)}"


class Ledger:
    """Counts lines by a key: the value of a field, or the line itself if it lacks the field."""

    def __init__(
        self,
        field: str,
        expected: Sequence[Path] = (),
        refused: re.Pattern[bytes] | None = None,
    ) -> None:
        """Compare with `expected`, NDJSON or text; lines matching `refused` cannot arrive."""
        self._names = field.split(".")
        self._lock = Lock()
        self._seen: Counter[str] = Counter()
        self._order: dict[str, tuple[int, int]] = {}
        self._refused: set[str] = set()
        self._latest: dict[int, int] = {}
        self._out_of_order = self._count = 0
        for number, path in enumerate(expected):
            self._expect(number, path, refused)

    def take(self, lines: Iterable[bytes]) -> None:
        """Count these lines as acknowledged."""
        with self._lock:
            for line in lines:
                self._take(self.key(line))

    def key(self, line: bytes) -> str:
        """The key of a line."""
        try:
            value: object = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return line.decode("utf-8", "replace")
        for name in self._names:
            value = value.get(name) if isinstance(value, dict) else None
        return line.decode("utf-8", "replace") if value is None else str(value)

    @property
    def acknowledged(self) -> int:
        """How many lines have been acknowledged; repeated ones count again."""
        with self._lock:
            return self._count

    @property
    def is_complete(self) -> bool:
        """Whether there are expected lines, and all of them are acknowledged."""
        with self._lock:
            return bool(self._order) and len(self._order.keys() - self._seen.keys()) == 0

    def report(self) -> Report:
        """The comparison so far."""
        with self._lock:
            lost = [key for key in self._order if key not in self._seen]
            doubled = [key for key, times in self._seen.items() if times > 1]
            unknown = self._seen.keys() - self._order.keys() if self._order else ()
            return Report(
                expected=len(self._order),
                acknowledged=self._count,
                lost=len(lost),
                duplicated=self._count - len(self._seen),
                out_of_order=self._out_of_order,
                unknown=len(unknown),
                refused=len(self._refused),
                lost_keys=lost[:_EXAMPLES],
                duplicated_keys=doubled[:_EXAMPLES],
            )

    def _expect(self, number: int, path: Path, refused: re.Pattern[bytes] | None) -> None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadInput([Problem(str(path), str(error.strerror))]) from error
        for index, line in enumerate(filter(None, data.split(b"\n"))):
            if refused is not None and refused.search(line):
                self._refused.add(self.key(line))
            else:
                self._order[self.key(line)] = number, index

    def _take(self, key: str) -> None:
        self._seen[key] += 1
        self._count += 1
        if self._seen[key] > 1 or key not in self._order:
            return
        number, index = self._order[key]
        latest = self._latest.get(number, -1)
        self._out_of_order += index < latest
        self._latest[number] = max(index, latest)
