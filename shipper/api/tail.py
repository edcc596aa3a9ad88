"""The events of a record as they are written, from a place that the reader was at before."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from shipper.errors import ShipperError
from shipper.record.format import streams_in

#: Read at once of one segment.
_BLOCK = 1 << 20
_MAX_CURSOR = 1 << 20


class BadCursor(ShipperError):
    """The text is not a place in this record."""


class _Place(Struct, frozen=True, array_like=True):
    """The newest segment of a stream that was read, and how far."""

    segment: int
    offset: int


class Read(Struct, frozen=True):
    """Lines, and the place after them; `missed` names streams of which a part is gone."""

    lines: list[bytes]
    after: str
    missed: list[str]


_decode = msgspec.json.Decoder(dict[str, _Place]).decode


class Tail:
    """Reads complete lines of all streams; `after` is the place, `None` the end of the record."""

    def __init__(self, directories: Iterable[Path], after: str | None) -> None:
        self._directories = [*directories]
        self._places = _ends(self._directories) if after is None else _read_cursor(after)

    @property
    def after(self) -> str:
        """The place, for a later `Tail`."""
        text = msgspec.json.encode(self._places)
        return base64.urlsafe_b64encode(text).decode().rstrip("=")

    def read(self, limit: int) -> Read:
        """The next lines, at most `limit`; none if there are none yet."""
        lines: list[bytes] = []
        missed: list[str] = []
        for stream, segments in _streams(self._directories).items():
            place = self._places.get(stream)
            if place and segments and min(segments) > place.segment:
                missed.append(stream)
            for number in sorted(segments):
                if len(lines) >= limit or (place and number < place.segment):
                    continue
                start = place.offset if place and place.segment == number else 0
                for line, end in _lines(segments[number], start, limit - len(lines)):
                    self._places[stream] = _Place(number, end)
                    lines.append(line)
        return Read(lines, self.after, missed)


def _streams(directories: Iterable[Path]) -> dict[str, dict[int, Path]]:
    found: dict[str, dict[int, Path]] = {}
    for directory in directories:
        for stream, paths in streams_in(directory).items():
            numbered = {int(path.stem.rpartition("-")[2]): path for path in paths}
            found.setdefault(stream, {}).update(numbered)
    return found


def _ends(directories: Iterable[Path]) -> dict[str, _Place]:
    found: dict[str, _Place] = {}
    for stream, segments in _streams(directories).items():
        newest = max(segments)
        with segments[newest].open("rb") as file:
            size = segments[newest].stat().st_size
            file.seek(max(0, size - _BLOCK))
            tail = file.read(_BLOCK)
        found[stream] = _Place(newest, size - len(tail) + tail.rfind(b"\n") + 1)
    return found


def _lines(path: Path, start: int, limit: int) -> Iterator[tuple[bytes, int]]:
    """Complete lines from there, each with where it ends."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # deleted in between
        return
    with file:
        if start:
            file.seek(start - 1)
            if file.read(1) != b"\n":
                raise BadCursor("after: not the end of an event; it is the `after` of an answer")
        while limit > 0 and (line := file.readline()).endswith(b"\n"):
            start += len(line)
            limit -= 1
            yield line[:-1], start


def _read_cursor(text: str) -> dict[str, _Place]:
    wrong = "after: expected the `after` of an earlier answer"
    if len(text) > _MAX_CURSOR:
        raise BadCursor(wrong)
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        places: Mapping[str, _Place] = _decode(raw)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
        raise BadCursor(wrong) from error
    if any(place.segment < 0 or place.offset < 0 for place in places.values()):
        raise BadCursor(wrong)
    return dict(places)
