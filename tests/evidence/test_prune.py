"""Deletion under a signed statement."""

import json
import shutil

import pytest

from shipper.cli import main
from shipper.evidence.policy import Policy
from shipper.evidence.store import Store
from shipper.evidence.verdict import Word
from shipper.evidence.verify import Trust, verify
from tests.evidence.signed_record import SignedRecord


@pytest.fixture
def record(tmp_path):
    """A signed and shipped record of one stream in three segments, and its configuration."""
    made = SignedRecord(tmp_path)
    made.write()
    made.configure()
    (tmp_path / "policy").write_text(f"log {made.signer.public}\nquorum none\n", encoding="utf-8")
    return made


def command(record, *words):
    return main(["-c", str(record.home / "c.yml"), *words])


def ship(record):
    assert command(record, "run", "--once") == 0


def prune(record, *more, days=-1):
    policy = str(record.home / "policy")
    words = ["--older-than", str(days), "--authority", "ticket 7", "--policy", policy, *more]
    return command(record, "prune", str(record.audit), *words)


def verdict(record, **more):
    store = Store(record.home / "data" / "evidence")
    trust = Trust(policy=Policy(logs=[record.signer.public]), store=store, **more)
    (found,) = verify([record.audit], trust)
    return found


def test_after_pruning_the_rest_verifies_from_the_kept_tree(record):
    ship(record)
    assert prune(record) == 0
    assert len(record.segments()) == 1
    found = verdict(record)
    assert (found.word, found.pruned + found.events) == (Word.PRUNED, 26)


def test_the_record_states_who_allowed_it_and_what_is_gone(record):
    ship(record)
    assert prune(record) == 0
    paths = (record.home / "data" / "audit").glob("*.jsonl")
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    (event,) = [json.loads(line) for line in lines if b'"audit-retention"' in line]
    details = event["mcp"]["compliance"]["details"]
    assert (details["authority"], details["last"]) == ("ticket 7", verdict(record).pruned)
    assert "/pruned\n" in event["mcp"]["audit"]["checkpoint"]["note"]


def test_what_cannot_be_recorded_is_not_deleted(record, capsys):
    ship(record)
    shutil.rmtree(record.home / "data" / "audit")
    (record.home / "data" / "audit").write_text("no folder")
    assert prune(record) == 1
    assert "the retention cannot be recorded" in capsys.readouterr().err
    assert len(record.segments()) == 3


def test_segments_deleted_without_a_statement_are_missing(record):
    ship(record)
    record.segments()[0].unlink()
    assert verdict(record).word is Word.MISSING


def test_more_than_was_stated_is_missing(record):
    for _ in range(2):
        record.write(20)
    ship(record)
    assert prune(record) == 0
    record.write(3)  # a stream of its own: the one that is pruned has one segment left
    path = record.segments()[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    store = Store(record.home / "data" / "evidence")
    trust = Trust(policy=Policy(logs=[record.signer.public]), store=store)
    assert next(iter(verify([record.audit], trust))).word is Word.MISSING


def test_what_changed_after_it_was_pruned_is_found(record):
    ship(record)
    assert prune(record) == 0
    (path,) = record.segments()
    path.write_bytes(path.read_bytes().replace(b'"n":19', b'"n":18'))
    assert verdict(record).word is Word.EDITED


def test_a_damaged_stream_is_not_pruned(record, capsys):
    ship(record)
    path = record.segments()[0]
    path.write_bytes(path.read_bytes().replace(b'"n":3', b'"n":4'))
    assert prune(record) == 1
    assert "is edited" in capsys.readouterr().err
    assert len(record.segments()) == 3


def test_what_is_not_old_or_not_delivered_stays(record):
    assert prune(record) == 1  # nothing was shipped or signed
    ship(record)
    assert prune(record, days=1) == 0
    assert prune(record, "--dry-run") == 0
    assert len(record.segments()) == 3
