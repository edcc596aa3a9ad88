"""The catalog as shipped, and the faults that its rules refuse."""

import re

import pytest

from shipper.catalog import MCPEventType, builtin, overlaid
from shipper.errors import CatalogError


def places(overlay):
    with pytest.raises(CatalogError) as caught:
        overlaid(overlay)
    return [problem.where for problem in caught.value.problems]


def test_the_built_in_types_are_the_members_of_the_enumeration():
    assert list(builtin().event_types) == sorted(
        MCPEventType, key=list(builtin().event_types).index
    )
    assert set(builtin().event_types) == set(MCPEventType)


def test_each_field_has_a_meaning():
    assert [path for path, field in builtin().fields.items() if not field.meaning] == []


def test_each_framework_has_a_basis_for_its_period():
    assert [name for name, row in builtin().frameworks.items() if not row.basis] == []


def test_every_field_is_carried_by_some_event_type():
    catalog = builtin()
    carried = {path for name in catalog.event_types for path in catalog.fields_of(name)}
    assert set(catalog.fields) - carried == {"event.ingested"}  # Elasticsearch sets it


#: An overlay with one fault of each kind that a rule knows, and where it is to be reported.
FAULTS = {
    "a type's name is no identifier": (
        {"event_types": {"My-Type": {"dataset": "mcp.mine", "index": "mine"}}},
        "overlay.event_types.My-Type.name",
    ),
    "a dataset holds what Elasticsearch refuses": (
        {"event_types": {"mine": {"dataset": "mcp-Mine"}}},
        "overlay.event_types.mine.dataset",
    ),
    "an index name holds what Elasticsearch refuses": (
        {"event_types": {"mine": {"index": "My Index"}}},
        "overlay.event_types.mine.index",
    ),
    "two types share a dataset": (
        {"event_types": {"mine": {"dataset": "mcp.tools"}}},
        "overlay.event_types.mine.dataset",
    ),
    "two types share an index": (
        {"event_types": {"mine": {"index": "mcp-tools"}}},
        "overlay.event_types.mine.index",
    ),
    "a type lists a field that nobody defined": (
        {"event_types": {"mine": {"fields": ["no.such.field"]}}},
        "overlay.event_types.mine.fields",
    ),
    "a path is no path": (
        {"fields": {"My Field": {"type": "keyword"}}},
        "overlay.fields.My Field",
    ),
    "a type of field that the templates do not know": (
        {"fields": {"my.field": {"type": "nested"}}},
        "overlay.fields.my.field.type",
    ),
    "a field inside another": (
        {"fields": {"user.id.number": {"type": "long"}}},
        "overlay.fields.user.id.number",
    ),
    "a category that ECS does not have": (
        {"event_types": {"mine": {"category": ["weather"]}}},
        "overlay.event_types.mine.category",
    ),
    "an ECS type that does not go with the category": (
        {"event_types": {"mine": {"category": ["web"], "type": ["deletion"]}}},
        "overlay.event_types.mine.type",
    ),
    "a kind that only Elastic's own rules write": (
        {"event_types": {"mine": {"kind": "signal"}}},
        "overlay.event_types.mine.kind",
    ),
    "a type that is kept for no time": (
        {"event_types": {"mine": {"retention_days": 0}}},
        "overlay.event_types.mine.retention_days",
    ),
    "a framework that keeps for no time": (
        {"frameworks": {"mine": {"retention_days": 0, "requires": []}}},
        "overlay.frameworks.mine.retention_days",
    ),
    "a framework that requires an unknown type": (
        {"frameworks": {"mine": {"retention_days": 1, "requires": ["mcp_tools"]}}},
        "overlay.frameworks.mine.requires",
    ),
    "two fields of one type under the same alias": (
        {
            "fields": {"my.tool": {"type": "keyword", "alias": "tool_name"}},
            "event_types": {"mine": {"fields": ["gen_ai.tool.name", "my.tool"]}},
        },
        "overlay.fields.my.tool.alias",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_rule_refuses(fault):
    overlay, where = FAULTS[fault]
    assert places(overlay) == [where]


#: Faults of form: a value that its key does not take.
MISSHAPEN = {
    "a section with another name": ({"event_type": {}}, ["overlay.event_type"]),
    "a section that is a list": ({"event_types": []}, ["overlay.event_types"]),
    "a row that is a number": ({"event_types": {"mine": 5}}, ["overlay.event_types.mine"]),
    "a name that YAML reads as a number": (
        {"event_types": {7: {}}},
        ["overlay.event_types.7.name"],
    ),
    "an unknown key": (
        {"event_types": {"mine": {"retention": 5}}},
        ["overlay.event_types.mine.retention"],
    ),
    "a classification that is none": (
        {"event_types": {"mine": {"classification": "secret"}}},
        ["overlay.event_types.mine.classification"],
    ),
    "a level that is none": (
        {"event_types": {"mine": {"level": ["basic"]}}},
        ["overlay.event_types.mine.level"],
    ),
    "a period in words": (
        {"event_types": {"mine": {"retention_days": "90"}}},
        ["overlay.event_types.mine.retention_days"],
    ),
    "a period that is a truth": (
        {"event_types": {"mine": {"retention_days": True}}},
        ["overlay.event_types.mine.retention_days"],
    ),
    "fields that are a mapping": (
        {"event_types": {"mine": {"fields": {"user_id": "x"}}}},
        ["overlay.event_types.mine.fields"],
    ),
    "fields among which is a number": (
        {"event_types": {"mine": {"fields": ["user_id", 3]}}},
        ["overlay.event_types.mine.fields"],
    ),
    "a field without a type": ({"fields": {"my.x": {}}}, ["overlay.fields.my.x"]),
    "a sensitivity that is none": (
        {"fields": {"my.x": {"type": "long", "sensitivity": "hush"}}},
        ["overlay.fields.my.x.sensitivity"],
    ),
    "a framework without its two numbers": (
        {"frameworks": {"mine": None}},
        ["overlay.frameworks.mine", "overlay.frameworks.mine"],
    ),
    "two faults in two sections": (
        {"event_types": {"mine": {"level": "all"}}, "fields": {"x": {"type": "text"}}},
        ["overlay.event_types.mine.level", "overlay.fields.x.type"],
    ),
}


@pytest.mark.parametrize("fault", MISSHAPEN)
def test_an_overlay_is_refused_for(fault):
    overlay, where = MISSHAPEN[fault]
    assert places(overlay) == where


def test_a_misspelt_key_is_answered_with_the_nearest_known_one():
    with pytest.raises(CatalogError, match=re.escape("did you mean 'retention_days'?")):
        overlaid({"event_types": {"mine": {"retention_day": 3}}})


def test_every_required_key_that_is_missing_is_reported():
    with pytest.raises(CatalogError) as caught:
        overlaid({"frameworks": {"mine": None}})
    assert [problem.what for problem in caught.value.problems] == [
        "retention_days is required",
        "requires is required",
    ]


def test_a_key_without_a_value_leaves_the_built_in_value():
    overlay = {"event_types": {"mcp_tool_execution": {"retention_days": None, "level": "basic"}}}
    row = overlaid(overlay).event_types["mcp_tool_execution"]
    assert row.retention_days == builtin().event_types["mcp_tool_execution"].retention_days


def test_a_single_name_is_a_list_of_one():
    row = overlaid({"event_types": {"mine": {"fields": "user_id"}}}).event_types["mine"]
    assert row.fields == ("user.id",)


def test_a_removed_built_in_type_is_reported():
    """No overlay can remove one; the rule guards the shipped file itself."""
    from msgspec.structs import replace

    from shipper.catalog.check import faults_of

    catalog = builtin()
    rows = {k: v for k, v in catalog.event_types.items() if k != "mcp_compliance_events"}
    found = [fault.place for fault in faults_of(replace(catalog, event_types=rows))]
    assert found == [("event_types", "mcp_compliance_events")]
