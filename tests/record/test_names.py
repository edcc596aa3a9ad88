"""Names that are taken, descriptors that are lost, directories that go: recording continues."""

import fcntl
import os
import shutil

import pytest

from shipper import create_tool_execution_event
from tests.real.processes import wait_until
from tests.record.recorder import assert_whole, documents, segments, streams
from tests.record.test_segments import run

CALL = create_tool_execution_event("bob", "query_db", {"limit": 1}, "x" * 200, 12.5)
DEADLINE_S = 20

PLANTS = {
    "a file": lambda path: path.write_bytes(b""),
    "a file with lines": lambda path: path.write_bytes(b"{}\n{}\n"),
    "a directory": lambda path: path.mkdir(),
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to another file": lambda path: path.symlink_to("/dev/null"),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_a_name_that_is_taken_does_not_stop_recording(plant, new_recorder):
    recorder = new_recorder(max_bytes=1_000)
    recorder.log(CALL)
    first = recorder.handler.path
    taken = first.with_name(first.name.replace("-000001", "-000002"))
    plant(taken)
    for _ in range(5):
        recorder.logger.info(CALL)
    recorder.close()
    counts = recorder.handler.counts
    assert (counts.recorded, counts.failed) == (6, 0)
    if taken.is_dir() or taken.is_symlink() or taken.is_fifo():
        shutil.rmtree(taken) if taken.is_dir() and not taken.is_symlink() else taken.unlink()
    else:
        taken.unlink()
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)


FAULTY_CALL = """
import fcntl
real = getattr({module}, {name!r})
def fails_once(*args, **kwargs):
    setattr({module}, {name!r}, real)
    raise {error}
r.log(CALL)
r.handler.close()
setattr({module}, {name!r}, fails_once)
for _ in range(5):
    r.logger.info(CALL)
r.close()
counts = r.handler.counts
assert counts.recorded >= 5, counts
assert counts.failed == counts.stated == 6 - counts.recorded, counts
"""


@pytest.mark.parametrize("error", ["InterruptedError('x')", "OSError(5, 'x')", "ValueError('x')"])
@pytest.mark.parametrize("name", ["open", "fstat", "write"])
def test_a_failure_in_opening_a_segment_costs_one_event_at_most(name, error, tmp_path):
    run(FAULTY_CALL.format(module="os", name=name, error=error), tmp_path)
    (stream,) = streams(tmp_path).values()
    assert_whole(stream)
    assert all(path.stat().st_size for path in segments(tmp_path))


@pytest.mark.parametrize("error", ["InterruptedError('x')", "ValueError('x')"])
def test_a_failure_in_locking_a_segment_leaves_no_broken_file(error, tmp_path):
    assert fcntl.flock
    run(FAULTY_CALL.format(module="fcntl", name="flock", error=error), tmp_path)
    (stream,) = streams(tmp_path).values()
    assert_whole(stream)
    assert all(path.stat().st_size for path in segments(tmp_path))


DESCRIPTORS = """
import os
r.log(CALL)
fd = next(int(n) for n in os.listdir("/proc/self/fd")
          if os.path.realpath(f"/proc/self/fd/{n}") == str(r.handler.path))
os.close(fd)
{then}
for _ in range(5):
    r.logger.info(CALL)
r.close()
counts = r.handler.counts
assert counts.recorded + counts.failed == 6 and counts.failed == counts.stated, counts
assert counts.recorded >= 5, counts
{finally}
"""


def test_a_descriptor_that_somebody_closed_costs_one_event_at_most(tmp_path):
    run(DESCRIPTORS.replace("{then}", "").replace("{finally}", ""), tmp_path)
    (stream,) = streams(tmp_path).values()
    assert_whole(stream)


def test_a_descriptor_that_became_another_files_is_neither_written_nor_closed(tmp_path):
    other = tmp_path / "other"
    code = DESCRIPTORS.replace("{then}", f"assert os.open({str(other)!r}, os.O_CREAT | 2) == fd")
    run(code.replace("{finally}", "os.fstat(fd)"), tmp_path / "audit")
    assert other.read_bytes() == b""
    (stream,) = streams(tmp_path / "audit").values()
    assert_whole(stream)


def actions(recorder):
    return [document["event"]["action"] for document in recorder.events()]


def test_a_directory_that_is_replaced_gets_the_next_segment(recorder, tmp_path):
    recorder.log(CALL)
    recorder.directory.rename(tmp_path / "away")
    recorder.directory.mkdir()
    wait_until(
        lambda: recorder.logger.info(CALL) or segments(recorder.directory),
        DEADLINE_S,
        "a segment in the new directory",
    )
    recorder.close()
    counts = recorder.handler.counts
    assert counts.failed == 0
    assert "audit-segment-missing" in actions(recorder)
    (old,) = streams(tmp_path / "away").values()
    (new,) = streams(recorder.directory).values()
    assert_whole([*old, *new])


def test_a_directory_that_is_a_file_for_a_while_costs_only_the_events_meanwhile(recorder, tmp_path):
    recorder.log(CALL)
    recorder.directory.rename(tmp_path / "away")
    recorder.directory.write_bytes(b"")
    wait_until(
        lambda: recorder.logger.info(CALL) or recorder.handler.counts.failed,
        DEADLINE_S,
        "the loss",
    )
    lost = recorder.handler.counts.failed
    recorder.directory.unlink()
    recorder.log(CALL)
    recorder.close()
    (told,) = (d for d in recorder.events() if d["event"]["action"] == "audit-records-lost")
    assert told["mcp"]["compliance"]["records"] == lost
    assert recorder.handler.counts.stated == lost
    (old,) = streams(tmp_path / "away").values()
    (new,) = streams(recorder.directory).values()
    assert_whole([*old, *new])


def test_losses_that_nothing_follows_are_recorded_when_the_process_ends(tmp_path):
    code = """
directory = sys.argv[1]
import os
Recorder  # its handler is dropped, and only the exit hook knows its losses
for _ in range(3):
    r.logger.info("x", extra={"event_type": "no such type"})
r.logger.removeHandler(r.handler)
del r
"""
    run(code, tmp_path)
    (told,) = (d for d in documents(tmp_path) if d["event"]["action"] == "audit-records-lost")
    assert told["mcp"]["compliance"]["records"] == 3


def test_a_link_to_the_directory_that_comes_to_lead_elsewhere_is_followed(new_recorder, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    current = tmp_path / "current"
    current.symlink_to("one")
    recorder = new_recorder(current)
    recorder.log(CALL)
    current.unlink()
    current.symlink_to("two")
    wait_until(
        lambda: recorder.logger.info(CALL) or segments(tmp_path / "two"),
        DEADLINE_S,
        "a segment in the other directory",
    )
    recorder.close()
    assert recorder.handler.counts.failed == 0
    assert "audit-segment-missing" in actions(recorder)


def test_a_link_that_leads_nowhere_yet_gets_its_directory(new_recorder, tmp_path):
    (tmp_path / "link").symlink_to("later")
    new_recorder(tmp_path / "link").log(CALL)
    assert segments(tmp_path / "later")


DAMAGES = {
    "emptied": lambda path: os.truncate(path, 0),
    "cut within a line": lambda path: os.truncate(path, path.stat().st_size - 20),
    "continued by half a line": lambda path: path.write_bytes(path.read_bytes() + b'{"half'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_event_after_a_damage_is_in_a_segment_of_its_own(damage, recorder):
    recorder.log(CALL)
    damaged = recorder.handler.path
    DAMAGES[damage](damaged)
    recorder.logger.info(CALL)
    recorder.close()
    told = "audit-segment-missing" in [d["event"]["action"] for d in of_others(recorder, damaged)]
    assert told == damage.startswith(("emptied", "cut"))
    assert recorder.handler.counts.recorded == 2


def of_others(recorder, damaged):
    damaged.unlink()
    found = documents(recorder.directory)
    assert [d for d in found if d["event"]["action"] == "tool-call"]
    return found


def test_a_umask_that_shuts_out_the_own_user_does_not_hide_the_record(tmp_path):
    code = """
os.umask(0o777)
r.log(CALL)
assert oct(os.stat(r.directory).st_mode & 0o777) == "0o700"
assert oct(os.stat(r.handler.path).st_mode & 0o777) == "0o600"
"""
    run(code, tmp_path / "audit")
