"""The active types of a scope, and their retention."""

import pytest

from shipper.catalog import AuditLevel, Scope, builtin


def active(**choice):
    return Scope(**choice).active(builtin())


@pytest.mark.parametrize(("level", "count"), [("basic", 4), ("standard", 7), ("enterprise", 10)])
def test_a_level_switches_on_its_types_and_those_below(level, count):
    assert len(active(level=AuditLevel(level))) == count


def test_each_level_includes_the_one_before():
    basic, standard, enterprise = (set(active(level=level)) for level in AuditLevel)
    assert basic < standard < enterprise


@pytest.mark.parametrize("framework", ["sox", "gdpr", "hipaa"])
def test_a_framework_switches_on_what_it_requires_at_any_level(framework):
    required = set(builtin().frameworks[framework].requires)
    assert required <= set(active(level=AuditLevel.BASIC, frameworks=(framework,)))


def test_a_type_can_be_switched_on_by_name():
    chosen = active(level=AuditLevel.BASIC, always=frozenset({"mcp_security_threats"}))
    assert "mcp_security_threats" in chosen
    assert len(chosen) == 4


@pytest.mark.parametrize(
    ("event_type", "frameworks", "floor", "days"),
    [
        ("mcp_tool_execution", (), None, 90),
        ("mcp_tool_execution", (), 400, 400),
        ("mcp_policy_violations", (), 400, 2555),
        ("mcp_tool_execution", ("gdpr",), None, 2192),
        ("mcp_tool_execution", ("gdpr", "sox"), None, 2557),
        ("mcp_policy_violations", ("hipaa",), None, 2555),
        ("mcp_policy_violations", ("sox",), 3000, 3000),
    ],
)
def test_a_type_is_kept_for_the_longest_required_time(event_type, frameworks, floor, days):
    scope = Scope(frameworks=frameworks, retention_days=floor)
    assert scope.retention_days_of(event_type, builtin()) == days


def test_threats_are_recorded_at_every_level():
    assert "mcp_security_threats" in active(level=AuditLevel.BASIC)
