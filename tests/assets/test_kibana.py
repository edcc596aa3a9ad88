"""Kibana's files: the generated ones are valid, reproducible and follow the operator's catalog."""

import json
from pathlib import Path, PurePosixPath

import pytest
from msgspec.structs import replace

from shipper.assets.generate.files import build
from shipper.assets.generate.kibana import boards, saved_objects
from shipper.assets.generate.kibana.filters import filters
from shipper.assets.generate.kibana.model import Saved
from shipper.assets.generate.kibana.rules import detection_rules, stack_rules
from shipper.assets.generate.kibana.searches import SEARCHES
from shipper.assets.validate import validate
from shipper.catalog import IndexStrategy, Scope, builtin, overlaid
from shipper.catalog.alerts import alerts
from tests.assets.overlay import OVERLAY

ROOT = Path(__file__).parent.parent.parent
CATALOG = builtin()
VERSIONS = {"dashboard": "8.9.0", "search": "8.0.0", "index-pattern": "8.0.0", "tag": "8.0.0"}


def objects(catalog=CATALOG, scope=None):
    return saved_objects(catalog, scope or Scope())


def panels(board):
    return json.loads(board["attributes"]["panelsJSON"])


def test_the_committed_files_have_no_problem():
    assert list(validate(ROOT / "kibana", CATALOG, Scope())) == []


def test_each_object_claims_the_versions_that_8_11_and_all_later_kibanas_take():
    for body in objects():
        assert body["coreMigrationVersion"] == "8.8.0"
        assert body["typeMigrationVersion"] == VERSIONS[body["type"]]


def test_there_are_a_tag_two_data_views_eight_searches_and_four_dashboards():
    kinds = [body["type"] for body in objects()]
    assert kinds == ["tag", *["index-pattern"] * 2, *["search"] * 8, *["dashboard"] * 4]
    titles = [body["attributes"]["title"] for body in objects() if body["type"] == "dashboard"]
    names = ("Security Overview", "Compliance", "Operations", "Agents and Servers")
    assert titles == [f"[MCP] {name}" for name in names]


def test_each_row_of_a_dashboard_fills_the_grid_from_edge_to_edge():
    for board in objects()[-4:]:
        rows = {}
        for panel in panels(board):
            box = panel["gridData"]
            rows.setdefault(box["y"], []).append(box)
        assert all(sum(box["w"] for box in row) == 48 for row in rows.values())


def test_each_dashboard_ends_in_the_events_of_a_saved_search():
    known = {row.id for row in SEARCHES}
    for board in boards(CATALOG):
        chart = board.rows[-1].panels[-1].chart
        assert isinstance(chart, Saved)
        assert chart.search in known


def test_an_operators_framework_gets_a_panel_and_its_type_a_place_in_the_data_view(tmp_path):
    catalog = overlaid(OVERLAY)
    files = build(catalog, Scope())
    file = tmp_path / "mcp-shipper.ndjson"
    file.write_bytes(files[PurePosixPath("kibana/saved_objects/mcp-shipper.ndjson")])
    assert list(validate(file, catalog, Scope())) == []
    view, compliance = objects(catalog)[1], objects(catalog)[-3]
    assert view["attributes"]["title"] == "logs-mcp.*-*,logs-acme.orders-*"
    [panel] = [one for one in panels(compliance) if one["title"] == "Evidence for ACME"]
    assert "event.dataset : acme.orders" in json.dumps(panel)


def test_monthly_indices_are_searched_by_their_names():
    scope = Scope(index_strategy=IndexStrategy.MONTHLY)
    title = objects(scope=scope)[1]["attributes"]["title"]
    assert title.startswith("mcp-tools-2*,mcp-auth-2*")
    [rule, *_] = detection_rules(CATALOG, scope)
    assert ",".join(rule["index"]) == title


def test_a_revision_changes_only_with_the_object():
    before = {body["id"]: body for body in objects()}
    after = {body["id"]: body for body in objects(overlaid(OVERLAY))}
    changed = {key for key, body in before.items() if body != after[key]}
    assert changed == {"mcp-agents", "mcp-compliance", "mcp-logs"}


@pytest.mark.parametrize("alert", alerts().values(), ids=lambda alert: alert.name)
def test_an_alert_has_a_disabled_rule_of_each_kind_that_can_see_it_with_its_mappings(alert):
    detections = [one for one in detection_rules(CATALOG, Scope()) if one["name"] == alert.title]
    stack = [body for name, body in stack_rules(CATALOG, Scope()).items() if name == alert.name]
    is_of_missing = alert.memory in {"silence", "sequence_gap", "usual_hours"}
    assert len(detections) == (not is_of_missing)
    assert len(stack) == (not is_of_missing and alert.memory not in {"distinct", "after"})
    assert not any(rule["enabled"] for rule in [*detections, *stack])
    for detection in detections:
        [threat] = detection["threat"]
        assert threat["tactic"]["id"].startswith("TA")
        assert any(tag.startswith("OWASP MCP") for tag in detection["tags"])


def test_an_alert_about_one_event_after_another_is_a_sequence_in_eql():
    alert = alerts()["denied_then_granted"]
    [detection] = detection_rules(CATALOG, Scope(), {alert.name: alert})
    assert (detection["type"], detection["language"]) == ("eql", "eql")
    assert detection["query"].split("\n  ") == [
        "sequence by user.id, gen_ai.tool.name with maxspan=10m",
        '[any where event.dataset == "mcp.authz" and mcp.authz.decision == "deny"] with runs=3',
        '[any where event.dataset == "mcp.authz" and mcp.authz.decision == "allow"]',
    ]


def test_a_rule_that_an_alert_could_match_leaves_alerts_out():
    rules = {one["name"]: one["query"] for one in detection_rules(CATALOG, Scope())}
    assert rules["MCP: high-confidence threat"].endswith(" and not mcp.threat.rule : *")
    assert "mcp.threat.rule" not in rules["MCP: policy violation spike"]


def test_an_alert_that_counts_different_values_has_only_a_detection_rule():
    alert = replace(alerts()["multiple_authentication_failures"], distinct="user.id")
    [detection] = detection_rules(CATALOG, Scope(), {alert.name: alert})
    assert detection["threshold"] == {
        "field": ["source.ip"],
        "value": 1,
        "cardinality": [{"field": "user.id", "value": 5}],
    }
    assert stack_rules(CATALOG, Scope(), {alert.name: alert}) == {}


@pytest.mark.parametrize(
    ("query", "clauses"),
    [
        ("", []),
        ("a: x and b >= 0.8", [{"term": {"a": "x"}}, {"range": {"b": {"gte": 0.8}}}]),
        ("c > now-1d", [{"range": {"c": {"gt": "now-1d"}}}]),
        (r"a: x?\**", [{"wildcard": {"a": {"value": r"x\?\**"}}}]),
        ("d: two words", [{"match": {"d": "two words"}}]),
        ('d: "two words"', [{"match_phrase": {"d": "two words"}}]),
        (
            "a: (x or y) and not a: *",
            [
                {"bool": {"should": [{"term": {"a": "x"}}, {"term": {"a": "y"}}]}},
                {"bool": {"must_not": [{"exists": {"field": "a"}}]}},
            ],
        ),
        (
            "a: x or (b < 1 and a: y)",
            [
                {
                    "bool": {
                        "should": [
                            {"term": {"a": "x"}},
                            {
                                "bool": {
                                    "filter": [{"range": {"b": {"lt": 1}}}, {"term": {"a": "y"}}]
                                }
                            },
                        ]
                    }
                }
            ],
        ),
    ],
)
def test_a_query_is_translated_to_filters_of_elasticsearch(query, clauses):
    types = {"a": "keyword", "b": "float", "c": "date", "d": "match_only_text"}
    assert filters(query, types) == clauses
