"""The amounts of the record on this host: bytes by stream and retention, event rate, alerts.

Segments only grow, so each measurement reads on where the last one ended.
"""

import gzip
import time
import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import Struct, field

from shipper.config import Config
from shipper.follow.discover import scan
from shipper.record.format import UNREADABLE, iso_timestamp, segment_named

#: Read by one measurement, in about half a second; the rest has no class until a later one.
_MOST_BYTES = 256 << 20
_WINDOW_S = 60
_DAY_S = 86_400
#: A longer line ends the reading of its file.
_MAX_LINE_BYTES = 16 << 20
#: The time of a line to the second.
_SECOND = slice(len(b'{"@timestamp":"'), len(b'{"@timestamp":"2026-11-30T12:00:00'))
#: Alerts whose times are kept, and the streams with rows of their own.
_MAX_ALERTS = 10_000
_MAX_STREAMS = 200
_OTHERS = "other streams"


class Used(Struct, frozen=True):
    """Bytes on the disk of one audit stream that are kept for the same time."""

    stream: str
    #: None for lines that are not read yet.
    retention_days: int | None
    bytes: int


class Measured(Struct, frozen=True):
    """What the guide asks to watch."""

    #: Events a second within the last minute.
    event_rate: float
    #: Alerts of each rule within the last day.
    alert_frequency: Mapping[str, int]
    #: Alerts of each rule that were seen since the first measurement.
    alerts: Mapping[str, int]
    storage: Sequence[Used]

    def plain(self) -> dict[str, object]:
        """As one JSON object."""
        found: dict[str, object] = msgspec.to_builtins(self)
        return found


class _Audit(Struct):
    retention_days: int | None = None


class _Threat(Struct):
    rule: str | None = None


class _Mcp(Struct):
    audit: _Audit = field(default_factory=_Audit)
    threat: _Threat = field(default_factory=_Threat)


class _Line(Struct):
    mcp: _Mcp = field(default_factory=_Mcp)


_decode = msgspec.json.Decoder(_Line).decode


class _Segment(Struct):
    """A file: how far it is read, its size, and the bytes of each class until there."""

    stream: str
    offset: int = 0
    size: int = 0
    classes: Counter[int | None] = field(default_factory=Counter)


class Usage:
    """Measures the segments that a configuration follows or writes; safe with threads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = Lock()
        self._segments: dict[Path, _Segment] = {}
        self._seconds: Counter[str] = Counter()
        self._alerts: deque[tuple[str, str]] = deque(maxlen=_MAX_ALERTS)
        self._raised: Counter[str] = Counter()

    def measure(self) -> Measured:
        """The amounts now."""
        with self._lock:
            self._read_on()
            now_s = time.time()
            minute, day = (_text(now_s - age_s) for age_s in (_WINDOW_S, _DAY_S))
            self._seconds = Counter({at: n for at, n in self._seconds.items() if at >= minute})
            return Measured(
                event_rate=round(self._seconds.total() / _WINDOW_S, 3),
                alert_frequency=Counter(rule for at, rule in self._alerts if at >= day),
                alerts=dict(self._raised),
                storage=_rows(self._segments.values()),
            )

    def _read_on(self) -> None:
        """Read what is new, the newest file first."""
        there = {path: path.stat() for path in self._paths() if path.is_file()}
        self._segments = {path: one for path, one in self._segments.items() if path in there}
        left = _MOST_BYTES
        for path in sorted(there, key=lambda path: there[path].st_mtime, reverse=True):
            known, size = self._segments.get(path), there[path].st_size
            if known is None or size < known.offset:
                known = self._segments[path] = _Segment(_stream_of(path))
            known.size = size
            if known.offset < size and left > 0:
                left -= self._read(path, known, left)

    def _read(self, path: Path, known: _Segment, most: int) -> int:
        """Count the lines behind the offset; the number of bytes read."""
        recent = _text(time.time() - _WINDOW_S)
        done = 0
        for line in _lines(path, known.offset):
            if done >= most or not line.endswith(b"\n"):
                break
            done += len(line)
            self._count(line, known, recent)
        # An archive does not grow, and its lines are larger than their bytes on the disk.
        known.offset = known.size if path.suffix == ".gz" else known.offset + done
        return done

    def _count(self, line: bytes, known: _Segment, recent: str) -> None:
        try:
            found = _decode(line).mcp
        except UNREADABLE:
            return
        known.classes[found.audit.retention_days] += len(line)
        at = line[_SECOND].decode("ascii", "replace")
        if at >= recent:
            self._seconds[at] += 1
        if rule := found.threat.rule:
            self._alerts.append((at, rule))
            self._raised[rule] += 1

    def _paths(self) -> set[Path]:
        followed = (Path(found.path) for found in scan(self._config.inputs))
        own = (self._config.audit, self._config.data / "audit")
        written = (path for folder in own for path in folder.glob("*.jsonl*"))
        return {path.absolute() for path in (*followed, *written) if _stream_of(path)}


def _text(time_s: float) -> str:
    return iso_timestamp(time_s)[: _SECOND.stop - _SECOND.start]


def _stream_of(path: Path) -> str:
    named = segment_named(path.name.removesuffix(".gz"))
    return named.stream if named else ""


def _lines(path: Path, offset: int) -> Iterator[bytes]:
    opened = gzip.open if path.suffix == ".gz" else open
    with suppress(OSError, EOFError, zlib.error), opened(path, "rb") as file:
        file.seek(offset)
        yield from iter(partial(file.readline, _MAX_LINE_BYTES), b"")


def _rows(segments: Iterable[_Segment]) -> list[Used]:
    """The bytes by stream and class, the largest streams first."""
    streams: dict[str, Counter[int | None]] = defaultdict(Counter)
    for one in segments:
        streams[one.stream].update(_on_disk(one))
    ranked = sorted(streams.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    others = sum((classes for _, classes in ranked[_MAX_STREAMS:]), Counter[int | None]())
    kept = [*ranked[:_MAX_STREAMS], (_OTHERS, others)]
    return [
        Used(stream, days, size)
        for stream, classes in kept
        for days, size in sorted(classes.items(), key=lambda pair: pair[0] or 0)
    ]


def _on_disk(one: _Segment) -> Counter[int | None]:
    """The classes of a file; the lines of an archive share its size."""
    total = one.classes.total()
    share = min(1.0, one.size / total) if total else 1.0
    sizes = Counter({days: round(size * share) for days, size in one.classes.items()})
    sizes[None] += max(one.size - sizes.total(), 0)
    return +sizes
