"""Every operation for every role, by every way: what each may do, and what it never sees."""

import json
from http.client import HTTPConnection

import pytest
from graphql import build_schema, get_named_type, is_object_type

from shipper.api.http.app import Api
from shipper.api.http.graphql_schema import definitions
from shipper.api.operations import OPERATIONS
from shipper.catalog import builtin
from tests.api.serving import TOKENS, ask, configured, log, recorded

ROLES = {"app": "writer", "ann": "analyst", "otto": "auditor", "tess": "tenant"}
READERS = {"analyst", "auditor", "tenant"}
EVENT = {"event_type": "mcp_tool_execution", "client_id": "shop", "user_id": "amara"}
#: Which roles may carry out each operation, with members that it cannot do without.
TABLE = {
    "get_status": ({"writer", *READERS}, {}),
    "get_metrics": ({"analyst", "auditor"}, {}),
    "get_verification": ({"analyst", "auditor"}, {}),
    "log_audit_event": ({"writer"}, EVENT),
    "log_audit_events": ({"writer"}, {"events": [EVENT]}),
    "get_audit_summary": (READERS, {}),
    "search_audit_events": (READERS, {}),
    "get_compliance_report": ({"auditor"}, {"sample": 100, "frameworks": ["sox"]}),
    "get_alerts": (READERS, {}),
    "stream_events": (READERS, {}),
}
#: Who sees texts of the other tenant, and who sees payloads.
SEES_BANK = {"analyst", "auditor"}
SEES_PAYLOADS = {"auditor", "tenant"}
PATHS = {
    *("/", "/page.css", "/page.js", "/openapi.json", "/graphql"),
    *("/v1/client", "/v1/events", "/v1/{operation}"),
}
SCHEMA = build_schema(definitions(builtin()))


def selection(kind, depth=0):
    """Every field of a type, and of an event its id and the complete document."""
    if not is_object_type(kind):
        return ""
    if kind.name == "Event":
        return "{ event { id } document }"
    parts = [f"{name} {selection(get_named_type(one.type))}" for name, one in kind.fields.items()]
    return f"{{ {' '.join(parts)} }}"


def by_http(port, who, operation, members):
    return ask(port, who, operation, members)


def by_graphql(port, who, operation, members):
    is_mutation = operation in SCHEMA.mutation_type.fields
    root = SCHEMA.mutation_type if is_mutation else SCHEMA.query_type
    field = root.fields[operation]
    names = [name for name in members if name in field.args]
    variables = ", ".join(f"${name}: {field.args[name].type}" for name in names)
    given = ", ".join(f"{name}: ${name}" for name in names)
    text = f"{'mutation' if is_mutation else 'query'}{f'({variables})' if names else ''} "
    text += f"{{ {operation}{f'({given})' if names else ''} "
    text += f"{selection(get_named_type(field.type))} }}"
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKENS[who]}"}
    body = json.dumps({"query": text, "variables": members}).encode()
    connection.request("POST", "/graphql", body, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert response.status != 200 or "errors" not in answer, answer
    return response.status, answer


def fill(port):
    """Events and alerts of two tenants; ids of the events by tenant."""
    ids = {}
    for client in ("shop", "bank"):
        data = {"tool_name": "pay", "arguments": {"note": "payload"}, "result": "payload"}
        user = {"user_id": f"user-of-{client}"}
        threat = {"threat_type": "t", "mcp.threat.rule": f"rule-of-{client}"}
        ids[client] = [
            log(port, client, event_data=data, **user),
            log(port, client, event_type="mcp_security_threats", event_data=threat, **user),
        ]
    return ids


@pytest.mark.parametrize("way", [by_http, by_graphql], ids=["http", "graphql"])
@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_role_does_and_sees_what_it_may_and_a_refusal_is_an_event(
    port, tmp_path, operation, who, way
):
    role = ROLES[who]
    begin = ask(port, "otto", "stream_events")[1]["after"]
    ids = fill(port)
    roles, members = TABLE[operation]
    if operation == "stream_events":
        members = {"after": begin}
    status, answer = way(port, who, operation, members)
    refused = recorded(tmp_path, "api-refused")
    text = json.dumps(answer)
    if role not in roles:
        assert status == 403
        assert [one["mcp"]["compliance"]["details"]["asked"] for one in refused] == [operation]
        assert not any(word in text for word in ("of-shop", "of-bank", "payload"))
        return
    assert (status, refused) == (200, [])
    if role not in SEES_BANK:
        assert not any(word in text for word in ("of-bank", *ids["bank"]))
    if role not in SEES_PAYLOADS:
        assert '"payload"' not in text
    if operation in {"search_audit_events", "stream_events"}:
        for client in ("shop", "bank"):
            assert (ids[client][0] in text) is (client == "shop" or role in SEES_BANK)
        assert ('"payload"' in text) is (role in SEES_PAYLOADS)
    if operation == "get_alerts":
        assert ("rule-of-shop" in text, "rule-of-bank" in text) == (True, role in SEES_BANK)
    if operation == "get_audit_summary" and role == "tenant":
        assert '"total_events": 2' in text


@pytest.mark.parametrize("who", ROLES)
def test_the_stream_of_events_is_within_the_same_rights(port, tmp_path, who):
    begin = ask(port, "otto", "stream_events")[1]["after"]
    fill(port)
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Authorization": f"Bearer {TOKENS[who]}"}
    connection.request("GET", f"/v1/events?after={begin}", headers=headers)
    response = connection.getresponse()
    if ROLES[who] == "writer":
        assert response.status == 403
        assert len(recorded(tmp_path, "api-refused")) == 1
        connection.close()
        return
    found = ""
    while "rule-of-shop" not in found or ("rule-of-bank" not in found and who != "tess"):
        found += response.readline().decode()
    assert ("of-bank" in found) is (ROLES[who] in SEES_BANK)
    assert ('"payload"' in found) is (ROLES[who] in SEES_PAYLOADS)
    connection.close()


def test_every_operation_and_every_path_is_in_these_tables(tmp_path):
    assert set(TABLE) == set(OPERATIONS)
    assert {route.path for route in Api(configured(tmp_path)).app().routes} == PATHS
    fields = {*SCHEMA.query_type.fields, *SCHEMA.mutation_type.fields}
    assert fields == set(OPERATIONS)
    assert SCHEMA.subscription_type is None
