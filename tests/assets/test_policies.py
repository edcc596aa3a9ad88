"""Lifecycle policies obey Elasticsearch's rules and keep every event for the required time."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.assets.generate.bodies import policies
from shipper.catalog import MCPEventType, Scope, builtin, overlaid
from tests.assets.policy_rules import problems

CATALOG = builtin()

FAULTS = {
    "unknown phase lukewarm": lambda phases: phases.update(lukewarm={"actions": {}}),
    "hot: no action delete": lambda phases: phases["hot"]["actions"].update(delete={}),
    "warm: no action rollover": lambda phases: phases["warm"]["actions"].update(rollover={}),
    "hot.readonly: needs rollover": lambda phases: phases["hot"]["actions"].pop("rollover"),
    "hot.rollover: needs a max condition": (
        lambda phases: phases["hot"]["actions"].update(rollover={"min_docs": 1})
    ),
    "warm.forcemerge: needs max_num_segments": (
        lambda phases: phases["warm"]["actions"].update(forcemerge={})
    ),
    "frozen: needs searchable_snapshot": (
        lambda phases: phases.update(frozen={"min_age": "30d", "actions": {}})
    ),
    "delete: earlier than the phase before it": (
        lambda phases: phases["delete"].update(min_age="6d")
    ),
    "delete: no age 7y": lambda phases: phases["delete"].update(min_age="7y"),
}


def policy_of(event_type, scope=None, catalog=CATALOG):
    name = f"logs-{catalog.event_types[event_type].dataset}"
    return policies(catalog, scope or Scope())[name]["policy"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_rules_find_a_fault_of_each_kind(fault):
    phases = copy.deepcopy(policy_of("mcp_tool_execution")["phases"])
    FAULTS[fault](phases)
    assert problems({"phases": phases}) == [fault]


@given(
    floor=st.none() | st.integers(1, 20_000),
    frameworks=st.lists(st.sampled_from(sorted(CATALOG.frameworks)), unique=True),
    own_days=st.integers(1, 20_000),
)
def test_whatever_the_scope_a_policy_is_valid_and_keeps_for_the_days_in_force(
    floor, frameworks, own_days
):
    catalog = overlaid({"event_types": {"mcp_prompt_request": {"retention_days": own_days}}})
    scope = Scope(retention_days=floor, frameworks=tuple(frameworks))
    found = policies(catalog, scope)
    for event_type in MCPEventType:
        policy = found[f"logs-{catalog.event_types[event_type].dataset}"]["policy"]
        days = scope.retention_days_of(event_type, catalog)
        assert problems(policy) == []
        assert policy["phases"]["delete"]["min_age"] == f"{days}d"
        assert policy["_meta"]["retention_days"] == days
        rollover_days = int(policy["phases"]["hot"]["actions"]["rollover"]["max_age"][:-1])
        assert rollover_days <= days  # so that no event is kept for over twice its retention


def test_every_event_type_has_a_policy_named_for_its_streams():
    datasets = {f"logs-{row.dataset}" for row in CATALOG.event_types.values()}
    assert policies(CATALOG, Scope()).keys() == datasets


def test_a_policy_states_the_sources_of_its_retention():
    def basis(**scope):
        return policy_of("mcp_tool_execution", Scope(**scope))["_meta"]["retention_basis"]

    sox = f"Sarbanes-Oxley Act: {CATALOG.frameworks['sox'].basis}"
    assert basis() == ["Default of mcp_tool_execution."]
    assert basis(retention_days=100) == ["The operator's retention_days."]
    assert basis(frameworks=("gdpr", "sox")) == [sox]
    assert basis(retention_days=2557, frameworks=("sox",)) == [
        "The operator's retention_days.",
        sox,
    ]


def test_a_retention_of_a_week_or_less_has_no_warm_phase():
    catalog = overlaid({"event_types": {"mcp_tool_execution": {"retention_days": 7}}})
    phases = policy_of("mcp_tool_execution", catalog=catalog)["phases"]
    assert list(phases) == ["hot", "delete"]
    assert phases["hot"]["actions"]["rollover"]["max_age"] == "7d"
