"""What `verify` finds in a record on disk."""

import gzip
import json
from pathlib import Path

import pytest

from shipper import create_tool_execution_event
from shipper.cli import main
from shipper.evidence.policy import Policy
from shipper.evidence.verdict import Word
from shipper.record.seal import GENESIS, seal, unseal
from tests.evidence.signed_record import SignedRecord, later


@pytest.fixture
def record(tmp_path):
    made = SignedRecord(tmp_path)
    made.write()
    made.sign()
    return made


def test_a_signed_record_is_intact(record):
    found = record.verdict()
    assert (found.word, found.events, found.signed) == (Word.INTACT_UNWITNESSED, 26, 26)
    assert found.segments == 3


def test_a_record_in_archives_is_verified_as_the_files_they_are_made_of(record):
    for path in record.segments():
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert record.verdict().word is Word.INTACT_UNWITNESSED


def test_a_copy_beside_a_segment_changes_nothing(record):
    path = record.segments()[1]
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    found = record.verdict()
    assert found.word is Word.INTACT_UNWITNESSED
    assert [copy.removesuffix(".gz") for copy in found.copies] in ([str(path)], [str(path)])


def test_an_edited_copy_beside_a_segment_is_a_fork(record):
    path = record.segments()[1]
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes().replace(b'"n":9', b'"n":8')))
    assert record.verdict().word is Word.FORKED


def test_the_archive_that_ends_too_early_is_cut(record):
    path = record.segments()[-1]
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes())[:-20])
    path.unlink()
    assert record.verdict().word is Word.CUT
    assert record.verdict(store=None).word is Word.CUT


def sealed_again(lines):
    head = GENESIS
    for line in lines:
        sealed, head = seal(unseal(line)[0], head)
        yield sealed + b"\n"


def test_the_first_line_of_another_stream_before_the_first_is_an_edit(record):
    path, *_ = record.segments()
    first, *rest = path.read_bytes().splitlines(keepends=True)
    other = first.replace(path.name[:29].encode(), b"01a22ab2ff6f-bd99b83059d93d50")
    path.write_bytes(b"".join([*sealed_again([other[:-1]]), first, *rest]))
    found = record.verdict(store=None)
    assert (found.word, found.line) == (Word.EDITED, 1)


def test_a_sequence_that_does_not_follow_is_found_although_the_hashes_do(record):
    (path, *others) = record.segments()
    for one in others:
        one.unlink()
    lines = path.read_bytes().splitlines()
    lines[-1] = lines[-1].replace(b'"sequence":', b'"sequence":1')
    path.write_bytes(b"".join(sealed_again(lines)))
    found = record.verdict(store=None)
    assert (found.word, found.line) == (Word.MISSING, len(lines))


def test_a_segment_that_names_another_line_before_it_is_an_edit(record):
    first, second, *others = record.segments()
    for one in others:
        one.unlink()
    lines = first.read_bytes().splitlines() + second.read_bytes().splitlines()
    at = len(first.read_bytes().splitlines())
    stated = json.loads(lines[at])["mcp"]["audit"]["chain"]["previous"].encode()
    lines[at] = lines[at].replace(stated, b"f" * 64)
    made = list(sealed_again(lines))
    second.write_bytes(b"".join(made[at:]))
    found = record.verdict(store=None)
    assert (found.word, found.path, found.line) == (Word.EDITED, str(second), 1)


def test_several_processes_find_what_one_finds(record):
    record.write(30)
    record.write(5)
    record.sign()
    assert record.verdicts(jobs=2) == record.verdicts()
    assert {one.word for one in record.verdicts(jobs=2)} == {Word.INTACT_UNWITNESSED}


def test_without_a_checkpoint_the_end_is_not_signed(tmp_path):
    record = SignedRecord(tmp_path)
    record.write()
    found = record.verdict()
    assert (found.word, found.signed) == (Word.UNSIGNED_TAIL, 0)


def test_events_that_nobody_signed_in_time_are_an_unsigned_tail(tmp_path):
    record = SignedRecord(tmp_path)
    recorder = record.write(5, close=False)
    record.sign()
    recorder.log(create_tool_execution_event("bob", "t", {}, "ok"))
    assert record.verdict().word is Word.INTACT_UNWITNESSED
    found = record.verdict(now_s=later(130))
    assert (found.word, found.sequence) == (Word.UNSIGNED_TAIL, found.signed + 1)
    recorder.close()


def test_an_open_stream_without_a_new_checkpoint_is_stale(tmp_path):
    record = SignedRecord(tmp_path)
    recorder = record.write(5, close=False)
    record.sign()
    assert record.verdict(now_s=later(100)).word is Word.INTACT_UNWITNESSED
    assert record.verdict(now_s=later(130)).word is Word.STALE
    recorder.close()
    record.sign()
    assert record.verdict(now_s=later(130)).word is Word.INTACT_UNWITNESSED


def test_a_killed_stream_that_a_later_one_has_seen_is_not_stale(tmp_path):
    record = SignedRecord(tmp_path)
    recorder = record.write(5, close=False)
    recorder.handler._recording._stream.abandon()
    record.write(5, max_bytes=8_000)  # other settings: a stream of its own
    record.sign()
    verdicts = record.verdicts(now_s=later(1000))
    assert len(verdicts) == 2
    assert {one.word for one in verdicts} == {Word.INTACT_UNWITNESSED}


def test_a_history_written_again_after_it_was_signed_is_found_at_the_first_event(record):
    head = GENESIS
    for path in record.segments():
        lines = []
        for line in path.read_bytes().splitlines():
            body, _ = unseal(line.replace(b'"n":7', b'"n":8'))
            if b"segment-start" in body and head != GENESIS:
                before = json.loads(line)["mcp"]["audit"]["chain"]["previous"]
                body = body.replace(before.encode(), head.hex().encode())
            sealed, head = seal(body, head)
            lines.append(sealed + b"\n")
        path.write_bytes(b"".join(lines))
    found = record.verdict()
    changed = next(n for n, line in enumerate(all_lines(record), 1) if line.count(b'"n":8'))
    assert (found.word, found.sequence) == (Word.EDITED, changed)
    assert b'"n":8' in Path(found.path).read_bytes().splitlines()[found.line - 1]


def all_lines(record):
    return [line for path in record.segments() for line in path.read_bytes().splitlines()]


def test_a_checkpoint_by_a_key_that_the_policy_does_not_have_is_refused(record, tmp_path):
    other = SignedRecord(tmp_path / "other")
    found = record.verdict(policy=Policy(logs=[other.signer.public]))
    assert found.word is Word.WRONG_KEY


def test_a_signature_with_one_changed_byte_is_refused(record):
    (path,) = record.evidence.glob("*/checkpoint")
    text = path.read_text()
    path.write_text(text.replace("\n26\n", "\n25\n"))
    assert record.verdict().word is Word.WRONG_KEY


def test_the_command_prints_the_word_and_the_first_bad_record(record, capsys):
    policy = record.home / "policy"
    policy.write_text(f"log {record.signer.public}\nquorum none\n")
    arguments = ["verify", str(record.audit), "--evidence", str(record.evidence)]
    arguments += ["--policy", str(policy)]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("intact-unwitnessed ")
    path = record.segments()[0]
    path.write_bytes(path.read_bytes().replace(b'"n":3', b'"n":4'))
    assert main([*arguments, "--json"]) == 65
    found = json.loads(capsys.readouterr().out)
    assert (found["word"], found["path"], found["line"]) == ("edited", str(path), 5)
    assert found["id"].endswith("-5")
