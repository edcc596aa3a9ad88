"""Roles give only the rights that they state; the overlays obey the rules of their base."""

import json

import pytest

from shipper.assets.generate import security
from shipper.assets.validate.stack import problems_in
from shipper.catalog import IndexStrategy, Scope, builtin

CATALOG = builtin()
ROLES = security.roles(CATALOG, Scope())


def privileges(body):
    return {name for index in body["indices"] for name in index["privileges"]}


def test_the_role_of_a_writer_has_the_rights_of_the_key_of_a_shipper():
    key = security.api_keys(CATALOG, Scope())["mcp-shipper-writer"]["role_descriptors"]
    body = {name: ROLES["mcp_writer"][name] for name in key["mcp_writer"]}
    assert body == key["mcp_writer"]
    assert privileges(ROLES["mcp_writer"]) == {"create_doc", "auto_configure", "read"}


def test_the_key_of_a_shipper_can_add_lines_of_every_kind_and_compare_events():
    key = security.api_keys(CATALOG, Scope())["mcp-shipper-writer"]["role_descriptors"]
    events, compared, others = key["mcp_writer"]["indices"]
    add = ["create_doc", "auto_configure"]
    assert (events["privileges"], others["privileges"]) == (add, add)
    assert compared == {"names": events["names"], "privileges": ["read"]}
    assert others["names"] == ["logs-generic-*"]
    assert key["mcp_writer"]["cluster"] == ["monitor"]


@pytest.mark.parametrize("name", ["mcp_analyst", "mcp_auditor", "mcp_tenant"])
def test_a_reader_can_only_read(name):
    assert privileges(ROLES[name]) == {"read", "view_index_metadata"}
    assert "cluster" not in ROLES[name]


def test_an_analyst_sees_actions_but_no_content():
    hidden = set(ROLES["mcp_analyst"]["indices"][0]["field_security"]["except"])
    assert {"gen_ai.tool.call.arguments.*", "mcp.tool.result.text", "error.message"} <= hidden
    assert not hidden & {"gen_ai.tool.name", "user.id", "event.outcome", "message", "@timestamp"}
    for path, row in CATALOG.fields.items():
        says = row.sensitivity != "none" and row.type in {"flattened", "match_only_text"}
        assert (path in hidden) is says


def test_only_a_tenant_is_limited_to_a_client_and_only_an_analyst_to_fields():
    for name, body in ROLES.items():
        index, *_ = body["indices"]
        assert ("query" in index) is (name == "mcp_tenant")
        assert ("field_security" in index) is (name == "mcp_analyst")
    source = ROLES["mcp_tenant"]["indices"][0]["query"]["template"]["source"]
    assert json.loads(source) == {"term": {"mcp.client.id": "{{_user.metadata.mcp_client_id}}"}}


@pytest.mark.parametrize("strategy", IndexStrategy)
def test_roles_reach_the_indices_of_every_type_and_no_others(strategy):
    body = security.roles(CATALOG, Scope(index_strategy=strategy))["mcp_auditor"]
    names = body["indices"][0]["names"]
    for row in CATALOG.event_types.values():
        wanted = [f"logs-{row.dataset}-*"]
        if strategy is not IndexStrategy.DATA_STREAM:
            wanted = [row.index, f"{row.index}-2*"]
        assert set(wanted) <= set(names)
    assert len(names) == len(set(names)) == len(CATALOG.event_types) * len(wanted)


def test_cold_and_frozen_policies_keep_the_rules_and_the_retention(tmp_path):
    plain = security.policies(CATALOG, Scope())
    for name, body in security.cold_and_frozen(CATALOG, Scope()).items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(body))
        assert list(problems_in(path)) == []
        assert body["policy"]["phases"]["delete"] == plain[name]["policy"]["phases"]["delete"]
    tools = security.cold_and_frozen(CATALOG, Scope())["logs-mcp.tools"]["policy"]["phases"]
    assert list(tools) == ["hot", "warm", "cold", "delete"]  # kept for 90 days


def test_refused_documents_have_their_own_retention():
    options = security.failure_store()["template"]["data_stream_options"]
    assert options["failure_store"] == {"enabled": True, "lifecycle": {"data_retention": "90d"}}
