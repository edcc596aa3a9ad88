"""The file output on a real directory."""

import fcntl
import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from shipper.errors import Refused
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED
from shipper.outputs.file.config import FileConfig
from shipper.outputs.file.output import FileOutput
from tests.real.processes import wait_until

TWO = Lines.of([b'{"n":1}', b'{"n":2}'])


def output(folder, **options):
    return FileOutput(FileConfig(path=str(folder), **options))


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_lines_are_appended_as_they_are(tmp_path):
    folder = tmp_path / "new" / "folder"
    sender = output(folder)
    assert sender.send(TWO) == [DELIVERED] * 2
    assert sender.send(TWO) == [DELIVERED] * 2
    sender.close()
    assert content(folder) == {"mcp-shipper.ndjson": b'{"n":1}\n{"n":2}\n' * 2}


def test_a_new_start_appends_to_the_newest_file(tmp_path):
    for name in ("a.ndjson", "a-2.ndjson", "a-10.ndjson", "a-x.ndjson"):
        (tmp_path / name).write_bytes(b"{}\n")
    sender = output(tmp_path, filename="a")
    sender.send(TWO)
    sender.close()
    assert content(tmp_path)["a-10.ndjson"] == b"{}\n" + TWO.block


def test_a_half_line_left_by_a_crash_is_cut_off(tmp_path):
    whole = b'{"n":"%b"}\n' % (b"x" * 100_000)
    for half in (b'{"n"', b"x" * 70_000):
        path = tmp_path / "mcp-shipper.ndjson"
        path.write_bytes(whole + half)
        sender = output(tmp_path)
        sender.send(TWO)
        sender.close()
        assert path.read_bytes() == whole + TWO.block


def test_a_half_line_that_another_process_is_writing_is_waited_for(tmp_path):
    path = tmp_path / "mcp-shipper.ndjson"
    with path.open("ab", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)  # as a replay beside a running shipper does
        other.write(b'{"n"')
        sending = threading.Thread(target=output(tmp_path).send, args=(TWO,))
        sending.start()
        inode = f":{os.fstat(other.fileno()).st_ino} "

        def is_waiting():
            locks = Path("/proc/locks").read_text().splitlines()
            return any("->" in lock and inode in lock for lock in locks)

        wait_until(lambda: is_waiting() or not sending.is_alive(), 10, "it waits")
        other.write(b":0}\n")
    sending.join(10)
    assert path.read_bytes() == b'{"n":0}\n' + TWO.block


def test_a_file_that_was_taken_away_gets_no_more_lines(tmp_path):
    sender = output(tmp_path)
    sender.send(TWO)
    (tmp_path / "mcp-shipper.ndjson").rename(tmp_path / "taken")
    sender.send(TWO)
    (tmp_path / "mcp-shipper.ndjson").unlink()
    sender.send(TWO)
    sender.close()
    assert content(tmp_path) == {"mcp-shipper.ndjson": TWO.block, "taken": TWO.block}


def test_a_file_that_is_nothing_but_a_half_line_is_emptied(tmp_path):
    path = tmp_path / "mcp-shipper.ndjson"
    path.write_bytes(b"x" * 200_000)
    sender = output(tmp_path)
    sender.send(TWO)
    sender.close()
    assert path.read_bytes() == TWO.block


def test_a_new_file_begins_when_the_size_is_reached_and_all_are_kept(tmp_path):
    line = Lines.of([b'{"n":"%b"}' % (b"x" * 700)])
    sender = output(tmp_path, rotate_every_kb=1)
    for _ in range(4):
        sender.send(line)
    sender.close()
    names = ["mcp-shipper-1.ndjson", "mcp-shipper-2.ndjson", "mcp-shipper-3.ndjson"]
    assert content(tmp_path) == dict.fromkeys([*names, "mcp-shipper.ndjson"], line.block)


def test_the_oldest_files_go_when_a_number_is_set(tmp_path, caplog):
    line = Lines.of([b'{"n":"%b"}' % (b"x" * 700)])
    sender = output(tmp_path, rotate_every_kb=1, number_of_files=2)
    for _ in range(5):
        sender.send(line)
    sender.close()
    assert list(content(tmp_path)) == ["mcp-shipper-3.ndjson", "mcp-shipper-4.ndjson"]
    assert caplog.text.count("Deleting") == 3


def test_files_have_the_mode_that_is_set(tmp_path):
    for mode in (0o600, 0o640):
        sender = output(tmp_path, filename=f"m{mode}", permissions=mode)
        sender.send(TWO)
        sender.close()
        assert stat.S_IMODE((tmp_path / f"m{mode}.ndjson").stat().st_mode) == mode


def test_a_disk_that_is_full_in_the_middle_leaves_no_half_line(tmp_path):
    sender = output(tmp_path)
    sender.send(TWO)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))  # Python ignores its signal
    try:
        with pytest.raises(Refused, match=str(tmp_path)):
            sender.send(TWO)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(tmp_path) == {"mcp-shipper.ndjson": TWO.block}
    assert sender.send(TWO) == [DELIVERED] * 2
    sender.close()
    assert content(tmp_path) == {"mcp-shipper.ndjson": TWO.block * 2}


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(Refused, match="taken"):
        output(tmp_path / "taken").send(TWO)


def test_the_probe_opens_the_file_and_writes_nothing(tmp_path):
    sender = output(tmp_path)
    said = sender.probe()
    sender.close()
    assert said == f"{tmp_path / 'mcp-shipper.ndjson'} can be written"
    assert content(tmp_path) == {"mcp-shipper.ndjson": b""}


def test_close_leaves_no_handle_behind(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    sender = output(tmp_path, rotate_every_kb=1)
    for _ in range(200):
        sender.send(TWO)
    sender.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
