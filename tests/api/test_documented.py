"""docs/api.md has every operation, every member of a request, and every member of an answer."""

import re
from pathlib import Path

import pytest

import shipper
from shipper.api.http.access import _MAY
from shipper.api.operations import OPERATIONS
from shipper.api.requests import MEMBERS
from shipper.config.api import ApiConfig

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
REQUESTS = {
    "log_audit_event": {"event_type": "mcp_tool_execution"},
    "log_audit_events": {"events": [{"event_type": "mcp_tool_execution"}]},
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_page_has_each_operation_with_its_members_and_its_answer(operation, tmp_path):
    section = SECTIONS[operation]
    for member in MEMBERS[operation]:
        assert f"`{member}`" in section, member
    request = {"operation": operation, **REQUESTS.get(operation, {})}
    answer = shipper.process(request, {"path": {"home": str(tmp_path)}})
    assert answer["success"], answer
    for member in answer.keys() - {"success", "operation"}:
        assert f"`{member}`" in section, member


def test_the_page_has_every_request_that_is_checked_and_no_other():
    assert set(OPERATIONS) <= set(SECTIONS)
    assert set(SECTIONS) == set(MEMBERS)


def test_the_page_has_the_keys_of_the_section_and_the_roles():
    for key in ApiConfig.__struct_fields__:
        assert f"`{key}" in PAGE or f"{key}:" in PAGE, key
    for role in _MAY:
        assert f"| `{role}` |" in PAGE
