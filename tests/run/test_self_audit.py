"""The events of the self-audit as they are shipped, and `replay` as an operator runs it."""

import json
import os
import signal
from hashlib import sha256

import pytest

from shipper.config import from_mapping, load
from shipper.evidence.keys import create_key
from shipper.follow.batch import BadLine
from shipper.follow.handle import Handle
from shipper.follow.segments import is_abandoned
from shipper.forms.check import Reject
from shipper.record.format import first_break
from shipper.run.self_audit import SelfAudit
from shipper.run.service import Service
from tests.fakes import FakeElasticsearch, items
from tests.integration.line import shipping
from tests.real.processes import free_ports, wait_until
from tests.test_cli import run

BAD = b'{"password":"hunter2"'
STARTED = "audit-shipper-start"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.ndjson"
    path.write_bytes(b'{"n":1}\n' + BAD + b"\n[2]\n")
    return path


def write(home, source, outputs, **more):
    path = home / "c.yml"
    settings = {
        "path": {"home": str(home)},
        "inputs": [{"paths": [str(source)], "parsers": [{"ndjson": {}}]}],
        "output": outputs,
    }
    path.write_text(json.dumps(settings | more), encoding="utf-8")
    return path


def to_file(home):
    return {"file": {"path": str(home / "out"), "filename": "events"}}


def shipped_events(home):
    """The events of the self-audit in the output, without control events."""
    lines = [line for path in (home / "out").glob("*") for line in path.read_bytes().splitlines()]
    events = [json.loads(line) for line in lines if b'"mcp.compliance"' in line]
    return [one for one in events if "segment" not in one["event"]["action"]]


def actions(home):
    return [one["event"]["action"].removeprefix("audit-") for one in shipped_events(home)]


def details(event):
    return event["mcp"]["compliance"]["details"]


def test_dead_letters_are_an_event_with_places_and_digests_and_no_content(source, tmp_path):
    config = load(write(tmp_path, source, to_file(tmp_path)))
    service = Service(config)
    service.drain()
    service.self_audit.close()
    Service(config).drain()
    events = {details(one)["reason"]: one for one in shipped_events(tmp_path)}
    assert set(events) == {"not JSON", "not a JSON object"}
    event = events["not JSON"]
    assert event["event"]["action"] == "audit-lines-quarantined"
    assert event["event"]["outcome"] == "failure"
    assert event["mcp"]["compliance"]["records"] == 1
    assert details(event) == {
        "output": "file",
        "reason": "not JSON",
        "lines": [{"path": str(source), "offset": 8, "sha256": sha256(BAD).hexdigest()}],
    }
    assert "hunter2" not in json.dumps(shipped_events(tmp_path))


def recorded(home, bad_lines):
    """The events in the self-audit's stream after these lines became dead letters."""
    self_audit = SelfAudit(from_mapping({"path": {"home": str(home)}, "output": {"console": {}}}))
    self_audit.loss_reporter("file").dead_lettered(bad_lines)
    self_audit.close()
    lines = [
        line
        for path in sorted((home / "data" / "audit").glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    assert first_break(lines) is None
    return [json.loads(line) for line in lines[1:-1]]


def test_a_batch_with_many_dead_letters_is_one_event_per_reason_with_the_count_of_all(tmp_path):
    bad_lines = [BadLine("/a", Reject(b"%d" % n, n, f"400 bad: {n}")) for n in range(2000)]
    (event,) = recorded(tmp_path, bad_lines)
    assert event["mcp"]["compliance"]["records"] == 2000
    assert [one["offset"] for one in details(event)["lines"]] == list(range(20))


def test_truncated_lines_are_an_event_with_their_places(tmp_path):
    home = {"path": {"home": str(tmp_path)}, "output": {"console": {}}}
    self_audit = SelfAudit(from_mapping(home))
    cut = Reject(b"begin", 7, "11 bytes long, over 5", length=11, sha256="ab" * 32)
    self_audit.loss_reporter("console").truncated([BadLine("/a.log", cut)])
    self_audit.close()
    (segment,) = (tmp_path / "data" / "audit").iterdir()
    event = json.loads(segment.read_bytes().splitlines()[1])
    assert event["event"]["action"] == "audit-lines-truncated"
    assert details(event)["lines"] == [{"path": "/a.log", "offset": 7, "sha256": "ab" * 32}]


def test_a_batch_of_many_reasons_is_a_bounded_number_of_events(tmp_path):
    bad_lines = [BadLine("/a", Reject(b"x", n, f"reason {n}")) for n in range(100)]
    events = recorded(tmp_path, bad_lines)
    assert len(events) == 11
    assert sum(one["mcp"]["compliance"]["records"] for one in events) == 100


def test_a_rejected_event_of_the_self_audit_causes_no_further_event(tmp_path):
    path = str(tmp_path / "data" / "audit" / "x-000001.jsonl")
    self_audit = SelfAudit(from_mapping({"path": {"home": str(tmp_path)}}))
    self_audit.loss_reporter("file").dead_lettered([BadLine(path, Reject(b"{}", 0, "400 bad"))])
    self_audit.close()
    assert not (tmp_path / "data" / "audit").exists()


def test_lines_dropped_by_processors_are_one_event_with_their_count_and_place(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"".join(b'{"n":%d}\n' % n for n in range(9)))
    drop = {"drop_event": {"when": {"range": {"n": {"gte": 4}}}}}
    config = write(tmp_path, source, to_file(tmp_path), processors=[drop])
    assert run("run", "--once", "-c", config).returncode == 0
    assert run("run", "--once", "-c", config).returncode == 0
    (event,) = [one for one in shipped_events(tmp_path) if "dropped" in one["event"]["action"]]
    assert event["mcp"]["compliance"]["records"] == 5
    place = {"path": str(source), "lines": 5, "first_offset": 32, "last_offset": 64}
    assert details(event) == {"output": "file", "files": [place]}


def test_start_reload_and_stop_are_events_and_the_stop_has_the_unacknowledged_bytes(
    source, tmp_path
):
    dead = {"logstash": {"hosts": [f"127.0.0.1:{free_ports(1)[0]}"]}}
    config = write(tmp_path, source, to_file(tmp_path) | dead)
    with shipping(config, tmp_path / "log") as process:
        wait_until(lambda: "shipper-start" in actions(tmp_path), 60, "the start")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: actions(tmp_path).count("shipper-start") == 2, 20, "the reload")
        assert "shipper-reload" in actions(tmp_path)
    assert run("run", "--once", "-c", write(tmp_path, source, to_file(tmp_path))).returncode == 0
    stops = [
        one for one in shipped_events(tmp_path) if one["event"]["action"] == "audit-shipper-stop"
    ]
    left = {"file": 0, "logstash": source.stat().st_size}
    assert [details(one) for one in stops] == [{"unacknowledged_bytes": left}]


def test_without_self_audit_the_output_has_only_the_lines_of_the_inputs(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path), self_audit={"enabled": False})
    assert run("run", "--once", "-c", config).returncode == 0
    assert run("run", "--once", "-c", config).returncode == 0
    (out,) = (tmp_path / "out").iterdir()
    assert out.read_bytes() == b'{"n":1}\n'
    assert not (tmp_path / "data" / "audit").exists()


def segments(home):
    return sorted((home / "data" / "audit").glob("*.jsonl"))


def is_left_open(home):
    """Whether the latest segment has neither a writer nor a last line."""
    with segments(home)[-1].open("rb") as file:
        return is_abandoned(Handle(file.fileno()))


def test_segments_of_earlier_runs_are_deleted_after_every_output_has_shipped_them(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path))
    assert run("run", "--once", "-c", config).returncode == 0
    (first,) = segments(tmp_path)
    os.utime(first, (0, 0))
    dead = {"logstash": {"hosts": [f"127.0.0.1:{free_ports(1)[0]}"]}}
    with shipping(write(tmp_path, source, to_file(tmp_path) | dead), tmp_path / "log"):
        wait_until(lambda: "shipper-stop" in actions(tmp_path), 20, "one output has it")
    assert first in segments(tmp_path), "the other has not"
    config = write(tmp_path, source, to_file(tmp_path))
    assert run("run", "--once", "-c", config).returncode == 0
    assert first not in segments(tmp_path)


def test_a_start_records_that_the_previous_run_was_killed(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path))
    with shipping(config, tmp_path / "log") as process:
        wait_until(lambda: "shipper-start" in actions(tmp_path), 60, "the start")
        process.kill()
    wait_until(
        lambda: is_left_open(tmp_path), 20, "the kernel releases the lock of the killed process"
    )
    for _ in range(2):  # one after the kill, and one after a clean end
        assert run("run", "--once", "-c", config).returncode == 0
    assert run("run", "--once", "-c", config).returncode == 0
    # By id: the segments of two runs come in any order, and a kill can make an event arrive twice.
    events = {one["event"]["id"]: one for one in shipped_events(tmp_path)}
    starts = [events[i] for i in sorted(events) if events[i]["event"]["action"] == STARTED]
    assert [details(one).get("previous_run") for one in starts[:3]] == [None, "killed", None]


def test_a_shorter_retention_and_another_key_are_events(source, tmp_path):
    keys = [tmp_path / "one", tmp_path / "two"]
    public = [str(create_key(path, "test")) for path in keys]
    for days, key in [(4000, keys[0]), (4000, keys[0]), (3000, keys[1]), (5000, None)]:
        evidence = {"evidence": {"key": str(key)}} if key else {}
        config = write(tmp_path, source, to_file(tmp_path), retention_days=days, **evidence)
        assert run("run", "--once", "-c", config).returncode == 0
    assert run("run", "--once", "-c", config).returncode == 0  # ships the last events
    found = {one["event"]["id"]: one for one in shipped_events(tmp_path)}
    by_action = {name: [] for name in ("audit-retention-shortened", "audit-key-changed")}
    for _, event in sorted(found.items()):
        by_action.setdefault(event["event"]["action"], []).append(event)
    [shortened], other_keys = by_action["audit-retention-shortened"], by_action["audit-key-changed"]
    assert details(shortened)["days"]["mcp_tool_execution"] == {"before": 4000, "after": 3000}
    assert [details(one) for one in other_keys] == [
        {"before": public[0], "after": public[1]},
        {"before": public[1], "after": "none"},
    ]


# --- replay


@pytest.fixture
def refusing():
    """An Elasticsearch that refuses the second of two lines once."""
    bad = {"status": 400, "error": {"type": "document_parsing_exception", "reason": "no [n]"}}
    with FakeElasticsearch(items(201, bad)) as server:
        yield server


@pytest.fixture
def refused(refusing, tmp_path):
    """A configuration with one dead letter."""
    source = tmp_path / "in.ndjson"
    source.write_bytes(b'{"n":1}\n{"n":2}\n')
    outputs = {"elasticsearch": {"hosts": [refusing.url], "timeout": "5s"}}
    config = write(tmp_path, source, outputs, self_audit={"enabled": False})
    assert run("run", "--once", "-c", config).returncode == 0
    return config


def dead_letters(home):
    path = home / "data" / "dead-letters" / "elasticsearch.ndjson"
    return path.read_bytes().splitlines() if path.exists() else []


def test_replay_shows_what_would_be_sent_and_changes_nothing(refused, refusing, tmp_path):
    before = dead_letters(tmp_path)
    done = run("replay", "--dry-run", "-c", refused)
    assert done.returncode == 0
    assert "elasticsearch  400 document_parsing_exception             1" in done.stdout
    assert done.stdout.endswith("sends them\n")
    assert dead_letters(tmp_path) == before
    assert len(refusing.requests) == 1


def test_replay_shows_that_it_keeps_a_line_that_is_not_an_object_until_it_is_fixed(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"no object\n")
    config = write(tmp_path, source, to_file(tmp_path))
    assert run("run", "--once", "-c", config).returncode == 0
    shown = run("replay", "--dry-run", "-c", config).stdout
    assert shown.endswith("keeps them: not JSON objects, fix them first\n")
    path = tmp_path / "data" / "dead-letters" / "file.ndjson"
    path.write_text(path.read_text().replace('"no object"', '"{}"'))
    assert run("replay", "--dry-run", "-c", config).stdout.endswith("sends them\n")


def test_replay_sends_the_dead_letters_again_and_removes_those_delivered(
    refused, refusing, tmp_path
):
    done = run("replay", "-c", refused)
    assert done.stdout == "elasticsearch: 1 delivered\n"
    assert done.returncode == 0
    assert list(refusing.documents.values()) == [b'{"n":2}']
    assert dead_letters(tmp_path) == []
    assert run("replay", "-c", refused).stdout == "no dead letters to send\n"


def test_replay_by_reason_keeps_the_others(refused, tmp_path):
    assert "1 kept (not selected)" in run("replay", "--reason", "404", "-c", refused).stdout
    assert len(dead_letters(tmp_path)) == 1
    assert "1 delivered" in run("replay", "--reason", "*parsing*no [n]", "-c", refused).stdout


def test_replay_of_dead_letters_that_are_rejected_again_exits_with_65(refused, refusing, tmp_path):
    refusing.answers.append(items({"status": 422, "error": {"type": "x", "reason": "y"}}))
    done = run("replay", "-c", refused)
    assert done.returncode == os.EX_DATAERR
    assert "0 delivered; 1 refused again" in done.stdout
    assert json.loads(dead_letters(tmp_path)[0])["reason"] == "422 x: y"


def test_replay_to_an_output_that_refuses_the_shipper_exits_with_69_and_changes_nothing(
    refused, refusing, tmp_path
):
    before = dead_letters(tmp_path)
    refusing.answers.append(lambda pairs: (401, {}))
    done = run("replay", "-c", refused)
    assert done.returncode == os.EX_UNAVAILABLE
    assert "401" in done.stderr
    assert dead_letters(tmp_path) == before


def test_replay_reports_an_output_with_dead_letters_that_is_not_configured(refused, tmp_path):
    config = write(tmp_path, tmp_path / "in.ndjson", to_file(tmp_path))
    done = run("replay", "-c", config)
    assert done.returncode == os.EX_CONFIG
    assert "elasticsearch" in done.stderr
    assert "keeps them: unknown output" in run("replay", "--dry-run", "-c", config).stdout


def test_dead_letters_of_an_unconfigured_output_do_not_block_those_of_the_others(
    refused, refusing, tmp_path
):
    path = tmp_path / "data" / "dead-letters" / "elasticsearch.ndjson"
    (path.parent / "kafka.ndjson").write_bytes(path.read_bytes())
    done = run("replay", "-c", refused)
    assert done.returncode == os.EX_CONFIG
    assert done.stdout == "elasticsearch: 1 delivered\n"
    assert "kafka: this output is not configured; its dead letters are kept" in done.stderr


def test_a_replay_is_itself_an_event(refused, tmp_path):
    text = refused.read_text().replace('"self_audit": {"enabled": false}', '"self_audit": {}')
    refused.write_text(text)
    assert run("replay", "-c", refused).returncode == 0
    (segment,) = segments(tmp_path)
    event = json.loads(segment.read_bytes().splitlines()[1])
    assert event["event"]["action"] == "audit-letters-replayed"
    assert details(event) == {"output": "elasticsearch", "delivered": 1, "refused": 0}
