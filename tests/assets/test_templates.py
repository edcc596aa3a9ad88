"""Templates map every field of the catalog, and match only mcp-shipper's streams."""

import json
from itertools import combinations

import pytest

from shipper.assets.generate.bodies import (
    MAPPINGS,
    SETTINGS,
    component_templates,
    final_pipeline,
    index_templates,
    policies,
)
from shipper.assets.generate.ingest import ingest_pipelines
from shipper.catalog import MCPEventType, Scope, builtin, overlaid

CATALOG = builtin()


def mapped(properties, outer=""):
    """Every leaf of a mapping by its path."""
    for name, row in properties.items():
        if "properties" in row:
            yield from mapped(row["properties"], f"{outer}{name}.")
        else:
            yield f"{outer}{name}", row


def composed(event_type, catalog=CATALOG):
    """Leaves of the mappings in force for a type: later templates override earlier ones."""
    templates = index_templates(catalog, Scope())
    own = templates[f"logs-{catalog.event_types[event_type].dataset}"]
    components = component_templates(catalog)
    leaves = {}
    for part in (*(components[name] for name in own["composed_of"]), own):
        leaves |= dict(mapped(part["template"].get("mappings", {}).get("properties", {})))
    return leaves


def keys(value):
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from keys(item)


@pytest.mark.parametrize("event_type", MCPEventType)
def test_every_field_of_a_type_is_mapped_as_the_catalog_says(event_type):
    leaves = composed(event_type)
    types = {path: leaves[path]["type"] for path in CATALOG.fields_of(event_type)}
    assert types == {path: row.type for path, row in CATALOG.fields_of(event_type).items()}


def test_a_field_maps_the_same_in_all_streams():
    """Otherwise a search over all streams would fail; the constants of a stream are excepted."""
    leaves = [composed(event_type) for event_type in MCPEventType]
    constants = {"data_stream.type", "data_stream.dataset"}
    for path in leaves[0].keys() - constants:
        assert all(each[path] == leaves[0][path] for each in leaves)


def test_long_text_and_values_that_do_not_fit_never_cause_a_refusal():
    leaves = composed("mcp_resource_access")
    assert leaves["user.id"] == {"type": "keyword", "ignore_above": 1024}
    assert leaves["mcp.resource.uri"] == {"type": "keyword", "ignore_above": 8191}
    assert leaves["gen_ai.tool.call.arguments"] == {"type": "flattened", "ignore_above": 1024}
    assert leaves["source.ip"] == {"type": "ip", "ignore_malformed": True}
    assert leaves["event.duration"] == {"type": "long", "ignore_malformed": True}
    assert leaves["mcp.oauth.token.expires_at"] == {"type": "date", "ignore_malformed": True}
    assert leaves["@timestamp"] == {"type": "date"}  # a data stream takes only this


def test_a_field_that_the_catalog_does_not_name_is_not_indexed():
    assert component_templates(CATALOG)[MAPPINGS]["template"]["mappings"]["dynamic"] is False


def test_a_stream_matches_only_its_own_template():
    patterns = [row["index_patterns"] for row in index_templates(CATALOG, Scope()).values()]
    assert all(len(each) == 1 and each[0].endswith("-*") for each in patterns)
    for one, other in combinations((each[0].removesuffix("*") for each in patterns), 2):
        assert not one.startswith(other)
        assert not other.startswith(one)


def test_templates_win_over_the_built_in_ones_and_name_a_policy_that_exists():
    names = policies(CATALOG, Scope()).keys()
    for row in index_templates(CATALOG, Scope()).values():
        assert row["priority"] > 501  # the highest example for `logs-*` in Elastic's documentation
        assert row["template"]["settings"]["index"]["lifecycle"]["name"] in names
        assert set(row["composed_of"]) == component_templates(CATALOG).keys()


def test_settings_are_nested():
    for row in component_templates(CATALOG).values():
        assert not [key for key in keys(row["template"].get("settings")) if "." in key]
    for row in index_templates(CATALOG, Scope()).values():
        assert not [key for key in keys(row["template"]["settings"]) if "." in key]


def test_without_ilm_the_streams_lifecycle_keeps_for_the_days_in_force():
    templates = index_templates(CATALOG, Scope(frameworks=("sox",)), has_ilm=False)
    for row in templates.values():
        assert row["template"]["lifecycle"]["data_retention"] == "2557d"
        assert "settings" not in row["template"]


def test_a_users_overlay_has_its_policy_its_template_and_its_fields():
    catalog = overlaid(
        {
            "fields": {"acme.order.id": {"type": "keyword", "meaning": "The order."}},
            "event_types": {"acme_order": {"dataset": "acme.orders", "fields": ["acme.order.id"]}},
            "frameworks": {"acme": {"retention_days": 4000, "requires": ["acme_order"]}},
        }
    )
    policy = policies(catalog, Scope(frameworks=("acme",)))["logs-acme.orders"]["policy"]
    assert policy["phases"]["delete"]["min_age"] == "4000d"
    template = index_templates(catalog, Scope())["logs-acme.orders"]
    assert template["index_patterns"] == ["logs-acme.orders-*"]
    assert composed("acme_order", catalog)["acme.order.id"]["type"] == "keyword"


def test_the_ingest_pipelines_survive_a_round_trip_through_json_so_setup_sees_no_change():
    bodies = ingest_pipelines(CATALOG, Scope())
    assert json.loads(json.dumps(bodies)) == bodies


def test_every_index_names_the_last_pipeline_that_the_same_part_installs():
    settings = component_templates(CATALOG)[SETTINGS]["template"]["settings"]["index"]
    assert [settings["final_pipeline"]] == [*final_pipeline()]
