"""When the sidecar signs, and what it refuses."""

import os
import threading

from shipper import create_tool_execution_event
from shipper.evidence.sign import Refusal, State
from shipper.evidence.verdict import Word
from tests.evidence.signed_record import SignedRecord, later

CALL = create_tool_execution_event("bob", "t", {"password": "hunter22"}, "ok")


def test_lines_that_do_not_follow_are_not_signed(tmp_path):
    record = SignedRecord(tmp_path)
    recorder = record.write(3, close=False)
    (first,) = record.sign()
    path = record.segments()[-1]
    lines = path.read_bytes().splitlines(keepends=True)
    with path.open("ab") as file:
        file.write(lines[1])
    (found,) = record.sign(at_close=True)
    assert isinstance(found, Refusal)
    assert found.sequence == first.last + 1
    assert record.sign(at_close=True) == []
    recorder.handler._recording._stream.abandon()


def test_silence_is_signed_and_many_events_are_signed_early(tmp_path):
    record = SignedRecord(tmp_path)
    recorder = record.write(3, close=False, max_bytes=40_000)
    signing = record.new_signing(interval_s=3600, events=5)
    assert len(list(signing.tick())) == 1
    recorder.log(CALL)
    assert list(signing.tick()) == []
    for _ in range(4):
        recorder.log(CALL)
    (found,) = signing.tick()
    assert (found.first, found.last) == (5, 9)
    often = record.new_signing(interval_s=0)
    list(often.tick())
    (silence,) = often.tick()
    assert (silence.first, silence.last, silence.state) == (10, 9, State.OPEN)
    recorder.close()


def test_a_checkpoint_counts_what_the_lines_state(tmp_path):
    record = SignedRecord(tmp_path)
    recorder = record.write(1, close=False)
    recorder.log(CALL)
    (found,) = record.sign()
    assert found.counted.redacted == 1
    assert found.uid == os.getuid()
    recorder.close()
    (last,) = record.sign()
    assert (last.state, last.previous) == (State.ENDED, found.note.digest.hex())


def test_a_sidecar_that_starts_again_continues_where_it_stopped(tmp_path):
    record = SignedRecord(tmp_path)
    recorder = record.write(300, close=False, max_bytes=40_000)
    record.sign()
    for _ in range(300):
        recorder.log(CALL)
    record.signing = record.new_signing()
    record.sign(at_close=True)
    recorder.close()
    record.signing = record.new_signing()
    record.sign()
    found = record.verdict()
    assert (found.word, found.signed) == (Word.INTACT_UNWITNESSED, found.events)


def test_signing_does_not_disturb_a_writer(tmp_path):
    record = SignedRecord(tmp_path)
    writer = threading.Thread(target=record.write, args=(500,))
    writer.start()
    while writer.is_alive():
        record.sign(at_close=True)
    record.sign()
    assert record.verdict().word is Word.INTACT_UNWITNESSED


def test_a_stream_is_signed_to_its_end_although_a_segment_was_complete_before_the_next_began(
    tmp_path,
):
    """A segment that is closed looks like the end of its stream until the next one is there."""
    record = SignedRecord(tmp_path)
    record.write(20)
    first, *rest = record.segments()
    for path in rest:
        path.rename(tmp_path / path.name)
    (ended,) = record.sign()
    assert (ended.state, record.sign()) == (State.ENDED, [])
    for path in rest:
        (tmp_path / path.name).rename(path)
    (again,) = record.sign()
    assert again.first == ended.last + 1
    assert record.verdict(now_s=later(1e6)).word is Word.INTACT_UNWITNESSED
    assert (record.sign(), first.exists()) == ([], True)


def test_a_segment_that_was_seen_before_its_writer_locked_it_is_signed_later(tmp_path):
    """A new file without a lock looks like the file of a process that died."""
    record = SignedRecord(tmp_path)
    record.write(20)
    first, second, *_ = record.segments()
    line = second.read_bytes()
    for path in record.segments()[1:]:
        path.rename(tmp_path / path.name)
    second.touch()
    record.sign()
    second.write_bytes(line)
    (again,) = record.sign()
    assert again.last == len(first.read_bytes().splitlines()) + len(line.splitlines())
    assert record.sign() == []
