"""Dual control: what destroys evidence runs only when other persons have signed the request."""

import json

import pytest

from shipper.cli import main
from shipper.errors import ConfigError
from shipper.evidence.keys import create_key, signer_of_file
from shipper.evidence.policy import read_policy
from shipper.evidence.store import Store
from shipper.evidence.verdict import Word
from shipper.evidence.verify import Trust, verify
from shipper.wire.note import parse_note, parse_signed
from tests.evidence.signed_record import SignedRecord

PERSONS = ("ann", "ben", "eve")


@pytest.fixture
def record(tmp_path):
    """A signed and shipped record; Ann and Ben must both approve, and Eve is nobody."""
    made = SignedRecord(tmp_path)
    made.write()
    made.configure()
    ann, ben, _ = (create_key(tmp_path / name, name) for name in PERSONS)
    lines = f"log {made.signer.public}\nquorum none\n"
    made.persons = f"#! approver {ann}\n#! approver {ben}\n#! approvals 2\n"
    policy(made).parent.mkdir(parents=True)
    policy(made).write_text(lines + made.persons, encoding="utf-8")
    assert command(made, "run", "--once") == 0
    return made


def policy(record):
    return record.home / "data" / "evidence" / "policy"


def command(record, *words):
    return main(["-c", str(record.home / "c.yml"), *map(str, words)])


def prune(record):
    return command(record, "prune", record.audit, "--older-than", "-1", "--authority", "ticket 7")


def request(record):
    (path,) = (policy(record).parent / "requests").iterdir()
    return path


def approve(record, person):
    assert command(record, "approve", request(record), "--key", record.home / person) == 0


def named(key):
    return f"{key.name}+{key.id.hex()}"


def verdict(record):
    store = Store(policy(record).parent)
    (found,) = verify([record.audit], Trust(policy=read_policy(policy(record)), store=store))
    return found.word


def events(record, action):
    paths = (record.home / "data" / "audit").glob("*.jsonl")
    lines = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    return [one for one in lines if one["event"]["action"] == f"audit-{action}"]


def test_segments_are_deleted_only_when_both_persons_have_signed(record, capsys):
    assert prune(record) == 1
    assert "needs the signatures of 2 of the policy's approvers" in capsys.readouterr().err
    approve(record, "ann")
    assert "/pruned\n" in capsys.readouterr().out
    assert prune(record) == 1
    assert "of 1 more of" in capsys.readouterr().err
    assert (len(record.segments()), events(record, "retention")) == (3, [])
    approve(record, "ben")
    assert prune(record) == 0
    assert (len(record.segments()), verdict(record)) == (1, Word.PRUNED)
    (event,) = events(record, "retention")
    note = parse_note(event["mcp"]["audit"]["checkpoint"]["note"])
    assert {"ann", "ben"} <= {line.name for line in note.signatures}
    assert list((policy(record).parent / "requests").iterdir()) == []


@pytest.mark.parametrize("second", ["ann", "eve"])
def test_one_person_twice_or_a_stranger_is_not_a_second_person(record, second):
    prune(record)
    approve(record, "ann")
    approve(record, second)
    assert prune(record) == 1
    assert len(record.segments()) == 3


def test_an_approval_of_another_deletion_does_not_count(record):
    prune(record)
    origin, _, root, *_ = parse_signed(request(record).read_text())[0].split("\n")
    request(record).write_text(f"{origin}\n5\n{root}\n\n")
    for person in ("ann", "ben"):
        approve(record, person)
    assert prune(record) == 1
    assert len(record.segments()) == 3


def test_a_deletion_that_nobody_approved_is_missing_although_its_statement_is_signed(record):
    allowed = policy(record).read_text()
    policy(record).write_text(allowed.replace(record.persons, ""))
    assert prune(record) == 0
    assert verdict(record) is Word.PRUNED
    policy(record).write_text(allowed)
    assert verdict(record) is Word.MISSING


def test_a_key_is_revoked_only_when_both_persons_have_signed_and_once(record):
    key = record.signer.public
    assert command(record, "keys", "revoke", key.id.hex(), "--reason", "stolen") == 1
    for person in ("ann", "ben"):
        approve(record, person)
    signed = request(record).read_text()
    before = policy(record).read_text()
    assert command(record, "keys", "revoke", key.id.hex(), "--reason", "stolen") == 0
    assert read_policy(policy(record)).revoked == [key]
    (event,) = events(record, "keys-revoke")
    assert event["mcp"]["compliance"]["details"] == {"signer": named(key), "reason": "stolen"}
    assert event["mcp"]["audit"]["checkpoint"]["note"] == signed
    policy(record).write_text(before + "# another policy\n")
    (policy(record).parent / "requests" / "keys-revoke").write_text(signed)
    assert command(record, "keys", "revoke", key.id.hex(), "--reason", "stolen") == 1


def test_a_key_is_replaced_only_when_both_persons_have_signed(record):
    old = record.signer.public
    assert command(record, "keys", "rotate", record.key) == 1
    assert signer_of_file(record.key).public == old
    for person in ("ann", "ben"):
        approve(record, person)
    assert command(record, "keys", "rotate", record.key) == 0
    new = signer_of_file(record.key).public
    assert read_policy(policy(record)).logs == [new, old]
    (event,) = events(record, "keys-rotate")
    assert event["mcp"]["compliance"]["details"] == {
        "signer": named(new),
        "replaces": named(old),
    }


def test_keys_without_dual_control_are_events_too(record):
    policy(record).unlink()
    assert command(record, "keys", "create", record.home / "new", "--name", "n") == 0
    (event,) = events(record, "keys-create")
    public = signer_of_file(record.home / "new").public
    assert event["mcp"]["compliance"]["details"] == {"signer": named(public)}
    assert "note" not in event["mcp"]["audit"].get("checkpoint", {})


def test_a_policy_that_is_edited_by_hand_is_a_changed_setting(record):
    policy(record).write_text(policy(record).read_text().replace(record.persons, ""))
    assert command(record, "run", "--once") == 0
    (event,) = events(record, "config")
    assert event["mcp"]["compliance"]["details"]["keys"] == ["evidence/policy"]


def test_more_approvals_than_approvers_are_a_problem_of_the_policy(record):
    policy(record).write_text(record.persons.replace("approvals 2", "approvals 3"))
    with pytest.raises(ConfigError, match="3 approvals of 2 approvers are impossible"):
        read_policy(policy(record))


def test_a_file_that_is_no_request_is_not_signed(record, capsys):
    words = ("approve", record.home / "c.yml", "--key", record.home / "ann")
    assert command(record, *words) == 1
    assert "is not a request to approve" in capsys.readouterr().err
