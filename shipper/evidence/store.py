"""The evidence folder: for each stream its tree as tiles, and the latest signed checkpoint.

    <stream>/checkpoint          the latest signed note
    <stream>/witnessed           the latest one that a witness cosigned, if there are any
    <stream>/stamped             the latest one with an RFC 3161 time stamp, which is stamped.tsr
    <stream>/pruned              the signed note about deleted events, if there are any
    <stream>/tile/...            tiles and entries of C2SP tlog-tiles
    lock                         held by the process that signs

All of it may be public: an entry is the hash of an event.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from shipper.durable import make_directory, replace, sync_directory, sync_files, write_private
from shipper.wire.note import Note
from shipper.wire.tlog import (
    HASH_BYTES,
    TILE_LEVELS,
    TILE_WIDTH,
    Range,
    Tile,
    entry_bundle,
    hashes_of_leaves,
    split_hashes,
    tile_root,
    tiles_of,
)

CHECKPOINT = "checkpoint"
PRUNED = "pruned"
WITNESSED = "witnessed"
STAMPED = "stamped"
STAMP = "stamped.tsr"
POLICY = "policy"
LOCK = "lock"


class StreamStore:
    """What the folder holds about one stream."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Strings: half of the time of a tile was that of its path.
        self._unsynced: list[str] = []
        self._grown: set[str] = set()

    def text(self, name: str) -> str | None:
        """A note, unchecked; None if there is none."""
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def node(self, level: int, index: int, size: int) -> bytes:
        """The hash of a complete subtree of the tree of that size; `FileNotFoundError` if gone."""
        tile_level, within = divmod(level, TILE_LEVELS)
        first = index << within
        row = self._row(tile_level, first // TILE_WIDTH, size)
        at = first % TILE_WIDTH
        leaves = row[at : at + (1 << within)]
        return Range.of(0, leaves).root()

    def range(self, size: int, tree_size: int) -> Range:
        """The first leaves of a tree, as a compact range."""
        nodes, start = [], 0
        while start < size:
            level = (size - start).bit_length() - 1
            nodes.append((level, self.node(level, start >> level, tree_size)))
            start += 1 << level
        return Range(0, size, tuple(nodes))

    def leaves(self, start: int, stop: int, size: int) -> Iterator[bytes]:
        """The leaf hashes `start` to `stop` of the tree of that size."""
        for index in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)):
            first = index * TILE_WIDTH
            yield from self._row(0, index, size)[max(0, start - first) : stop - first]

    def _row(self, level: int, index: int, size: int) -> list[bytes]:
        there = size >> (TILE_LEVELS * level)
        width = min(TILE_WIDTH, there - index * TILE_WIDTH)
        data = (self.folder / Tile(level, index, width).path).read_bytes()
        return split_hashes(data)

    def entries(self, index: int, size: int) -> list[bytes]:
        """The entries of one tile of the tree of that size: hashes of events."""
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        data = (self.folder / Tile(None, index, width).path).read_bytes()
        step = HASH_BYTES + 2
        return [data[at + 2 : at + step] for at in range(0, len(data), step)]

    def grow(self, size: int, entries: Sequence[bytes]) -> int:
        """Add entries to the tree of that size; the new size.

        A tile that gets longer replaces its shorter version only after the next `checkpoint`. No
        checkpoint covers the new tiles yet, so a crash may tear them. They are synced at the end:
        one by one, that took ten times as long as the rest of signing.
        """
        tail = self.entries(size // TILE_WIDTH, size) if size % TILE_WIDTH else []
        whole = [*tail, *entries]
        index = size // TILE_WIDTH
        for at in range(0, len(whole), TILE_WIDTH):
            part = whole[at : at + TILE_WIDTH]
            self._write(Tile(None, index, len(part)), entry_bundle(part))
            index += 1
        self._grow_level(0, size, hashes_of_leaves(entries))
        self._sync()
        return size + len(entries)

    def _grow_level(self, level: int, size: int, hashes: list[bytes]) -> None:
        """Add hashes to the level of tiles, and above it where tiles become complete."""
        index, width = divmod(size, TILE_WIDTH)
        row = self._row_of_width(level, index, width) if width else []
        above = []
        whole = [*row, *hashes]
        for at in range(0, len(whole), TILE_WIDTH):
            part = whole[at : at + TILE_WIDTH]
            self._write(Tile(level, index + at // TILE_WIDTH, len(part)), b"".join(part))
            if len(part) == TILE_WIDTH:
                above.append(tile_root(part))
        if above:
            self._grow_level(level + 1, size // TILE_WIDTH, above)

    def _row_of_width(self, level: int, index: int, width: int) -> list[bytes]:
        return split_hashes((self.folder / Tile(level, index, width).path).read_bytes())

    def _write(self, tile: Tile, data: bytes) -> None:
        path = f"{self.folder}/{tile.path}"
        folder = path.rpartition("/")[0]
        if folder not in self._grown:
            make_directory(Path(folder))
            self._grown.add(folder)
        write_private(path, data)
        self._unsynced.append(path)

    def _sync(self) -> None:
        """Wait until the disk has the tiles and their names."""
        written, self._unsynced = self._unsynced, []
        folders, self._grown = self._grown, set()
        if not sync_files(written):
            for folder in sorted(folders):
                sync_directory(Path(folder))

    def publish(self, note: Note, before: int) -> None:
        """Make the note the latest one, and delete the partial tiles of the tree before it."""
        make_directory(self.folder)
        replace(self.folder / CHECKPOINT, [str(note).encode()])
        kept = {tile.path for tile in _partial(note.checkpoint.size)}
        for tile in _partial(before):
            if tile.path not in kept:
                path = self.folder / tile.path
                path.unlink(missing_ok=True)
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()

    def write_witnessed(self, note: Note) -> None:
        """Keep a checkpoint with the lines of witnesses."""
        replace(self.folder / WITNESSED, [str(note).encode()])

    def write_stamped(self, note: Note, stamp: bytes) -> None:
        """Keep a checkpoint and its time stamp."""
        replace(self.folder / STAMP, [stamp])
        replace(self.folder / STAMPED, [str(note).encode()])

    def stamp(self) -> bytes:
        """The time stamp; raises `FileNotFoundError` if there is none."""
        return (self.folder / STAMP).read_bytes()

    def write_pruned(self, note: Note) -> None:
        """Keep the statement about deleted events."""
        replace(self.folder / PRUNED, [str(note).encode()])


def _partial(size: int) -> Iterator[Tile]:
    """The partial tiles of a tree of that size."""
    level, rest = 0, size
    while rest:
        index, width = divmod(rest, TILE_WIDTH)
        if width:
            yield Tile(level, index, width)
            if not level:
                yield Tile(None, index, width)
        level, rest = level + 1, index


def all_tiles(size: int) -> Iterator[Tile]:
    """Every tile of a tree of that size, entries included."""
    for tile in tiles_of(size):
        yield tile
        if tile.level == 0:
            yield Tile(None, tile.index, tile.width)


class Store:
    """The evidence folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stream(self, stream: str) -> StreamStore:
        """What it holds about that stream."""
        return StreamStore(self.folder / stream)

    def streams(self) -> list[StreamStore]:
        """All of its streams that have a checkpoint, in order."""
        found = (path.parent for path in self.folder.glob(f"*/{CHECKPOINT}"))
        return [StreamStore(folder) for folder in sorted(found)]
