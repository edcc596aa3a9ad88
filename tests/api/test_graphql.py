"""The operations as GraphQL: the same answers, rights and records as over HTTP, within bounds."""

import json
import time
from http.client import HTTPConnection

import pytest
from graphql import get_introspection_query

from shipper.api.http.app import GRAPHQL
from shipper.api.operations import OPERATIONS
from tests.api.serving import TOKENS, ask, configured, log, recorded, running

EVENTS = """
query Find($query: String, $limit: Long) {
  search_audit_events(query: $query, limit: $limit) {
    count
    events { timestamp event { id } user { id } gen_ai { tool { name call { arguments } } } }
  }
}
"""


def query(port, who, text, variables=None, **more):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {TOKENS.get(who, who)}",
    }
    body = {"query": text, "variables": variables} | more
    connection.request("POST", "/graphql", json.dumps(body).encode(), headers)
    response = connection.getresponse()
    found = json.loads(response.read())
    connection.close()
    return response.status, found


def message(answer):
    assert answer[1].get("data") is None or None in answer[1]["data"].values()
    return answer[1]["errors"][0]["message"]


def refusals(home):
    return [one["mcp"]["compliance"]["details"] for one in recorded(home, "api-refused")]


def test_fields_of_events_are_selected_by_their_paths(port):
    own = log(port)
    asked = {"query": "gen_ai.tool.name : pay", "limit": 5}
    status, answer = query(port, "otto", EVENTS, asked)
    assert (status, "errors" in answer) == (200, False)
    [event] = answer["data"]["search_audit_events"]["events"]
    assert event["timestamp"].endswith("Z")
    assert event["event"]["id"] == own
    assert event["gen_ai"]["tool"] == {"name": "pay", "call": {"arguments": {"amount": 5}}}


def test_the_complete_event_is_the_one_of_the_other_interface(port):
    log(port)
    text = '{ search_audit_events(query: "user.id : amara") { events { document } } }'
    [found] = query(port, "otto", text)[1]["data"]["search_audit_events"]["events"]
    _, answer = ask(port, "otto", "search_audit_events", {"query": "user.id : amara"})
    assert [found["document"]] == answer["events"]


def test_events_are_logged_by_mutations(port):
    text = """mutation($data: JSON) {
      one: log_audit_event(event_type: "mcp_tool_execution", event_data: $data, client_id: "shop") {
        event_id status
      }
      log_audit_events(events: [{event_type: "mcp_tool_execution", user_id: "bob"}]) { logged }
    }"""
    _, answer = query(port, "app", text, {"data": {"tool_name": "pay"}})
    assert answer["data"]["log_audit_events"] == {"logged": 1}
    found = ask(port, "tess", "search_audit_events")[1]["events"]
    assert [one["event"]["id"] for one in found] == [answer["data"]["one"]["event_id"]]


def test_each_role_sees_the_same_as_over_http(port):
    own, other = log(port), log(port, "bank")
    for who, ids, has_payload in (
        ("otto", {own, other}, True),
        ("ann", {own, other}, False),
        ("tess", {own}, True),
    ):
        events = query(port, who, EVENTS, {"query": "gen_ai.tool.name : pay"})[1]["data"]
        events = events["search_audit_events"]["events"]
        assert {one["event"]["id"] for one in events} == ids
        calls = [one["gen_ai"]["tool"]["call"] or {} for one in events]
        assert {bool(one.get("arguments")) for one in calls} == {has_payload}


def test_one_operation_without_a_right_refuses_the_complete_request(port, tmp_path):
    log(port)
    text = "{ get_status { audit_level } ...More } fragment More on Query { %s { __typename } }"
    for who, operation in (
        ("app", "search_audit_events"),
        ("ann", "get_compliance_report"),
        ("tess", "get_metrics"),
    ):
        status, answer = query(port, who, text % operation)
        assert (status, "data" in answer) == (403, False)
        assert "does not allow" in answer["errors"][0]["message"]
    assert {one["asked"] for one in refusals(tmp_path)} == {
        *("search_audit_events", "get_compliance_report", "get_metrics")
    }
    assert query(port, "nobody", "{ get_status { audit_level } }")[0] == 401
    assert refusals(tmp_path)[-1]["asked"] in {GRAPHQL, "get_metrics"}


def test_a_query_about_payloads_is_refused_to_an_analyst_and_recorded(port, tmp_path):
    answer = query(port, "ann", EVENTS, {"query": "mcp.tool.result.text : *"})
    assert "an analyst does not see" in message(answer)
    assert [one["asked"] for one in refusals(tmp_path)] == ["search_audit_events"]


def test_every_reading_is_recorded_with_its_reader(port, tmp_path):
    query(port, "ann", "{ a: get_alerts { count } b: get_audit_summary { total_events } }")
    for operation in ("alerts", "summary"):
        [event] = recorded(tmp_path, operation)
        assert event["user"]["id"] == "ann"


def test_the_schema_is_shown_to_those_who_may_read(port, tmp_path):
    for who in ("otto", "ann", "tess"):
        status, answer = query(port, who, get_introspection_query())
        assert (status, "errors" in answer) == (200, False)
    fields = {
        field["name"]
        for kind in answer["data"]["__schema"]["types"]
        if kind["name"] in {"Query", "Mutation"}
        for field in kind["fields"]
    }
    assert fields == {*OPERATIONS}
    for text in (get_introspection_query(), '{ a: __type(name: "Query") { name } }'):
        status, answer = query(port, "app", text)
        assert (status, "data" in answer) == (403, False)
    assert {one["asked"] for one in refusals(tmp_path)} == {GRAPHQL}


DEEP = "{ __schema { types " + "{ fields { type " * 4 + "{ name } " + "} } " * 4 + "} }"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ get_statuss { audit_level } }", "Did you mean 'get_status'"),
        ("{ get_status { audit_levle } }", "Cannot query field 'audit_levle'"),
        ("{ search_audit_events(querry: 5) { count } }", "Unknown argument 'querry'"),
        ("{ search_audit_events { events { user { idd } } } }", "Cannot query field 'idd'"),
        ("{", "Syntax Error"),
        ("subscription { stream_events { after } }", "subscription"),
        ("query A { get_status { audit_level } } query B { get_status { audit_level } }", "name"),
        ("", "Syntax Error"),
        ("fragment F on Query { ...F } { ...F }", "Cannot spread fragment"),
        (DEEP, "introspection depth"),
        ("{" * 900, "Syntax Error"),
        ("{ a }" * 2_000, "token"),
    ],
    ids=lambda value: value[:24],
)
def test_a_request_that_is_not_valid_is_answered_with_the_reason(port, text, reason):
    status, answer = query(port, "otto", text)
    assert (status, "data" in answer) == (400, False)
    assert reason in json.dumps(answer["errors"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"querry": "{ a }"}, "querry: unknown member; did you mean 'query'?"),
        ({"query": None}, "query"),
        ({"variables": 5}, "variables"),
        ({"operationName": {}}, "operationName"),
    ],
)
def test_unknown_and_wrong_members_are_answered_with_the_reason(port, body, reason):
    status, answer = query(port, "otto", "{ get_status { audit_level } }", **body)
    assert status == 400
    assert reason in answer["errors"][0]["message"]


def test_values_are_checked_as_over_http(port):
    for arguments, reason in (
        ('query: "x : y"', "no event has the field"),
        ("limit: 0", "limit: expected a whole number from 1"),
        ('since: "yesterday"', "since: expected a time"),
    ):
        answer = query(port, "otto", f"{{ search_audit_events({arguments}) {{ count }} }}")
        assert (answer[0], answer[1]["data"]) == (200, {"search_audit_events": None})
        assert reason in message(answer)
        assert answer[1]["errors"][0]["extensions"] == {"status": 400}
    answer = query(port, "app", 'mutation { log_audit_event(event_type: "x") { event_id } }')
    assert "event_type: unknown 'x'" in message(answer)
    answer = query(port, "app", "mutation { log_audit_events(events: [{evnt: 1}]) { logged } }")
    assert "events[0].evnt: unknown member" in message(answer)


def many(count, text):
    return " ".join(f"a{n}: {text}" for n in range(count))


def doubling(count, kind, last):
    """A fragment that has the next one twice, and so on."""
    made = [f"fragment F{n} on {kind} {{ ...F{n + 1} ...F{n + 1} }}" for n in range(count)]
    return " ".join([*made, f"fragment F{count} on {kind} {{ {last} }}"])


NAMES = f"fragment F on __Type {{ {many(90, 'name')} }}"


@pytest.mark.parametrize(
    "text",
    [
        f"{{ {many(11, 'get_status { audit_level }')} }}",
        f"{{ search_audit_events(limit: 10000) {{ events {{ {many(20, 'document')} }} }} }}",
        f"{{ __schema {{ {many(5, 'types { ...F }')} }} }} {NAMES}",
        "{ ...F0 } " + doubling(90, "Query", "get_status { audit_level }"),
        "{ search_audit_events { events { ...F0 } } } " + doubling(90, "Event", "timestamp"),
    ],
    ids=["operations", "events", "schema", "doubled operations", "doubled fields"],
)
def test_a_request_that_costs_too_much_is_refused_before_it_is_carried_out(port, text, tmp_path):
    log(port)
    started_s = time.monotonic()
    status, answer = query(port, "otto", text)
    assert time.monotonic() - started_s < 10
    assert (status, "data" in answer) == (400, False)
    assert "at most" in answer["errors"][0]["message"]
    assert not list((tmp_path / "data").glob("audit/*"))


def test_the_limit_of_a_variable_counts(port):
    asked = EVENTS.replace("timestamp", " ".join(f"a{n}: timestamp" for n in range(15)))
    assert query(port, "otto", asked, {"limit": 10})[0] == 200
    assert query(port, "otto", asked, {"limit": 10_000})[0] == 400
    default = asked.replace("$limit: Long", "$limit: Long = 10000")
    assert query(port, "otto", default)[0] == 400
    for limit, status in (("10000.0", 400), ("10000", 400), ("10.0", 400), ("null", 200)):
        written = asked.replace("$limit: Long", "$unused: Long").replace("$limit", limit)
        written = written.replace(", $unused: Long", "")
        assert query(port, "otto", written)[0] == status, limit


def test_each_operation_of_a_request_counts_as_a_request(tmp_path):
    three = (
        "{ a: get_status { __typename } b: get_status { __typename } c: get_status { __typename } }"
    )
    with running(configured(tmp_path, requests_per_minute=5)) as port:
        found = [query(port, "otto", three)[0] for _ in range(2)]
    assert found == [200, 429]


def test_a_get_is_not_answered(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/graphql?query={get_status{audit_level}}")
    assert connection.getresponse().status == 405
    connection.close()
