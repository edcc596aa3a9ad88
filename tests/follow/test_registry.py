"""Positions on a real disk: torn, damaged, locked, and growing."""

import json
import os
import resource
import stat
import subprocess
import sys

import pytest

from shipper.errors import RegistryError
from shipper.follow.registry import Position, Registry, read_positions
from tests.real.processes import wait_until


def position(ident, offset, path="/var/log/a.log"):
    return Position(
        id=ident,
        path=path,
        device=1,
        inode=ident,
        head=b"ab" * 7,
        offset=offset,
        updated_s=1_700_000_000,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registry" / "test.ndjson"


def offsets(path):
    with Registry(path) as registry:
        return {one.id: one.offset for one in registry.committed}


def test_what_is_committed_is_there_after_a_new_start(path):
    with Registry(path) as registry:
        assert list(registry.committed) == []
        registry.commit([position(1, 5), position(2, 6)])
        registry.commit([position(1, 9)])
        registry.commit([], forget=[2])
    assert offsets(path) == {1: 9}


def test_names_of_any_kind_survive(path):
    name = "/var/log/caf\u00e9 \u20ac\n\"'.log"
    with Registry(path) as registry:
        registry.commit([position(1, 5, name)])
    assert [one.path for one in read_positions(path)] == [name]


def test_it_can_be_read_without_the_lock_while_it_is_held(path):
    assert read_positions(path) == ()
    with Registry(path) as registry:
        registry.commit([position(1, 5)])
        assert read_positions(path) == (position(1, 5),)


def test_every_line_is_json(path):
    with Registry(path) as registry:
        registry.commit([position(1, 5)])
    header, *lines = map(json.loads, path.read_bytes().splitlines())
    assert header.pop("since_s") > 1_700_000_000
    assert header == {"format": "mcp-shipper positions", "version": 2}
    assert lines[-1]["commit"]["set"][0]["offset"] == 5


def test_only_its_user_may_read_it(path):
    with Registry(path) as registry:
        registry.commit([position(1, 5)])
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert modes == {"test.ndjson": 0o600, "test.ndjson.lock": 0o600}


def test_a_last_line_torn_at_any_byte_leaves_the_commits_before_it(path):
    with Registry(path) as registry:
        registry.commit([position(1, 5)])
        whole = path.read_bytes()
        registry.commit([position(1, 9), position(2, 7)])
    data = path.read_bytes()
    for length in range(len(whole), len(data) - 1):
        path.write_bytes(data[:length])
        assert offsets(path) == {1: 5}
    for end in (data[:-1], data):  # all but the newline, and all
        path.write_bytes(end)
        assert offsets(path) == {1: 9, 2: 7}


def test_a_last_line_of_garbage_leaves_the_commits_before_it(path):
    with Registry(path) as registry:
        registry.commit([position(1, 5)])
    whole = path.read_bytes()
    for garbage in (bytes(500), b"{}\n", b'{"crc":1,"commit":{"set":[]}}\n', b"\xff\xff\n"):
        path.write_bytes(whole + garbage)
        assert offsets(path) == {1: 5}


def test_a_changed_byte_before_the_last_line_is_an_error_that_names_the_line(path):
    with Registry(path) as registry:
        registry.commit([position(1, 555)])
        registry.commit([position(1, 999)])
    data = path.read_bytes()
    for old, new in ((b'"offset":555', b'"offset":955'), (b'{"crc"', b'{"crd"'), (b"\n", b" ")):
        path.write_bytes(data.replace(old, new, 1))
        with pytest.raises(RegistryError, match=rf"{path}: line \d .*damaged.*move it away"):
            Registry(path)


def test_another_format_is_left_alone(path):
    path.parent.mkdir()
    for data in (
        b'{"format":"mcp-shipper positions","version":1}\n',
        b'{"format":"mcp-shipper positions","version":3}\n',
        b'{"format":"x","version":2}\n',
    ):
        path.write_bytes(data)
        with pytest.raises(RegistryError, match="use the one that did"):
            Registry(path)
        assert path.read_bytes() == data


@pytest.mark.parametrize("planted", ["file", "directory"])
def test_another_kind_of_file_in_its_place_is_an_error(planted, path):
    if planted == "file":
        path.parent.write_text("x")
    else:
        path.mkdir(parents=True)
    for use in (lambda: Registry(path), lambda: read_positions(path)):
        with pytest.raises(RegistryError, match=r"must be kept|cannot be read"):
            use()


def test_an_empty_or_foreign_file_is_an_error(path):
    path.parent.mkdir()
    for data in (b"", b"hello\n", b"\x00" * 100, b'{"\xff":1}\n', b"[" * 5000):
        path.write_bytes(data)
        with pytest.raises(RegistryError, match="line 1 is damaged"):
            Registry(path)


def test_a_start_writes_down_only_what_is_left(path):
    with Registry(path) as registry:
        for n in range(1000):
            registry.commit([position(1, n)])
    size = path.stat().st_size
    assert offsets(path) == {1: 999}
    assert path.stat().st_size < size / 100


def test_a_long_run_does_not_let_it_grow_without_bound(path):
    with Registry(path) as registry:
        many = [position(n, 0, "x" * 1000) for n in range(100)]
        largest = 0
        for n in range(60):
            registry.commit([position(one.id, n, one.path) for one in many])
            largest = max(largest, path.stat().st_size)
    assert largest < 2_000_000
    assert offsets(path) == dict.fromkeys(range(100), 59)


def test_a_second_holder_is_told_who_holds_it(path):
    told = pytest.raises(RegistryError, match=f"process {os.getpid()} ships from here")
    with Registry(path), told:
        Registry(path)
    assert offsets(path) == {}


def test_the_lock_of_a_killed_process_is_free(path):
    program = (
        "import sys; from pathlib import Path; from shipper.follow.registry import Registry; "
        "held = Registry(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(RegistryError, match=f"process {process.pid} ships from here"):
            Registry(path)
        process.kill()
        wait_until(lambda: process.poll() is not None, 10, "the process is gone")
    assert offsets(path) == {}


def test_a_disk_that_is_full_stops_it_and_leaves_what_was_committed(path):
    registry = Registry(path)
    registry.commit([position(1, 5)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(RegistryError, match="a position cannot be kept"):
            registry.commit([position(1, 9)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    registry.close()
    assert offsets(path) == {1: 5}


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(RegistryError, match="positions must be kept"):
        Registry(tmp_path / "taken" / "test.ndjson")


def test_a_hundred_thousand_positions_cost_a_commit_no_more_than_it_changes(path):
    with Registry(path) as registry:
        registry.commit([position(n, 0) for n in range(100_000)])
        whole = path.stat().st_size
        for n in range(1000):
            registry.commit([position(n, 1)])
        assert path.stat().st_size - whole < 1000 * 500
    found = offsets(path)
    assert (len(found), sum(found.values())) == (100_000, 1000)


def test_a_journal_of_zeros_behind_its_commits_leaves_them(path):
    """As a file system leaves a file that had grown when the power failed."""
    with Registry(path) as registry:
        registry.commit([position(1, 5)])
    path.write_bytes(path.read_bytes() + bytes(4096))
    assert offsets(path) == {1: 5}
