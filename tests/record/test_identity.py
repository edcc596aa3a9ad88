"""Emitted = recorded + filtered + lost, and the record states every loss: under any faults."""

import itertools
import json
import os
import resource
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper import create_compliance_event, create_tool_execution_event
from tests.record.recorder import Recorder, assert_whole, documents, streams

CALL = create_tool_execution_event("bob", "query_db", {"limit": 1}, "x" * 200, 12.5)
INACTIVE = create_compliance_event("export")
_numbers = itertools.count()
LOSSES = {"audit-records-lost", "audit-records-suppressed"}


class Run:
    """A recorder, what was logged to it, and the faults that may come over it."""

    def __init__(self, folder):
        self.recorder = Recorder(folder / "audit", audit_level="basic", max_bytes=3_000)
        self.emitted = 0
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._room = self._limits[0]

    def log(self, event=CALL, **extra):
        self.emitted += 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._room, self._limits[1]))
        try:
            self.recorder.logger.info(event, **extra)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    def log_inactive(self):
        self.log(INACTIVE)

    def log_unknown(self):
        self.log("x", extra={"event_type": "no such type"})

    def disk_is_full(self):
        self._room = 1_500

    def disk_is_gone(self):
        self._room = 0

    def disk_is_well(self):
        self._room = self._limits[0]

    def next_name_is_taken(self):
        path = self.recorder.handler.path
        if path and path.parent.exists():
            stream, _, number = path.stem.rpartition("-")
            path.with_name(f"{stream}-{int(number) + 1:06d}.jsonl").write_bytes(b"")

    def descriptor_is_closed(self):
        path = self.recorder.handler.path
        for name in map(str, sorted(int(fd.name) for fd in Path("/proc/self/fd").iterdir())):
            if path and os.path.realpath(f"/proc/self/fd/{name}") == str(path):
                os.close(int(name))

    def directory_is_moved(self):
        directory = self.recorder.directory
        if directory.exists():
            directory.rename(directory.with_name(f"moved-{next(_numbers)}"))

    def is_finished(self):
        self.recorder.handler.finish()

    def signal_comes(self, after):
        """The next event is interrupted when that many C functions have returned."""
        left = after

        def interrupt(frame, event, _argument):
            nonlocal left
            if event == "c_return" and _is_recording(frame):
                left -= 1
                if left <= 0:
                    sys.setprofile(None)
                    raise InterruptedError("from a signal handler")

        sys.setprofile(interrupt)
        try:
            self.log()
        except InterruptedError:
            pass
        finally:
            sys.setprofile(None)


def _is_recording(frame):
    """Where an event is counted and written; around `emit`, an exception is the application's."""
    if Path(frame.f_code.co_filename).name not in {"append.py", "recording.py", "segment.py"}:
        return False
    while frame:
        if frame.f_code.co_name == "_emit":
            return True
        frame = frame.f_back
    return False


def check(run, folder):
    run.disk_is_well()
    run.log()
    run.recorder.close()
    counts = run.recorder.handler.counts
    assert run.emitted == counts.recorded + counts.filtered + counts.failed + counts.suppressed
    assert counts.stated == counts.failed + counts.suppressed
    folders = [path for path in folder.iterdir() if path.is_dir()]
    found = [document for path in folders for document in documents(path)]
    calls = [document for document in found if document["event"]["action"] == "tool-call"]
    assert len(calls) == counts.recorded
    losses = [document for document in found if document["event"]["action"] in LOSSES]
    stated = sum(document["mcp"]["compliance"]["records"] for document in losses)
    assert stated == counts.stated
    lines = sorted(
        (document["event"]["sequence"], line)
        for path in folders
        for stream in streams(path).values()
        for line, document in zip(stream, map(_document, stream), strict=True)
    )
    assert_whole([line for _, line in lines])


def _document(line):

    return json.loads(line)


STEPS = [
    *("log", "log", "log_inactive", "log_unknown", "is_finished"),
    *("disk_is_full", "disk_is_gone", "disk_is_well"),
    *("next_name_is_taken", "descriptor_is_closed", "directory_is_moved"),
]
STEP = st.sampled_from(STEPS) | st.integers(1, 60)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=25))
def test_every_event_is_in_the_record_or_in_its_count_of_losses(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp(f"identity-{next(_numbers)}")
    run = Run(folder)
    try:
        for step in steps:
            run.signal_comes(step) if isinstance(step, int) else getattr(run, step)()
        check(run, folder)
    finally:
        run.disk_is_well()
        run.recorder.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize("after", range(1, 80))
def test_a_signal_at_any_call_of_a_first_event_is_counted(after, tmp_path):
    run = Run(tmp_path)
    run.signal_comes(after)
    check(run, tmp_path)


@pytest.mark.parametrize("after", range(1, 120))
def test_a_signal_at_any_call_of_an_event_that_rotates_is_counted(after, tmp_path):
    run = Run(tmp_path)
    for _ in range(5):
        run.log()
    run.log_unknown()
    run.signal_comes(after)
    check(run, tmp_path)
