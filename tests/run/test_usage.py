"""The amounts that the guide asks to watch: rate, alerts, storage by stream and retention."""

import gzip
import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

import shipper
from shipper.config import from_mapping
from shipper.follow.account import Account
from shipper.run import usage
from shipper.run.counters import counters
from shipper.run.prometheus import metrics
from shipper.run.service import Service
from shipper.run.usage import Usage
from tests.test_cli import run

KEPT = {"mcp_tool_execution": 90, "mcp_authentication_events": 730}


@pytest.fixture
def home(tmp_path):
    return {"path": {"home": str(tmp_path)}, "output": {"file": {"path": str(tmp_path)}}}


def log(home, kind="mcp_tool_execution", **data):
    asked = {"operation": "log_audit_event", "event_type": kind, "event_data": data}
    answer = shipper.process(asked, home)
    assert answer["success"], answer


def alert(home):
    log(home, "mcp_security_threats", **{"threat_type": "t", "mcp.threat.rule": "spraying"})


def segments(tmp_path):
    return sorted((tmp_path / "audit").glob("*.jsonl"))


def by_class(measured):
    return {one.retention_days: one.bytes for one in measured.storage}


def test_every_byte_of_a_stream_is_counted_for_the_time_that_its_event_is_kept(home, tmp_path):
    for kind in KEPT:
        log(home, kind)
    [path] = segments(tmp_path)
    found = Usage(from_mapping(home)).measure()
    lines = path.read_bytes().splitlines(keepends=True)
    for kind, days in KEPT.items():
        [line] = [one for one in lines if json.loads(one)["mcp"]["audit"]["type"] == kind]
        assert by_class(found)[days] == len(line)
    assert sum(by_class(found).values()) == path.stat().st_size
    assert {one.stream for one in found.storage} == {path.name.rpartition("-")[0]}


def test_a_later_measurement_counts_only_what_was_added(home, tmp_path):
    log(home)
    measuring = Usage(from_mapping(home))
    first = measuring.measure()
    alert(home)
    second = measuring.measure()
    assert by_class(second)[90] == by_class(first)[90]
    assert (first.alerts, second.alerts) == ({}, {"spraying": 1})
    assert second.alert_frequency == {"spraying": 1}
    assert first.event_rate < second.event_rate
    assert sum(by_class(second).values()) == segments(tmp_path)[0].stat().st_size
    segments(tmp_path)[0].unlink()
    assert (measuring.measure().storage, measuring.measure().alerts) == ([], {"spraying": 1})


def test_events_that_are_older_than_a_minute_or_a_day_do_not_count_as_present(home, tmp_path):
    alert(home)
    [path] = segments(tmp_path)
    year = b'{"@timestamp":"2026-'
    path.write_bytes(path.read_bytes().replace(b'{"@timestamp":"20', b'{"@timestamp":"19'))
    found = Usage(from_mapping(home)).measure()
    assert year not in path.read_bytes()
    assert (found.event_rate, found.alert_frequency, found.alerts) == (0, {}, {"spraying": 1})


def test_the_lines_of_an_archive_share_its_bytes_on_the_disk(home, tmp_path):
    log(home)
    [path] = segments(tmp_path)
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    found = Usage(from_mapping(home)).measure()
    assert sum(by_class(found).values()) == pytest.approx(packed.stat().st_size, abs=2)
    assert by_class(found)[90] > 0


def test_a_measurement_is_bounded_and_the_next_one_reads_on(home, tmp_path, monkeypatch):
    for _ in range(5):
        log(home)
    monkeypatch.setattr(usage, "_MOST_BYTES", 1)
    measuring = Usage(from_mapping(home))
    unread = [by_class(measuring.measure()).get(None, 0) for _ in range(7)]
    assert unread == sorted(unread, reverse=True)
    assert (unread[0] > 0, unread[-1]) == (True, 0)


def test_a_line_that_is_not_json_and_one_without_an_end_are_not_read(home, tmp_path):
    log(home)
    [path] = segments(tmp_path)
    with path.open("ab") as file:
        file.write(b"no event\n" + b"half a line")
    found = by_class(Usage(from_mapping(home)).measure())
    assert found[None] == len(b"no event\nhalf a line")


def test_metrics_stats_and_status_have_the_same_numbers(home, tmp_path):
    log(home)
    alert(home)
    service = Service(from_mapping(home))
    stats = service.pipelines["file"].stats
    stats.account = Account(read=4, delivered=3, dead_letters=1)
    families = text_string_to_metric_families(metrics(service).decode())
    samples = [one for family in families for one in family.samples]
    values = {one.name: one.value for one in samples}
    reported = counters(service)
    config = tmp_path / "c.yml"
    config.write_text(json.dumps(home))
    shown = json.loads(run("status", "--json", "-c", config).stdout)
    assert values["mcp_shipper_delivery_success_ratio"] == 0.75
    assert reported["outputs"]["file"]["delivery_success_rate"] == 0.75
    assert shown["outputs"][0]["delivery_success_rate"] is None
    assert values["mcp_shipper_event_rate"] == reported["record"]["event_rate"] > 0
    assert values["mcp_shipper_alerts_total"] == reported["record"]["alerts"]["spraying"] == 1
    stored = {
        (one.labels["stream"], int(one.labels["retention_days"])): one.value
        for one in samples
        if one.name == "mcp_shipper_storage_bytes"
    }
    for found in (reported["record"], shown["record"]):
        rows = {(one["stream"], one["retention_days"]): one["bytes"] for one in found["storage"]}
        assert rows == stored
        assert found["alert_frequency"] == {"spraying": 1}
    text = run("status", "-c", config).stdout
    assert "alerts within the last day: 1 spraying" in text
    assert "for 90 days" in text
