"""Trees and proofs against RFC 6962's own definitions, and the paths of tiles."""

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.wire.tlog import (
    EMPTY_ROOT,
    Range,
    Tile,
    consistency_proof,
    hashes_of_leaves,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_by_proof,
)

LEAVES = [leaf_hash(bytes([n % 256, n // 256])) for n in range(600)]
SIZES = st.integers(1, 600)


def by_definition(leaves):
    """MTH of RFC 6962, 2.1."""
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return node_hash(by_definition(leaves[:middle]), by_definition(leaves[middle:]))


def read(level, index):
    return by_definition(LEAVES[index << level : (index + 1) << level])


def test_the_root_of_no_leaves_is_the_hash_of_nothing():
    assert Range().root() == EMPTY_ROOT == sha256(b"").digest()


def test_many_leaves_are_hashed_as_each_one_is():
    assert hashes_of_leaves([b"a", b"b"]) == [leaf_hash(b"a"), leaf_hash(b"b")]


@given(cuts=st.lists(st.integers(0, 600), min_size=2, max_size=6).map(sorted))
def test_ranges_that_follow_each_other_join_to_the_tree(cuts):
    tree = Range.of(0, LEAVES[: cuts[0]])
    for start, stop in pairwise(cuts):
        tree = tree.joined(Range.of(start, LEAVES[start:stop]))
    assert (tree.start, tree.stop) == (0, cuts[-1])
    assert tree == Range.of(0, LEAVES[: cuts[-1]])
    assert tree.root() == (by_definition(LEAVES[: cuts[-1]]) if cuts[-1] else EMPTY_ROOT)


def test_a_range_does_not_join_one_that_does_not_follow_it():
    with pytest.raises(ValueError, match="does not follow"):
        Range.of(0, LEAVES[:3]).joined(Range.of(4, LEAVES[4:6]))


@given(size=SIZES, data=st.data())
def test_an_inclusion_proof_gives_the_root_for_its_leaf_alone(size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, read)
    root = by_definition(LEAVES[:size])
    assert root_by_proof(index, size, LEAVES[index], proof) == root
    assert root_by_proof(index, size, leaf_hash(b"other"), proof) != root
    assert root_by_proof(index, size, LEAVES[index], [*proof, root]) is None


def consistent(old, size, proof, old_root, root):
    """The algorithm of RFC 9162, 2.1.4.2."""
    if old == size:
        return not proof and old_root == root
    if old & (old - 1) == 0:
        proof = [old_root, *proof]
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = proof[0]
    for one in proof[1:]:
        if not last:
            return False
        if node & 1 or node == last:
            first, second = node_hash(one, first), node_hash(one, second)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, one)
        node, last = node >> 1, last >> 1
    return (first, second, last) == (old_root, root, 0)


@given(size=SIZES, data=st.data())
def test_a_consistency_proof_holds_for_the_two_roots_alone(size, data):
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(old, size, read)
    roots = by_definition(LEAVES[:old]), by_definition(LEAVES[:size])
    assert consistent(old, size, proof, *roots)
    assert not consistent(old, size, proof, roots[0], leaf_hash(b"other"))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 67, 3), "tile/1/067.p/3"),
        (Tile(None, 1234067), "tile/entries/x001/x234/067"),
        (Tile(0, 1000, 255), "tile/0/x001/000.p/255"),
    ],
)
def test_tiles_have_the_paths_of_c2sp(tile, path):
    assert tile.path == path
