"""Forgetting a person, and revealing one, are events, and leave the verification as it was."""

import json
import os

import pytest

from shipper.cli import main
from shipper.evidence.verdict import Word
from tests.evidence.signed_record import SignedRecord
from tests.record.recorder import Recorder, documents


@pytest.fixture
def record(tmp_path):
    """A signed record with pseudonyms, and its configuration."""
    made = SignedRecord(tmp_path)
    made.catalog = {"pseudonyms": str(tmp_path / "keys")}
    recorder = Recorder(made.audit, catalog=made.catalog)
    recorder.logger.info("a call", extra={"event_type": "mcp_tool_execution", "event_data": CALL})
    recorder.close()
    made.sign()
    settings = {
        "path": {"home": str(tmp_path), "data": str(tmp_path / "data")},
        "inputs": [{"paths": [f"{made.audit}/*.jsonl"]}],
        "catalog": made.catalog,
    }
    (tmp_path / "c.yml").write_text(json.dumps(settings), encoding="utf-8")
    return made


CALL = {"user_id": "alice", "tool_name": "t", "source_ip": "203.0.113.7"}


def command(record, *words):
    authority = ("--authority", "ticket 7")
    return main(["-c", str(record.home / "c.yml"), *words, *authority])


def pseudonyms(record):
    (document,) = [one for one in documents(record.audit) if "user" in one]
    return document["user"]["id"], document["source"]["ip"]


def operations(record):
    found = [one["mcp"]["compliance"] for one in documents(record.home / "data" / "audit")]
    return [one for one in found if one["operation"] in ("forget-requested", "forget", "reveal")]


def test_forgetting_destroys_the_key_is_an_event_and_leaves_the_verification_green(record, capsys):
    user, address = pseudonyms(record)
    keys = record.home / "keys"
    before = {path for path in keys.rglob("*") if path.is_file()}
    assert command(record, "forget", "alice") == 0
    assert len(before - {*keys.rglob("*")}) == 1
    assert user in capsys.readouterr().out
    assert record.verdict().word is Word.INTACT_UNWITNESSED
    assert command(record, "reveal", user) == 1
    assert command(record, "reveal", address) == 1
    requested, forgotten, *_ = operations(record)
    assert [requested["operation"], forgotten["operation"]] == ["forget-requested", "forget"]
    assert requested["details"] == forgotten["details"]
    assert forgotten["details"] == {"pseudonym": user, "authority": "ticket 7"}
    written = b"".join(path.read_bytes() for path in record.home.rglob("*") if path.is_file())
    assert b"alice" not in written
    assert b"203.0.113.7" not in written


def test_revealing_prints_the_identifier_and_records_only_the_pseudonym(record, capsys):
    _, address = pseudonyms(record)
    assert command(record, "reveal", address) == 0
    assert capsys.readouterr().out == "203.0.113.7 of alice\n"
    (event,) = operations(record)
    assert event["details"] == {"pseudonym": address, "authority": "ticket 7"}


def test_what_cannot_be_recorded_is_not_revealed(record, capsys):
    user, _ = pseudonyms(record)
    (record.home / "data").mkdir()
    (record.home / "data" / "audit").write_text("no folder")
    assert command(record, "reveal", user) != 0
    assert "alice" not in capsys.readouterr().out


def test_what_cannot_be_recorded_is_not_forgotten(record, capsys):
    user, _ = pseudonyms(record)
    (record.home / "data").mkdir()
    (record.home / "data" / "audit").write_text("no folder")
    assert command(record, "forget", "alice") != 0
    assert capsys.readouterr().out == ""
    (record.home / "data" / "audit").unlink()
    assert command(record, "reveal", user) == 0


def test_the_request_to_forget_is_recorded_before_the_key_is_destroyed(record):
    user, _ = pseudonyms(record)
    lock = record.home / "keys" / "lock"
    lock.unlink()
    lock.mkdir()
    assert command(record, "forget", "alice") == os.EX_IOERR
    lock.rmdir()
    assert command(record, "reveal", user) == 0
    event, _ = operations(record)
    assert event["operation"] == "forget-requested"
    assert event["details"] == {"pseudonym": user, "authority": "ticket 7"}


def test_a_subject_without_a_key_is_an_error_that_names_where_it_is_an_identifier(record, capsys):
    assert command(record, "forget", "203.0.113.7") == 1
    assert "'alice'" in capsys.readouterr().err


def test_without_keys_the_commands_explain_what_to_configure(record, capsys):
    assert main(["-c", str(record.home / "c.yml"), "-E", "catalog.pseudonyms=", *FORGET]) == 78
    assert "catalog.pseudonyms" in capsys.readouterr().err


FORGET = ("forget", "alice", "--authority", "ticket 7")
