"""Trees of RFC 6962, tiles of C2SP tlog-tiles and proofs of C2SP tlog-proof, without I/O.

A leaf is hashed with a zero byte before it, two nodes with a one before them. A part of a tree is
kept as a compact range: the largest complete subtrees that make it up, from left to right. Ranges
that follow each other can be joined, so parts of a tree can be computed apart.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from struct import Struct as Layout

from msgspec import Struct

#: The root of a tree without leaves.
EMPTY_ROOT = sha256(b"").digest()
#: The leaves of a complete tile, and its levels of the tree.
TILE_WIDTH = 256
TILE_LEVELS = 8
HASH_BYTES = 32
_HASH = Layout(f"{HASH_BYTES}s")

#: The hash of the complete subtree at that level, with that index on the level.
ReadNode = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return sha256(b"\1" + left + right).digest()


class Range(Struct, frozen=True):
    """The leaves `start` to `stop` (without `stop`) as a compact range."""

    start: int = 0
    stop: int = 0
    #: Level and hash of each subtree.
    nodes: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def of(cls, start: int, leaves: Sequence[bytes]) -> "Range":
        """The range of these leaf hashes, of which the first is leaf `start`."""
        left: list[tuple[int, bytes]] = []
        right: list[tuple[int, bytes]] = []
        row, at, level = leaves, start, 0
        while row:
            if at & 1:
                left.append((level, row[0]))
                row, at = row[1:], at + 1
            if len(row) & 1:
                right.append((level, row[-1]))
                row = row[:-1]
            row = _nodes_above(row)
            at, level = at >> 1, level + 1
        return cls(start, start + len(leaves), (*left, *reversed(right)))

    def joined(self, after: "Range") -> "Range":
        """This range and the one that follows it."""
        if after.start != self.stop:
            raise ValueError(f"leaf {after.start} does not follow leaf {self.stop - 1}")
        stack: list[tuple[int, bytes]] = []
        at = self.start
        for level, digest in (*self.nodes, *after.nodes):
            node, top = digest, level
            at += 1 << level
            # The left one of two siblings has an even index on its level.
            while stack and stack[-1][0] == top and (at - 1) >> top & 1:
                node = node_hash(stack.pop()[1], node)
                top += 1
            stack.append((top, node))
        return Range(self.start, after.stop, tuple(stack))

    def root(self) -> bytes:
        """The root of the tree of the first `stop` leaves; only if `start` is 0."""
        if self.start:
            raise ValueError("a range has a root only if it starts with leaf 0")
        return _root(digest for _, digest in reversed(self.nodes))


def _nodes_above(row: Sequence[bytes]) -> list[bytes]:
    """The hashes of the pairs of a row."""
    one = iter(row)
    return [sha256(b"\1" + a + b).digest() for a, b in zip(one, one, strict=True)]


def _root(nodes: Iterator[bytes]) -> bytes:
    """The hash of subtrees that are given from right to left."""
    root = next(nodes, EMPTY_ROOT)
    for left in nodes:
        root = node_hash(left, root)
    return root


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves (RFC 6962, 2.1.1)."""
    proof: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            proof.append(_subtree(middle, stop, read))
            stop = middle
        else:
            proof.append(_subtree(start, middle, read))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, size: int, read: ReadNode) -> list[bytes]:
    """The proof that the tree of `old` leaves is a part of that of `size` (RFC 6962, 2.1.2)."""
    proof: list[bytes] = []
    start, stop, is_known = 0, size, True
    while old != stop:
        middle = start + _split(stop - start)
        if old <= middle:
            proof.append(_subtree(middle, stop, read))
            stop = middle
        else:
            proof.append(_subtree(start, middle, read))
            start, is_known = middle, False
    return [*([] if is_known else [_subtree(start, stop, read)]), *reversed(proof)]


def root_by_proof(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof gives; None if the proof has the wrong length."""
    turns: list[bool] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        is_left = index < middle
        turns.append(is_left)
        start, stop = (start, middle) if is_left else (middle, stop)
    if not 0 <= index < size or len(turns) != len(proof):
        return None
    for is_left, sibling in zip(reversed(turns), proof, strict=True):
        leaf = node_hash(leaf, sibling) if is_left else node_hash(sibling, leaf)
    return leaf


def is_extension(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether a consistency proof shows that one tree (size, root) extends another (RFC 9162)."""
    if not 0 < old[0] < new[0] or not proof:
        return not proof and (old[0] == 0 or old == new)
    at, last = old[0] - 1, new[0] - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    # The root of a complete subtree is known, so it is not in the proof.
    nodes = list(proof) if at else [old[1], *proof]
    old_root = new_root = nodes[0]
    for node in nodes[1:]:
        if not last:
            return False
        if at & 1 or at == last:
            old_root, new_root = node_hash(node, old_root), node_hash(node, new_root)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new_root = node_hash(new_root, node)
        at, last = at >> 1, last >> 1
    return not last and (old_root, new_root) == (old[1], new[1])


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _subtree(start: int, stop: int, read: ReadNode) -> bytes:
    """The hash of the leaves `start` to `stop`, where a left subtree of the tree may start."""
    nodes = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        nodes.append(read(level, start >> level))
        start += 1 << level
    return _root(reversed(nodes))


class Tile(Struct, frozen=True):
    """A tile: up to 256 hashes that lie side by side on one level of the tree."""

    #: In tiles; None for the entries themselves.
    level: int | None
    index: int
    #: Below 256 the tile is partial.
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Its path below the log's URL."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        level = "entries" if self.level is None else self.level
        partial = f".p/{self.width}" if self.width < TILE_WIDTH else ""
        return f"tile/{level}/{number}{partial}"


def tiles_of(size: int) -> Iterator[Tile]:
    """The tiles of the hashes in a tree of that size, level by level."""
    level = 0
    while size:
        full, rest = divmod(size, TILE_WIDTH)
        yield from (Tile(level, index) for index in range(full))
        if rest:
            yield Tile(level, full, rest)
        size, level = full, level + 1


def entry_bundle(entries: Sequence[bytes]) -> bytes:
    """The entries of one tile, all of them hashes, each after its size in two bytes."""
    return HASH_BYTES.to_bytes(2, "big").join((b"", *entries))


def tile_root(row: Sequence[bytes]) -> bytes:
    """The hash of the subtree above the hashes of a complete tile."""
    while len(row) > 1:
        row = _nodes_above(row)
    return row[0]


def split_hashes(data: bytes) -> list[bytes]:
    """Hashes that were joined."""
    rest = len(data) % HASH_BYTES  # of a damaged tile
    return [one for (one,) in _HASH.iter_unpack(data[: len(data) - rest])]


def proof_text(index: int, proof: Sequence[bytes], note: str) -> str:
    """A proof file: C2SP tlog-proof, with the checkpoint at its end."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}"]
    return "\n".join([*lines, *(b64encode(one).decode() for one in proof), "", note])


def hashes_of_leaves(entries: Sequence[bytes]) -> list[bytes]:
    """The leaf hashes of many entries."""
    return [sha256(b"\0" + entry).digest() for entry in entries]
