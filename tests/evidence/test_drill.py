"""A drill notices everything on a copy, and leaves the record alone."""

import json

import pytest

from shipper.cli import main
from tests.evidence.signed_record import SignedRecord
from tests.record.recorder import documents


@pytest.fixture
def record(tmp_path):
    made = SignedRecord(tmp_path)
    made.write(20)
    settings = {
        "path": {"home": str(tmp_path), "data": str(tmp_path / "data")},
        "inputs": [{"paths": [f"{made.audit}/*.jsonl"]}],
    }
    (tmp_path / "c.yml").write_text(json.dumps(settings), encoding="utf-8")
    return made


def drill(record, *words):
    return main(["-c", str(record.home / "c.yml"), "drill", str(record.audit), *words])


def contents(record):
    return {path: path.read_bytes() for path in record.audit.rglob("*") if path.is_file()}


def test_every_exercise_gets_its_word_and_its_alert_and_the_record_stays(record, capsys):
    before = contents(record)
    assert drill(record, "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 8
    assert [row for row in rows if not row["noticed"]] == []
    assert contents(record) == before


def test_a_drill_is_an_event(record):
    drill(record)
    events = documents(record.home / "data" / "audit")
    found = [one for one in events if one["mcp"]["compliance"]["operation"] == "drill"]
    assert [one["mcp"]["compliance"]["details"]["noticed"] for one in found] == [8]


def test_an_alert_that_does_not_fire_fails_the_drill(record, capsys):
    rows = "catalog.alerts.record_refused.query='event.action : nothing'"
    assert main(["-c", str(record.home / "c.yml"), "-E", rows, "drill", str(record.audit)]) == 1
    assert "MISSED" in capsys.readouterr().out


def test_a_short_stream_of_one_segment_is_enough(tmp_path, capsys, record):
    short = SignedRecord(tmp_path / "short")
    short.write(5, max_bytes=1 << 20)
    config = str(record.home / "c.yml")
    assert main(["-c", config, "drill", str(short.audit)]) == 0, capsys.readouterr().out


def test_without_a_record_the_error_explains_what_is_needed(tmp_path, record, capsys):
    (tmp_path / "empty").mkdir()
    config = str(record.home / "c.yml")
    assert main(["-c", config, "drill", str(tmp_path / "empty")]) == 1
    assert "no stream is there" in capsys.readouterr().err
