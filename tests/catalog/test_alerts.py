"""The alerts as shipped, and the faults that their rules refuse."""

import msgspec
import pytest

from shipper.catalog import builtin, overlaid
from shipper.catalog.alerts import alerts, alerts_of, read_alerts
from shipper.errors import CatalogError
from shipper.yaml.node import node_of

NAMES = [
    "multiple_authentication_failures",
    "privilege_escalation_attempts",
    "unusual_tool_execution_patterns",
    "policy_violation_spikes",
    "high_confidence_threats",
]
ATTACK = msgspec.to_builtins(alerts()["policy_violation_spikes"].attack)


def row(**changes):
    shipped = msgspec.to_builtins(alerts()["policy_violation_spikes"])
    del shipped["name"]
    return {key: value for key, value in (shipped | changes).items() if value is not None}


def problems(rows):
    with pytest.raises(CatalogError) as caught:
        read_alerts(node_of(rows, "", "alerts"), builtin())
    return {problem.where: problem.what for problem in caught.value.problems}


def test_the_first_shipped_alerts_are_the_five_of_the_guide():
    assert list(alerts())[:5] == NAMES


def test_a_row_has_everything_that_a_detector_needs():
    alert = alerts()["multiple_authentication_failures"]
    assert (alert.window_s, alert.threshold, alert.group_by) == (600, 5, ("source.ip",))


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"title": None}, "", "title is required"),
        ({"treshold": 3}, ".treshold", "did you mean 'threshold'?"),
        ({"threshold": 0}, ".threshold", "expected 1 or more, found 0"),
        ({"window_minutes": "10m"}, ".window_minutes", "expected a whole number, found '10m'"),
        ({"severity": "mild"}, ".severity", "'mild' is not one of low"),
        ({"attack": ATTACK | {"tactic": {"id": "T1", "name": "x"}}}, ".attack.tactic.id", "TA0001"),
        ({"attack": {"tactic": ATTACK["tactic"]}}, ".attack", "technique is required"),
        ({"query": "event.dataset :"}, ".query", "expected a value at character 16"),
        ({"query": " "}, ".query", "expected a query"),
        ({"query": "event.datasett: x"}, ".query", "unknown field 'event.datasett'"),
        ({"query": "words alone"}, ".query", "no field before it"),
        ({"query": "event.dataset > 1"}, ".query", "neither a number nor a date"),
        ({"group_by": ["user.nam"]}, ".group_by", "unknown field 'user.nam'"),
        ({"query": "event.severity > high"}, ".query", "which is not a number"),
        ({"query": "user.idd : x"}, ".query", "did you mean 'user.id'?"),
        ({"after": "user.id"}, ".after", "no field before it"),
        ({"distinct": "user.id", "after": "user.id : x"}, "", "one of distinct and after"),
        ({"silence": {"minutes": 1, "until": "("}}, ".silence.until", "expected"),
        ({"group_by": ["error.message"]}, ".group_by", "which is match_only_text"),
        ({"distinct": "user.nam"}, ".distinct", "unknown field"),
        ({"first_seen": {"fields": ["x"], "days": 1}}, ".first_seen.fields", "unknown field"),
    ],
)
def test_a_fault_of_a_row_is_reported_with_its_place(changes, where, what):
    found = problems({"mine": row(**changes)})
    assert list(found) == [f"alerts.mine{where}"]
    assert what in found[f"alerts.mine{where}"]


def test_an_operators_row_changes_the_keys_that_it_has_and_adds_the_rows_that_are_new():
    own = {"policy_violation_spikes": {"threshold": 3}, "mine": row(title="Mine")}
    found = alerts_of(overlaid({"alerts": own}))
    assert found["policy_violation_spikes"].threshold == 3
    assert found["policy_violation_spikes"].query == alerts()["policy_violation_spikes"].query
    assert found["mine"].title == "Mine"
    assert [*found] == [*alerts(), "mine"]


def test_the_faults_of_all_rows_are_reported_together():
    rows = {"one": row(threshold=0), "Two": row(), "three": row(query="("), "four": "x"}
    assert set(problems(rows)) == {
        *("alerts.one.threshold", "alerts.Two", "alerts.three.query", "alerts.four"),
    }
