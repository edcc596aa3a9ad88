"""Changed settings are events that name keys, and never values that may be secret."""

import json
import os
import pwd
import signal
from operator import itemgetter

import pytest

from shipper.cli import main
from tests.integration.line import shipping
from tests.real.processes import wait_until

SECRET = "correct-horse-battery" * 2


@pytest.fixture
def ship(tmp_path):
    """Run the shipper once under the settings, and return its new events about settings."""
    source = tmp_path / "in.ndjson"
    source.write_bytes(b'{"n":1}\n')
    seen = 0

    def once(**settings):
        nonlocal seen
        assert main(["-c", str(write(tmp_path, **settings)), "run", "--once"]) == 0
        found = changes(tmp_path)
        new, seen = found[seen:], len(found)
        return new

    return once


def write(home, **settings):
    path = home / "c.yml"
    known = {
        "path": {"home": str(home)},
        "inputs": [{"paths": [f"{home}/in.ndjson"], "parsers": [{"ndjson": {}}]}],
        "output": {"file": {"path": str(home / "out"), "filename": "events"}},
    }
    path.write_text(json.dumps(known | settings), encoding="utf-8")
    return path


def changes(home):
    paths = sorted((home / "data" / "audit").glob("*.jsonl"))
    lines = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    found = [one for one in lines if one["event"]["action"] == "audit-config"]
    return sorted(found, key=itemgetter("@timestamp"))


def details(event):
    return event["mcp"]["compliance"]["details"]


def test_the_first_start_and_an_unchanged_one_record_no_change(ship):
    assert ship() == []
    assert ship() == []


def test_a_change_between_two_runs_names_its_keys_and_who_owns_the_file(ship, tmp_path):
    ship(retention_days=400)
    (event,) = ship(retention_days=30, mcp_audit_level="basic")
    assert event["user"]["id"] == pwd.getpwuid(os.getuid()).pw_name
    found = details(event)
    assert found["file"] == str(tmp_path / "c.yml")
    assert (found["keys"], found["count"]) == (["mcp_audit_level", "retention_days"], 2)
    assert found["before"] != found["after"]
    assert found["level"] == {"before": "standard", "after": "basic"}
    assert found["retention_days.mcp_tool_execution"] == {"before": 400, "after": 90}
    (back,) = ship(retention_days=400)
    assert details(back)["after"] == found["before"]


def test_a_changed_secret_is_named_and_its_value_is_nowhere(ship, tmp_path, monkeypatch):
    api = {"clients": {"ann": {"role": "analyst", "token": "${TOKEN_OF_ANN}"}}}
    monkeypatch.setenv("TOKEN_OF_ANN", "before" * 6)
    ship(api=api)
    monkeypatch.setenv("TOKEN_OF_ANN", SECRET)
    (event,) = ship(api=api)
    assert details(event)["keys"] == ["api.clients.ann.token"]
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert tmp_path / "data" / "settings.json" in files
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


def test_another_list_and_a_section_without_values_are_changes(ship):
    ship(compliance_frameworks=["gdpr", "sox"])
    (event,) = ship(compliance_frameworks=["sox"], self_audit={})
    assert details(event)["keys"] == ["compliance_frameworks", "self_audit"]
    assert details(event)["frameworks"] == {"before": ["gdpr", "sox"], "after": ["sox"]}


def test_a_reload_records_the_change(tmp_path):
    (tmp_path / "in.ndjson").write_bytes(b'{"n":1}\n')
    config = write(tmp_path)
    with shipping(config, tmp_path / "log") as process:
        wait_until((tmp_path / "data" / "settings.json").exists, 20, "the start")
        write(tmp_path, namespace="other")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: changes(tmp_path), 20, "the event")
    (event,) = changes(tmp_path)
    assert details(event)["keys"] == ["namespace"]
