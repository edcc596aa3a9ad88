"""The operations over HTTP, by a real server: who may do what, and what each sees."""

import json
import ssl
import time
from http.client import HTTPConnection, HTTPSConnection

import pytest

import shipper
from shipper.api.http.serve import serve
from shipper.errors import ConfigError
from shipper.record.format import first_break
from tests.api.serving import TOKENS, ask, configured, log, recorded, running


def test_an_event_is_logged_and_found_by_each_role_as_far_as_it_may_see(port, tmp_path):
    own, other = log(port), log(port, "bank")
    for who, ids, has_payload in (
        ("otto", {own, other}, True),
        ("ann", {own, other}, False),
        ("tess", {own}, True),
    ):
        status, answer = ask(port, who, "search_audit_events", {"query": "gen_ai.tool.name: pay"})
        assert status == 200
        assert {event["event"]["id"] for event in answer["events"]} == ids
        for event in answer["events"]:
            assert bool(event["gen_ai"]["tool"].get("call")) is has_payload
            assert ("text" in event["mcp"].get("tool", {}).get("result", {})) is has_payload
    lines = [
        line
        for path in sorted((tmp_path / "audit").glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    assert first_break(lines) is None  # one stream for all calls


@pytest.mark.parametrize(
    ("who", "operation", "status"),
    [
        (None, "get_status", 401),
        ("nobody", "get_status", 401),
        ("app", "get_status", 200),
        ("app", "search_audit_events", 403),
        ("app", "get_alerts", 403),
        ("app", "stream_events", 403),
        ("app", "get_audit_summary", 403),
        ("ann", "log_audit_event", 403),
        ("otto", "log_audit_events", 403),
        ("tess", "log_audit_event", 403),
        ("ann", "get_alerts", 200),
        ("tess", "get_audit_summary", 200),
        ("otto", "drop_everything", 404),
    ],
)
def test_a_client_without_a_right_is_refused_and_the_refusal_is_an_event(
    port, tmp_path, who, operation, status
):
    log(port)
    found, answer = ask(port, who, operation)
    assert (found, answer["success"]) == (status, status == 200)
    refused = recorded(tmp_path, "api-refused")
    assert len(refused) == (status in {401, 403})
    for event in refused:
        details = event["mcp"]["compliance"]["details"]
        assert details["asked"] == operation
        assert TOKENS.get(who, "x" * 40) not in json.dumps(event)


@pytest.mark.parametrize(
    "query",
    [
        "*) or (mcp.client.id : bank",
        "mcp.client.id : bank",
        "mcp.client.id : bank or user.id : amara",
        "not mcp.client.id : shop",
        ") or (user.id : amara",
    ],
)
def test_a_tenant_reads_only_its_own_by_every_way(port, query):
    begin = ask(port, "tess", "stream_events")[1]["after"]
    own, other = log(port), log(port, "bank")
    for operation, more in (
        ("search_audit_events", {}),
        ("stream_events", {"after": begin}),
        ("get_alerts", {}),
    ):
        _, answer = ask(port, "tess", operation, {"query": query, **more})
        assert other not in json.dumps(answer)
    _, answer = ask(port, "tess", "stream_events", {"after": begin})
    assert [event["event"]["id"] for event in answer["events"]] == [own]
    assert ask(port, "tess", "get_audit_summary")[1]["total_events"] == 1
    assert ask(port, "otto", "get_audit_summary")[1]["total_events"] > 2


def test_an_analyst_cannot_ask_for_what_payloads_contain(port):
    for query in ("gen_ai.tool.call.arguments.amount : 5", "mcp.tool.result.text : *"):
        status, answer = ask(port, "ann", "search_audit_events", {"query": query})
        assert (status, answer["success"]) == (403, False)
        assert "an analyst does not see" in answer["error"]


def test_a_reader_cannot_read_in_the_name_of_another(port, tmp_path):
    ask(port, "ann", "search_audit_events", {"user_id": "otto"})
    [event] = recorded(tmp_path, "search")
    assert event["user"]["id"] == "ann"


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"operation":"log_audit_event"}', "application/json", 400),
        (b'{"querry":"x"}', "application/json", 400),
        (b'{"user_id":{}}', "application/json", 400),
        (b'{"since":"0001-01-01T00:00:00+01:00"}', "application/json", 400),
        (b'{"until":"9999-12-31T23:59:59-01:00"}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * 2_000_000, "application/json", 413),
    ],
)
def test_a_bad_request_is_answered_with_the_reason(port, raw, kind, status):
    found, answer = ask(port, "otto", "search_audit_events", raw=raw, kind=kind)
    assert (found, answer["success"]) == (status, False)
    assert answer["error"]


def test_another_method_or_path_is_answered(port):
    assert ask(port, "otto", "get_status", method="PUT")[0] == 405
    assert ask(port, "otto", "get_status/x")[0] == 404


def test_the_requests_of_a_client_are_bounded(tmp_path):
    with running(configured(tmp_path, requests_per_minute=3)) as port:
        found = [ask(port, "otto", "get_status")[0] for _ in range(5)]
        assert found == [200, 200, 200, 429, 429]
        assert ask(port, "ann", "get_status")[0] == 200


class Stream:
    """A reader of server-sent events."""

    def __init__(self, port, who, last=None, query=""):
        self.connection = HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"Authorization": f"Bearer {TOKENS[who]}"}
        if last:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", f"/v1/events?query={query}", headers=headers)
        self.response = self.connection.getresponse()

    def next(self, kind="event"):
        """The next event of that kind: its data, and the last id until then."""
        found, last = {}, None
        while line := self.response.readline().decode():
            name, _, value = line.rstrip("\r\n").partition(": ")
            if name:
                found[name] = value
                last = found.get("id", last)
            elif found.get("event") == kind:
                return json.loads(found["data"]), last
            else:
                found = {}
        return None

    def close(self):
        self.connection.close()


def test_events_are_pushed_as_they_are_written_and_resumed_by_id(port):
    log(port)
    reader = Stream(port, "tess")
    reader.next("begin")
    own = log(port)
    log(port, "bank")
    event, last = reader.next()
    assert event["event"]["id"] == own
    reader.close()
    later = log(port)
    again = Stream(port, "tess", last)
    assert again.next()[0]["event"]["id"] == later
    again.close()


def test_a_reader_that_does_not_read_delays_nobody(port):
    idle = Stream(port, "otto")
    started_s = time.monotonic()
    for _ in range(30):
        log(port, event_data={"tool_name": "x", "result": "r" * 5000})
    assert time.monotonic() - started_s < 20
    idle.close()


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"clients": {}}, "nobody may ask"),
        ({"host": "0.0.0.0"}, "reached from other hosts: configure api.ssl"),
        ({"clients": {"a": {"token": "short", "role": "writer"}}}, "shorter than 32 signs"),
        ({"clients": {"a": {"token": "x" * 40, "role": "tenant"}}}, "a tenant has one"),
        ({"clients": {"a": {"token": "x" * 40, "role": "admin"}}}, "is not one of writer"),
        (
            {"clients": {"a": {"token": "x" * 40, "role": "writer", "client_id": "a"}}},
            "only a tenant",
        ),
    ],
)
def test_a_section_without_use_is_refused(tmp_path, section, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        serve(configured(tmp_path, **section))
    assert "x" * 40 not in str(caught.value)


def test_every_operation_is_in_the_description(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/openapi.json")
    found = json.loads(connection.getresponse().read())
    connection.close()
    names = {path.removeprefix("/v1/") for path in found["paths"]}
    operations = shipper.process({"operation": "?"})["error"].rpartition("known: ")[2].split(", ")
    assert names == {*operations, "client", "events"}


def test_the_interface_speaks_tls_and_asks_for_certificates(tmp_path):
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = authority.issue_cert("localhost")
    made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    tls = {
        "certificate": str(tmp_path / "own.pem"),
        "key": str(tmp_path / "own.pem"),
        "certificate_authorities": str(tmp_path / "ca.pem"),
    }
    with running(configured(tmp_path, ssl=tls)) as port:
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        for has_certificate in (False, True):
            if has_certificate:
                context.load_cert_chain(tmp_path / "own.pem")
            connection = HTTPSConnection("localhost", port, timeout=20, context=context)
            headers = {
                "Authorization": f"Bearer {TOKENS['otto']}",
                "Content-Type": "application/json",
            }
            try:
                connection.request("POST", "/v1/get_status", b"{}", headers)
                assert (connection.getresponse().status, has_certificate) == (200, True)
            except OSError:
                assert not has_certificate
            finally:
                connection.close()


def test_a_whole_number_may_be_written_with_a_point_and_null_counts_as_missing(port):
    log(port)
    for operation, members in (
        ("search_audit_events", {"limit": 1.0}),
        ("search_audit_events", {"limit": None, "newest": None}),
        ("get_alerts", {"limit": 2.0}),
        ("stream_events", {"limit": 3.0}),
        ("get_compliance_report", {"sample": 4.0, "seed": 7}),
        ("get_compliance_report", {"sample": None, "seed": None, "frameworks": None}),
    ):
        assert ask(port, "otto", operation, members)[0] == 200, members
    for members in ({"limit": 1.5}, {"limit": True}):
        assert ask(port, "otto", "search_audit_events", members)[0] == 400
    for seed in ({}, [], True, 1.5):
        assert ask(port, "otto", "get_compliance_report", {"seed": seed})[0] == 400


def test_the_newest_events_are_found_before_older_ones(port):
    ids = [log(port) for _ in range(3)]
    asked = {"query": "gen_ai.tool.name : pay", "limit": 2, "newest": True}
    _, answer = ask(port, "otto", "search_audit_events", asked)
    assert [event["event"]["id"] for event in answer["events"]] == [ids[2], ids[1]]
    assert not answer["is_complete"]


def test_paths_that_are_read_answer_no_other_method(port):
    assert ask(port, "otto", "client")[0] == 405
    assert ask(port, "otto", "events")[0] == 405
