"""Alerts as Sigma rules, and Sigma rules as rows of alerts."""

import json
import subprocess

import pytest
import yaml

from shipper.catalog import overlaid
from shipper.catalog.alerts import alerts, alerts_of
from shipper.catalog.kql import leaves, parse
from shipper.catalog.sigma import row_of, sigma_of
from shipper.detect.matching import predicate
from shipper.detect.reading import Reading
from tests.integration.line import SHIPPER

REFUSED = {
    "unusual_tool_execution_patterns": "values that are new",
    "denied_then_granted": "temporal_ordered",
    "unusual_call_rate": "usual rate",
    "sequence_gap": "do not come",
    "checkpoint_overdue": "do not come",
    "unusual_hours": "usual hours",
}


@pytest.mark.parametrize("name", [name for name in alerts() if name not in REFUSED])
def test_an_alert_is_a_sigma_rule_about_the_same_events_and_a_correlation_if_it_counts(name):
    alert = alerts()[name]
    rule, *correlations = sigma_of(alert)
    assert len(correlations) == (alert.threshold > 1)
    for correlation in correlations:
        assert correlation["correlation"]["rules"] == [rule["name"]]
        assert correlation["correlation"]["condition"]["gte"] == alert.threshold
    _, row = row_of(rule)
    wanted, found = parse(alert.counted), parse(row["query"])
    compared = lambda tree: sorted({repr(leaf) for leaf in leaves(tree)})  # noqa: E731
    assert compared(found) == compared(wanted)


@pytest.mark.parametrize("name", REFUSED)
def test_an_alert_that_sigma_cannot_express_is_refused_with_the_reason(name):
    with pytest.raises(ValueError, match=REFUSED[name]):
        sigma_of(alerts()[name])


def rule(detection, **more):
    return {"title": "Shell in a tool", "detection": detection, "level": "high", **more}


EVENT = {
    "gen_ai": {"tool": {"name": "run_shell"}},
    "user": {"id": "bob"},
    "source": {"ip": "10.1.2.3"},
    "event": {"dataset": "mcp.tools", "severity": 47},
    "mcp": {"client": {"name": 'a "quoted" (name) and more'}},
}


@pytest.mark.parametrize(
    ("detection", "holds"),
    [
        ({"s": {"user.id": "bob"}, "condition": "s"}, True),
        ({"s": {"user.id": ["eve", "bob"]}, "condition": "s"}, True),
        ({"s": {"gen_ai.tool.name|startswith": "run"}, "condition": "s"}, True),
        ({"s": {"gen_ai.tool.name|endswith": "run"}, "condition": "s"}, False),
        ({"s": {"gen_ai.tool.name|contains|all": ["run", "shell"]}, "condition": "s"}, True),
        ({"s": {"gen_ai.tool.name|contains|all": ["run", "x"]}, "condition": "s"}, False),
        ({"s": {"gen_ai.tool.name": "run*"}, "condition": "s"}, True),
        ({"s": {"gen_ai.tool.name": r"run\*"}, "condition": "s"}, False),
        ({"s": {"gen_ai.tool.name|re": "^run_.*ll$|^x$"}, "condition": "s"}, True),
        ({"s": {"gen_ai.tool.name|re": "shell"}, "condition": "s"}, True),
        ({"s": {"gen_ai.tool.name|re": "^shell"}, "condition": "s"}, False),
        ({"s": {"source.ip|cidr": "10.0.0.0/8"}, "condition": "s"}, True),
        ({"s": {"source.ip|cidr": ["192.168.0.0/16", "fd00::/8"]}, "condition": "s"}, False),
        ({"s": {"event.severity|gte": 47}, "condition": "s"}, True),
        ({"s": {"event.severity|gt": 47}, "condition": "s"}, False),
        ({"s": {"mcp.session.id": None}, "condition": "s"}, True),
        ({"s": {"user.id|exists": True}, "condition": "s"}, True),
        ({"s": [{"user.id": "x"}, {"user.id": "bob"}], "condition": "s"}, True),
        ({"s": {"mcp.client.name": 'a "quoted" (name) and more'}, "condition": "s"}, True),
        ({"a": {"user.id": "x"}, "b": {"user.id": "bob"}, "condition": "a or not b"}, False),
        ({"a": {"user.id": "x"}, "b": {"user.id": "bob"}, "condition": "not (a or b)"}, False),
        ({"s_1": {"user.id": "x"}, "s_2": {"user.id": "bob"}, "condition": "1 of s_*"}, True),
        ({"s_1": {"user.id": "x"}, "s_2": {"user.id": "bob"}, "condition": "all of them"}, False),
        ({"s": {"user.id": "bob"}, "f": {"user.id": "bob"}, "condition": "s and not f"}, False),
    ],
)
def test_a_sigma_rule_about_one_event_holds_as_it_states(detection, holds):
    name, row = row_of(rule(detection, logsource={"product": "mcp", "service": "tools"}))
    alert = alerts_of(overlaid({"alerts": {name: row}}))["shell_in_a_tool"]
    tree = parse(alert.counted)
    reading = Reading(leaf.path for leaf in leaves(tree))
    assert predicate(tree)(reading.event(json.dumps(EVENT).encode())) is holds


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"title": "x", "correlation": {}}, "correlations are refused"),
        (rule({"s": ["word"], "condition": "s"}), "keywords without a field"),
        (rule({"s": {"user.id": "x"}, "condition": "s | count() > 5"}), "aggregations"),
        (rule({"s": {"user.id": "x"}, "condition": "t"}), "no search is named 't'; known: s"),
        (rule({"s": {"user.id": "x"}, "condition": "s s"}), "unexpected 's'"),
        (rule({"s": {"user.id": "x"}, "condition": "(s"}), r"expected `\)`"),
        (rule({"s": {"user.id": "x"}, "condition": "s and"}), "expected the name of a search"),
        (rule({"s": {"user.id": "x"}}), "no condition"),
        (rule({"s": {"user.id|base64": "x"}, "condition": "s"}), "'base64' is not supported"),
        (rule({"s": {"user.id|re": "a[bc]+"}, "condition": "s"}), "no regular expressions"),
        (rule({"s": {"user.id": "a?"}, "condition": "s"}), "no wildcard for one sign"),
        ({}, "expected a Sigma rule"),
    ],
)
def test_a_sigma_rule_that_cannot_be_taken_is_refused_with_the_reason(document, reason):
    with pytest.raises(ValueError, match=reason):
        row_of(document)


def test_the_commands_export_rules_and_import_them_as_rows_of_a_configuration(tmp_path):
    exported = subprocess.run(
        [*SHIPPER, "export", "sigma", "high_confidence_threats"], capture_output=True, check=True
    )
    file = tmp_path / "rule.yml"
    file.write_bytes(exported.stdout)
    imported = subprocess.run([*SHIPPER, "import", "sigma", file], capture_output=True, check=True)
    rows = yaml.safe_load(imported.stdout)["catalog"]["alerts"]
    assert rows["mcp_high_confidence_threat"]["severity"] == "critical"
    file.write_text("title: x\ndetection: {s: {user.idd: x}, condition: s}", encoding="utf-8")
    refused = subprocess.run([*SHIPPER, "import", "sigma", file], capture_output=True, check=False)
    assert refused.returncode == 65
    assert b"did you mean 'user.id'?" in refused.stderr
