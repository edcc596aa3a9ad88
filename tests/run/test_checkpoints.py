"""Checkpoints while the shipper runs, as events and in the evidence folder."""

import json
import stat
import sys

import pytest

from shipper.cli import main
from shipper.errors import ConfigError
from shipper.evidence.keys import signer_of
from shipper.evidence.policy import Policy
from shipper.evidence.store import Store
from shipper.evidence.verdict import Word
from shipper.evidence.verify import Trust, verify
from tests.evidence.signed_record import SignedRecord, later


@pytest.fixture
def record(tmp_path):
    return SignedRecord(tmp_path)


def config_of(record, **evidence):
    settings = {
        "path": {"home": str(record.home), "data": str(record.home / "data")},
        "inputs": [{"paths": [f"{record.audit}/*.jsonl"]}],
        "output": {"file": {"path": str(record.home / "out"), "filename": "events"}},
        "evidence": {"key": str(record.key), **evidence},
    }
    path = record.home / "c.yml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def run_once(record, **evidence):
    assert main(["-c", str(config_of(record, **evidence)), "run", "--once"]) == 0


def trust(record, **more):
    store = Store(record.home / "data" / "evidence")
    return Trust(policy=Policy(logs=[record.signer.public]), store=store, **more)


def events(record, operation="checkpoint"):
    paths = (record.home / "data" / "audit").glob("*.jsonl")
    found = (json.loads(line) for path in paths for line in path.read_bytes().splitlines())
    return [one for one in found if one["event"]["action"] == f"audit-{operation}"]


def test_a_run_signs_every_stream_to_its_end_its_own_too(record):
    record.write()
    run_once(record)
    paths = [record.audit, record.home / "data" / "audit"]
    verdicts = list(verify(paths, trust(record, now_s=later(1e6))))
    assert len(verdicts) == 2
    assert {one.word for one in verdicts} == {Word.INTACT_UNWITNESSED}
    assert all(one.signed == one.events for one in verdicts)


def test_a_checkpoint_is_an_event_with_the_note_as_it_was_signed(record):
    record.write()
    run_once(record)
    (own,) = [one for one in events(record) if one["mcp"]["audit"]["checkpoint"]["size"] == 26]
    found = own["mcp"]["audit"]["checkpoint"]
    (path,) = (record.home / "data" / "evidence").glob(f"{found['stream']}/checkpoint")
    body = path.read_text().partition("\n\n")[0]
    assert found["note"].startswith(body)
    assert (found["first"], found["last"], found["segment"], found["state"]) == (1, 26, 3, "ended")
    assert found["uid"] == record.segments()[0].stat().st_uid


def test_a_proof_and_the_tiles_that_somebody_takes_are_events(record, tmp_path):
    record.write()
    run_once(record)
    event = record.segments()[0].name[:29] + "-1"
    words = ["-c", str(config_of(record))]
    assert main([*words, "prove", event]) == 0
    assert main([*words, "export", "tiles", str(tmp_path / "tiles")]) == 0
    taken = [one["mcp"]["compliance"]["details"] for one in events(record, "export")]
    assert {"what": "proof", "event": event} in taken
    assert {"what": "tiles", "target": str(tmp_path / "tiles")} in taken


def test_the_notes_in_events_find_a_cut_tail_without_the_evidence_folder(record):
    record.write()
    run_once(record)
    record.segments()[-1].unlink()
    paths = [record.audit, record.home / "data" / "audit"]
    policy = Policy(logs=[record.signer.public])
    found = {one.word for one in verify(paths, Trust(policy=policy))}
    assert Word.CUT in found


def test_a_stream_whose_signed_end_is_gone_is_not_signed_again(record):
    recorder = record.write(5, close=False)
    run_once(record)
    path = record.segments()[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    recorder.close()
    run_once(record)
    paths = (record.home / "data" / "audit").glob("*.jsonl")
    assert b"audit-checkpoint-refused" in b"".join(path.read_bytes() for path in paths)
    (verdict,) = verify([record.audit], trust(record))
    assert verdict.word is Word.MISSING


def test_a_key_that_others_can_read_is_refused(record):
    record.key.chmod(0o440)
    with pytest.raises(ConfigError, match="other users can read"):
        signer_of(str(record.key), (), None)


def test_a_new_key_is_readable_by_its_owner_alone(record):
    assert stat.S_IMODE(record.key.stat().st_mode) == 0o400


def test_a_command_signs_in_place_of_a_key_file(record):
    tool = record.home / "sign.py"
    tool.write_text(
        "import sys, base64\n"
        "from pathlib import Path\n"
        "from shipper.evidence.keys import signer_of_file\n"
        f"signer = signer_of_file(Path({str(record.key)!r}))\n"
        "print(base64.b64encode(signer.sign(sys.stdin.buffer.read())).decode())\n"
    )
    record.write(3)
    command = {"key": "", "command": [sys.executable, str(tool)]}
    run_once(record, **command, public=str(record.signer.public))
    (verdict,) = verify([record.audit], trust(record))
    assert verdict.word is Word.INTACT_UNWITNESSED


def test_the_record_does_not_show_the_key(record):
    record.write(3)
    run_once(record)
    secret = record.key.read_text().strip().split("+", 4)[4].encode()  # base64 has + too
    files = [one for one in record.home.rglob("*") if one.is_file() and one != record.key]
    assert files
    assert not [one for one in files if secret in one.read_bytes()]
