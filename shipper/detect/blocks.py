"""Who is blocked after an alert: the shipper writes a file, and an application asks it.

The shipper blocks nothing itself: it sees an event when the call is over. An application that asks
before the next call refuses it.
"""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from shipper.durable import replace


class Block(Struct, frozen=True):
    """One alert that blocks: calls with all these values of fields, until then."""

    alert: str
    id: str
    fields: Mapping[str, str]
    until_s: float

    def applies(self, values: Mapping[str, str], now_s: float) -> bool:
        """Whether a call with these values is blocked; a field that is not given does not match."""
        return now_s < self.until_s and all(
            values.get(path) == value for path, value in self.fields.items()
        )


#: For the group of the applications that ask; in a folder with setgid, that is the folder's group.
_MODE = 0o640
_decode = msgspec.json.Decoder(list[Block]).decode


class BlockFile:
    """The file as the shipper writes it; the newest blocks, if there are more than `limit`."""

    def __init__(self, path: Path, limit: int = 1000) -> None:
        self._path, self._limit = path, limit

    def add(self, blocks: Iterable[Block]) -> None:
        """Add blocks, and drop those that are over; one without fields would block everybody."""
        now_s = time.time()
        known = _read(self._path) if self._path.exists() else []
        found = {block.id: block for block in (*known, *blocks) if block.fields}
        kept = [block for block in found.values() if now_s < block.until_s]
        replace(self._path, [msgspec.json.encode(kept[-self._limit :])], mode=_MODE)


class Blocks:
    """Asks, before a call, whether an alert blocks it.

    The file is read again when it has changed. If it cannot be read, because the shipper has never
    run or its file is damaged, `fails` decides: `open` lets every call pass, `closed` none.
    """

    def __init__(self, path: str | Path, *, fails: Literal["open", "closed"]) -> None:
        self._path, self._fails = Path(path), fails
        self._blocks: list[Block] = []
        self._state: tuple[int, int] | None = None

    def reason(self, values: Mapping[str, str]) -> str | None:
        """Why a call is blocked; None if it is not.

        `values` are those of the call, by the paths of the catalog: `user.id`, `source.ip`,
        `gen_ai.tool.name` and so on.
        """
        try:
            self._refresh()
        except (OSError, msgspec.DecodeError, RecursionError) as error:
            return None if self._fails == "open" else f"the file of blocks cannot be read: {error}"
        now_s = time.time()
        found = (one for one in self._blocks if one.applies(values, now_s))
        return next((f"blocked by the alert {one.alert} ({one.id})" for one in found), None)

    def _refresh(self) -> None:
        found = self._path.stat()
        state = (found.st_mtime_ns, found.st_ino)
        if state != self._state:
            self._blocks = _read(self._path)
            self._state = state


def _read(path: Path) -> list[Block]:
    return _decode(path.read_bytes())
