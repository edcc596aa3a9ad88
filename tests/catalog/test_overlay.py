"""An operator's own rows, laid over the built-in ones."""

from shipper.catalog import Classification, Sensitivity, builtin, overlaid


def test_a_type_needs_only_fields_index_and_retention():
    catalog = overlaid(
        {
            "event_types": {
                "payment_events": {
                    "fields": ["timestamp", "user_id", "tool_name", "cost", "success"],
                    "index": "acme-payments",
                    "retention_days": 30,
                }
            }
        }
    )
    row = catalog.event_types["payment_events"]
    assert row.fields == ("user.id", "gen_ai.tool.name", "mcp.cost.amount")
    assert (row.dataset, row.index, row.retention_days) == (
        "mcp.payment_events",
        "acme-payments",
        30,
    )
    assert catalog.paths_by_alias("payment_events")["tool_name"] == "gen_ai.tool.name"


def test_underscores_in_an_index_become_hyphens():
    catalog = overlaid({"event_types": {"mine": {"index": "mcp_my_events"}}})
    assert catalog.event_types["mine"].index == "mcp-my-events"


def test_a_built_in_row_is_changed_key_by_key():
    overlay = {"event_types": {"mcp_tool_execution": {"retention_days": 7}}}
    before = builtin().event_types["mcp_tool_execution"]
    after = overlaid(overlay).event_types["mcp_tool_execution"]
    assert after.retention_days == 7
    assert (after.fields, after.dataset, after.meaning) == (
        before.fields,
        before.dataset,
        before.meaning,
    )


def test_the_built_in_catalog_is_not_changed_by_an_overlay():
    overlaid({"event_types": {"mcp_tool_execution": {"retention_days": 7}}})
    assert builtin().event_types["mcp_tool_execution"].retention_days == 90


def test_an_operators_type_can_carry_an_operators_field():
    catalog = overlaid(
        {
            "fields": {
                "acme.order.id": {"type": "keyword", "alias": "order_id", "sensitivity": "payload"}
            },
            "event_types": {"orders": {"fields": ["order_id"], "classification": "restricted"}},
        }
    )
    assert catalog.fields_of("orders")["acme.order.id"].sensitivity is Sensitivity.PAYLOAD
    assert catalog.event_types["orders"].classification is Classification.RESTRICTED


def test_a_name_in_a_built_in_row_means_the_field_that_the_row_had():
    """`arguments` is a field of tool calls and one of prompts."""
    catalog = overlaid({"event_types": {"mcp_prompt_request": {"fields": ["arguments"]}}})
    assert catalog.event_types["mcp_prompt_request"].fields == ("mcp.prompt.arguments",)


def test_an_operators_framework_is_known_beside_the_others():
    catalog = overlaid(
        {"frameworks": {"acme_7": {"retention_days": 1095, "requires": ["mcp_security_threats"]}}}
    )
    assert [*catalog.frameworks] == [*builtin().frameworks, "acme_7"]
    assert catalog.frameworks["acme_7"].title == "ACME_7"


def test_an_empty_overlay_changes_nothing():
    assert overlaid({"event_types": None}) == builtin()
