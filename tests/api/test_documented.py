"""docs/api.md has every operation, its members and its answer, and what it shows is true."""

import json
import re
from pathlib import Path

import msgspec
import pytest

import shipper
from shipper.api.answers import ANSWERS
from shipper.api.http.access import _MAY
from shipper.api.operations import OPERATIONS
from shipper.api.requests import MEMBERS
from shipper.config.api import ApiConfig
from tests.api.serving import ask
from tests.api.test_access import PATHS
from tests.api.test_graphql import query

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


#: Each request on the page, with the answer below it.
EXAMPLES = [
    (name, *map(json.loads, found[at : at + 2]))
    for name, section in SECTIONS.items()
    for found in [blocks(section, "json")]
    for at in range(0, len(found), 2)
]


@pytest.mark.parametrize(("operation", "request_", "shown"), EXAMPLES)
def test_each_request_on_the_page_is_answered_as_shown(operation, request_, shown, tmp_path):
    config = {"path": {"home": str(tmp_path)}}
    assert request_["operation"] == shown["operation"] == operation
    answer = shipper.process(request_, config)
    assert (answer["success"], answer.keys()) == (shown["success"], shown.keys())
    if shown["success"]:
        members = {name: one for name, one in shown.items() if name not in {"success", "operation"}}
        known = msgspec.to_builtins(msgspec.convert(members, ANSWERS[operation]))
        assert is_within(members, known), "a member that no answer has"
    else:
        assert answer == shown


def is_within(shown, known):
    """Whether reading an answer by its type loses none of its members."""
    if isinstance(shown, dict):
        return all(name in known and is_within(one, known[name]) for name, one in shown.items())
    if isinstance(shown, list):
        return all(map(is_within, shown, known))
    return bool(shown == known)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_page_has_each_operation_with_its_members_and_its_answer(operation):
    section = SECTIONS[operation]
    text = re.sub(r"^```json\n.*?^```", "", section, flags=re.MULTILINE | re.DOTALL)
    for member in (*MEMBERS[operation], *ANSWERS[operation].__struct_fields__):
        assert f"`{member}`" in text, member
    assert operation in {name for name, *_ in EXAMPLES}
    used = {name for one, request, _ in EXAMPLES if one == operation for name in request}
    assert used > {"operation"} or not MEMBERS[operation]


@pytest.mark.parametrize("text", blocks(PAGE, "graphql"))
def test_each_graphql_request_on_the_page_is_carried_out(text, port):
    who = "app" if text.startswith("mutation") else "otto"
    status, answer = query(port, who, text)
    assert (status, "errors" in answer) == (200, False)


def test_the_graphql_request_of_the_command_on_the_page_is_carried_out(port):
    [body] = re.findall(r"/graphql \\\n  --json '(.*)'", PAGE)
    asked = json.loads(body)
    assert query(port, "otto", asked["query"], asked["variables"])[1] == {
        "data": {"get_alerts": {"count": 0}}
    }


def test_the_page_has_every_request_that_is_checked_and_no_other():
    assert set(OPERATIONS) == set(SECTIONS) == set(MEMBERS) == set(ANSWERS)


def test_the_page_has_the_keys_of_the_section_and_the_roles():
    for key in ApiConfig.__struct_fields__:
        assert f"`{key}" in PAGE or f"{key}:" in PAGE, key
    for role, operations in _MAY.items():
        [row] = re.findall(rf"^\| `{role}` \| (.*?) \|", PAGE, re.MULTILINE)
        assert row.startswith("as `") or set(row.split(", ")) == set(operations)


def test_the_page_has_each_path():
    for path in PATHS - {"/page.css", "/page.js"}:
        assert f"{path.replace('{operation}', '<operation>')}`" in PAGE, path


def test_a_failure_has_the_status_of_the_page(port):
    for operation, members, status in (
        ("get_status", {"x": 1}, 400),
        ("search_audit_events", {"elasticsearch": True}, 409),
        ("nothing", {}, 404),
        ("log_audit_event", {"event_type": "mcp_tool_execution"}, 403),
    ):
        assert ask(port, "otto", operation, members)[0] == status
        assert str(status) in PAGE
