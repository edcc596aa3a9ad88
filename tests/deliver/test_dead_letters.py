"""Dead letters on a full disk."""

import resource

import pytest

from shipper.deliver.dead_letters import DeadLetters, Full
from shipper.follow.batch import BadLine
from shipper.forms.check import Reject


def test_a_disk_that_fills_up_halfway_leaves_the_dead_letters_unchanged(tmp_path):
    path = tmp_path / "test.ndjson"
    dead_letters = DeadLetters(path, output="test", max_bytes=1 << 20)
    dead_letters.add([BadLine("/a.log", Reject(b"first", 0, "bad"))])
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))
    try:
        with pytest.raises(Full, match=f"{path} cannot be written"):
            dead_letters.add([BadLine("/a.log", Reject(b"second", 6, "bad"))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
