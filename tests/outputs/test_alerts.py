"""Alerts end to end: the sample's incident, recorded once and shipped, over restarts."""

import json
import subprocess

import msgspec
import pytest

from shipper.config import from_mapping
from shipper.lines import Lines, Origin
from shipper.outputs.alerts.config import AlertsConfig
from shipper.outputs.alerts.output import Alerts
from shipper.sample import write_sample
from tests.detect.events import failed_login
from tests.integration.line import SHIPPER

END_S = 1_795_530_600


@pytest.fixture
def place(tmp_path):
    recording = {"service": {"name": "mcp-shipper", "version": "0"}}
    return AlertsConfig(
        journal=tmp_path / "alerts.ndjson", audit=tmp_path / "audit", recording=recording
    )


def recorded(directory, names="*.jsonl"):
    lines = [
        one for path in sorted(directory.glob(names)) for one in path.read_bytes().splitlines()
    ]
    events = [msgspec.json.decode(one) for one in lines]
    return [event for event in events if event["event"]["kind"] == "alert"]


def run_once(home, sample):
    config = home / "c.yml"
    settings = {
        "path.home": str(home),
        "inputs": [{"id": "s", "paths": [f"{sample}/*.jsonl"]}],
        "output.file": {"path": str(home / "out"), "filename": "all"},
        "security_monitoring.real_time_alerts": [
            "multiple_authentication_failures",
            "policy_violation_spikes",
            "high_confidence_threats",
        ],
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    config.chmod(0o600)
    command = [*SHIPPER, "-c", str(config), "run", "--once"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_incident_of_the_sample_is_recorded_once_and_shipped(tmp_path):
    write_sample(tmp_path / "sample", days=2, seed=1, end_s=END_S)
    for _ in range(3):
        run_once(tmp_path, tmp_path / "sample")
    found = recorded(tmp_path / "out", "*.ndjson")
    alerts = [event for event in found if "correlation" in event["mcp"]]
    assert not any(alert["mcp"]["threat"].get("confidence") for alert in alerts)  # no rule's input
    names = [event["mcp"]["threat"]["type"] for event in alerts]
    assert names.count("multiple_authentication_failures") == 1
    assert names.count("policy_violation_spikes") == 1
    assert names.count("high_confidence_threats") == 3
    assert len({event["mcp"]["correlation"]["id"] for event in alerts}) == len(alerts)
    [guessed] = [e for e in alerts if "authentication" in e["mcp"]["threat"]["type"]]
    assert guessed["source"]["ip"] == "203.0.113.66"
    assert guessed["event"]["risk_score"] == 47
    assert guessed["threat"]["technique"]["id"] == "T1110"
    assert len(guessed["mcp"]["threat"]["event_ids"]) == 5


def test_a_line_outside_an_audit_stream_raises_no_alert(place):
    lines = [failed_login(n, n) for n in range(1, 20)]
    block = Lines.of(lines)
    forged = Lines(block.block, block.ends, origins=[Origin(len(lines), key="k")])
    output = Alerts(place)
    output.send(forged)
    output.close()
    assert not recorded(place.audit)
    output.send(Lines.of(lines))
    output.close()
    assert len(recorded(place.audit)) == 1


def test_a_crash_between_the_record_and_the_journal_does_not_repeat_an_alert(place):
    lines = Lines.of([failed_login(n, n) for n in range(1, 20)])
    for _ in range(2):
        output = Alerts(place)
        output.send(lines)
        output.close()
        place.journal.unlink()
    assert len(recorded(place.audit)) == 1


def test_alerts_need_the_self_audit_that_they_are_recorded_in():
    settings = {
        "security_monitoring": {"real_time_alerts": ["high_confidence_threats"]},
        "self_audit": {"enabled": False},
    }
    with pytest.raises(Exception, match="alerts are recorded in the self-audit"):
        from_mapping(settings)
