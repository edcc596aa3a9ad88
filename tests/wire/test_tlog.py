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
    is_extension,
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


@given(size=SIZES, data=st.data())
def test_a_consistency_proof_holds_for_the_two_trees_alone(size, data):
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(old, size, read)
    trees = (old, by_definition(LEAVES[:old])), (size, by_definition(LEAVES[:size]))
    assert is_extension(*trees, proof)
    other = leaf_hash(b"other")
    assert not is_extension(trees[0], (size, other), proof)
    assert not is_extension((old, other), trees[1], proof)
    assert not is_extension(*trees, [*proof, other])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not is_extension(*trees, [*proof[:at], other, *proof[at + 1 :]])
        assert not is_extension(*trees, proof[:at] + proof[at + 1 :])
        assert not is_extension(trees[1], trees[0], proof)


def test_every_tree_extends_the_empty_one_without_a_proof():
    tree = (5, by_definition(LEAVES[:5]))
    assert is_extension((0, EMPTY_ROOT), tree, [])
    assert not is_extension((0, EMPTY_ROOT), tree, [EMPTY_ROOT])
    assert not is_extension(tree, (6, by_definition(LEAVES[:6])), [])


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
