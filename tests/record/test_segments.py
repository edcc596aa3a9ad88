"""Lines on disk: whole, in sequence, each sealed to the one before, whatever happens."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shipper import AuditHandler, create_compliance_event, create_tool_execution_event
from shipper.record import append
from shipper.record.format import parse_segment_end, parse_segment_start
from shipper.record.seal import GENESIS, unseal
from tests.real.processes import wait_until
from tests.record.recorder import assert_whole, documents, lines_of, segments, streams

CALL = create_tool_execution_event("bob", "query_db", {"limit": 1}, "x" * 200, 12.5)
ROOT = Path(__file__).parents[2]
DEADLINE_S = 20


def program(code, *arguments):
    """A process of its own, with a recorder `r` in its first argument."""
    start = (
        "import sys; from tests.record.recorder import *; from tests.record.test_segments import *;"
        "r = Recorder(sys.argv[1]);"
    )
    command = [sys.executable, "-c", start + "\n" + code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT)


def run(code, *arguments):
    with program(code, *arguments) as process:
        assert process.wait(DEADLINE_S) == 0


def test_the_first_line_starts_the_segment_and_the_last_counts_its_lines(recorder):
    for _ in range(5):
        recorder.log(CALL)
    recorder.close()
    first, *_, last = documents(recorder.directory)
    assert first["event"]["action"] == "audit-segment-start"
    assert first["mcp"]["audit"]["segment"] == {"number": 1}
    assert first["mcp"]["audit"]["chain"] == {"version": 1, "previous": GENESIS.hex()}
    assert last["event"]["action"] == "audit-segment-end"
    assert last["mcp"]["audit"]["segment"] == {"number": 1, "records": 7}


def test_segments_are_linked_when_they_rotate_by_size(new_recorder):
    recorder = new_recorder(max_bytes=5_000)
    for _ in range(30):
        recorder.log(CALL)
    recorder.close()
    files = segments(recorder.directory)
    assert len(files) > 3
    head = GENESIS
    for number, path in enumerate(files, 1):
        lines = lines_of(path)
        start, end = parse_segment_start(lines[0]), parse_segment_end(lines[-1])
        assert (start.previous, start.segment.number) == (head, number)
        assert (end.segment, end.records) == (start.segment, len(lines))
        assert path.name == start.segment.file_name
        head = unseal(lines[-1])[1]
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)


def test_a_segment_is_closed_by_age_at_the_next_line(new_recorder):
    recorder = new_recorder(max_age_s=0.01)
    recorder.log(CALL)
    wait_until(
        lambda: recorder.log(CALL) and len(segments(recorder.directory)) == 2,
        DEADLINE_S,
        "a second segment",
    )
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)


def test_a_deleted_segment_is_followed_by_a_new_one(recorder):
    recorder.log(CALL)
    gone = recorder.handler.path
    gone.unlink()

    def continues():
        recorder.logger.info(CALL)
        return recorder.handler.path != gone

    wait_until(continues, DEADLINE_S, "another segment")
    (path,) = segments(recorder.directory)
    first = json.loads(lines_of(path)[0])
    assert first["mcp"]["audit"]["segment"]["number"] == 2
    assert first["event"]["sequence"] >= 3, "the deleted lines must show as a gap"
    (told,) = (d for d in recorder.events() if d["event"]["action"] == "audit-segment-missing")
    assert told["event"]["outcome"] == "failure"
    assert told["mcp"]["compliance"]["records"] == first["event"]["sequence"] - 1


def test_a_deleted_directory_is_made_again(recorder):
    recorder.log(CALL)
    for path in segments(recorder.directory):
        path.unlink()
    recorder.directory.rmdir()
    wait_until(
        lambda: recorder.logger.info(CALL) or segments(recorder.directory),
        DEADLINE_S,
        "the directory",
    )


def test_only_the_owner_reads_the_lines(recorder):
    before = os.umask(0)
    try:
        recorder.log(CALL)
    finally:
        os.umask(before)
    assert recorder.handler.path.stat().st_mode & 0o777 == 0o600
    assert recorder.directory.stat().st_mode & 0o777 == 0o700


def test_missing_parents_of_the_directory_are_for_their_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        handler = AuditHandler(tmp_path / "a" / "b" / "c")
        handler.record_self_audit(create_compliance_event("test"))
        handler.close()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in tmp_path.rglob("*") if one.is_dir()]
    assert modes == [0o700] * 3


@pytest.mark.parametrize("durability", ["flush", "group", "each"])
def test_lines_are_written_the_same_however_durable(durability, new_recorder):
    recorder = new_recorder(durability=durability, max_bytes=5_000)
    for _ in range(20):
        recorder.log(CALL)
    recorder.close()
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)
    assert not [t for t in threading.enumerate() if t.name == "mcp-shipper-sync"]


def test_a_directory_that_cannot_be_written_costs_events_that_are_told_of(recorder, tmp_path):
    recorder.directory.mkdir()
    recorder.directory.chmod(0o500)
    am_root = os.geteuid() == 0
    try:
        if am_root:
            os.seteuid(65_534)  # permissions do not hold for root
        for _ in range(3):
            recorder.logger.info(CALL)
    finally:
        if am_root:
            os.seteuid(0)
        recorder.directory.chmod(0o700)
    assert recorder.handler.counts.failed == 3
    recorder.log(CALL)
    assert [d["event"]["action"] for d in documents(recorder.directory)] == [
        "audit-segment-start",
        "audit-records-lost",
        "tool-call",
    ]
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)


FULL_DISK = """
import resource
limit = int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
for _ in range(20):
    r.logger.info(CALL)
lost = r.handler.counts.failed
assert lost > 0
assert segments(r.directory) == [] or lines_of(segments(r.directory)[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
r.log(CALL)
told = [d for d in r.events() if d["event"]["action"] == "audit-records-lost"]
assert sum(d["mcp"]["compliance"]["records"] for d in told) == lost
r.close()
"""


@pytest.mark.parametrize("limit", [0, 100, 1_000, 5_000, 5_001, 12_345])
def test_a_full_disk_leaves_no_half_line_and_no_gap(limit, tmp_path):
    """A limit on the size of files makes writes short, as a full disk does."""
    run(FULL_DISK, tmp_path, limit)
    (stream,) = streams(tmp_path).values()
    assert_whole(stream)


def test_of_a_killed_process_at_most_the_last_line_is_torn(tmp_path):
    with program("while True: r.logger.info(CALL)", tmp_path) as process:
        wait_until(
            lambda: sum(path.stat().st_size for path in segments(tmp_path)) > 200_000,
            DEADLINE_S,
            "200 kB of lines",
        )
        process.send_signal(signal.SIGKILL)
    (path,) = segments(tmp_path)
    whole, _, _torn = path.read_bytes().rpartition(b"\n")
    assert_whole(whole.splitlines())
    assert len(whole) > 190_000


SIGNALS = """
import random, signal
chance = random.Random(1)
def interrupt(_number, frame):
    # Where a line is written, once more at once, while the first is dealt with.
    soon = (3e-6, 3e-5) if "append" in frame.f_code.co_name else (5e-5, 1e-3)
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(*soon))
    while frame:
        if frame.f_code.co_name == "emit":
            raise InterruptedError("from a signal handler")
        frame = frame.f_back
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 2e-4)
for _ in range(10_000):
    try:
        r.logger.info(CALL)
    except InterruptedError:
        pass
signal.signal(signal.SIGALRM, signal.SIG_IGN)
assert r.handler.counts.failed > 10, r.handler.counts
r.close()
"""


def test_what_a_signal_handler_raises_in_the_midst_of_a_line_breaks_nothing(tmp_path):
    run(SIGNALS, tmp_path)
    (stream,) = streams(tmp_path).values()
    assert_whole(stream)


INTERRUPTED = """
import os
function = getattr(os, sys.argv[2])
def interrupt(_frame, event, called):
    # As a signal handler would: Python runs one when a call has returned.
    if event == "c_return" and called is function:
        sys.setprofile(None)
        raise InterruptedError("from a signal handler")
sys.setprofile(interrupt)
r.logger.info(CALL)
assert r.handler.counts.failed == 1
r.log(CALL)
r.log(CALL)
assert r.handler.counts.failed == 1
r.close()
"""


@pytest.mark.skipif(
    not append.__file__.endswith(".py"), reason="no signal handler runs within compiled code"
)
@pytest.mark.parametrize("function", ["open", "write"])
def test_a_signal_in_the_first_call_of_a_segment_costs_one_event_and_no_more(function, tmp_path):
    run(INTERRUPTED, tmp_path, function)
    (stream,) = streams(tmp_path).values()
    assert_whole(stream)


LOGS_IN_SIGNAL = """
import signal
def log(*_):
    r.logger.info(CALL)
signal.signal(signal.SIGALRM, log)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.00017)
for _ in range(10_000):
    r.logger.info(CALL)
signal.setitimer(signal.ITIMER_REAL, 0)
r.close()
"""


def test_a_signal_handler_that_logs_in_the_midst_of_a_line_breaks_nothing(tmp_path):
    run(LOGS_IN_SIGNAL, tmp_path)
    (stream,) = streams(tmp_path).values()
    assert_whole(stream)


def test_a_handler_that_nobody_logs_to_makes_no_file(new_recorder):
    recorder = new_recorder()
    recorder.close()
    assert not recorder.directory.exists()


def test_a_process_that_ends_closes_its_segment(tmp_path):
    run("r.log(CALL)", tmp_path)
    assert documents(tmp_path)[-1]["event"]["action"] == "audit-segment-end"


def test_the_record_works_while_logging_shuts_down(tmp_path):
    run("import atexit; atexit.register(lambda: r.log(CALL)); r.log(CALL)", tmp_path)
    (stream,) = streams(tmp_path).values()
    assert_whole(stream)


def test_a_streams_first_line_names_the_stream_before_it_and_its_last_line(tmp_path):
    for _ in range(3):
        run("r.log(CALL); r.handler.close(); r.log(CALL)", tmp_path)
    first, second, third = streams(tmp_path).items()
    assert parse_segment_start(first[1][0]).stream_before is None
    for (stream, lines), (_, after) in ((first, second), (second, third)):
        starts = [start for start in map(parse_segment_start, after) if start]
        named = starts[0].stream_before
        assert (named.stream, named.sequence) == (stream, len(lines))
        assert named.head == unseal(lines[-1])[1]
        assert [start.stream_before for start in starts[1:]] == [None]
    for lines in (first[1], second[1], third[1]):
        assert_whole(lines)


def test_of_a_torn_stream_the_last_complete_line_is_named(tmp_path):
    run("r.log(CALL)", tmp_path)
    ((stream, lines),) = streams(tmp_path).items()
    (path,) = segments(tmp_path)
    path.write_bytes(b"\n".join([*lines[:2], lines[2][:50]]))
    path.with_name(path.name.replace("-000001", "-000002")).write_bytes(b"")
    run("r.logger.info(CALL)", tmp_path)
    named = parse_segment_start(lines_of(max(segments(tmp_path)))[0]).stream_before
    assert (named.stream, named.sequence) == (stream, 2)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\0" * 100, b"no line at all"])
def test_a_file_that_is_no_stream_is_not_named_as_one(content, recorder):
    recorder.directory.mkdir()
    (recorder.directory / "000000000001-0000000000000000-000001.jsonl").write_bytes(content)
    (recorder.directory / "aaaa-000001.jsonl").write_bytes(content)
    os.mkfifo(recorder.directory / "000000000002-0000000000000000-000001.jsonl")
    recorder.logger.info(CALL)
    first = lines_of(recorder.handler.path)[0]
    assert parse_segment_start(first).stream_before is None
