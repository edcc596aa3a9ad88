"""Foreign lines through the ingest pipeline of a real Elasticsearch: the corpus once more."""

import json
import re
from datetime import datetime
from hashlib import sha256

import msgspec
import pytest
from elasticsearch import Elasticsearch as Client
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.assets.generate.bodies import INGESTED
from shipper.assets.install.elasticsearch import install_in_cluster, remove_from_cluster
from shipper.catalog import builtin
from tests.assets.corpus import ADDED, ONLY_OURS, SCOPE, cases, flat
from tests.assets.foreign import LINES, PLANTED, leaks
from tests.assets.test_foreign import FRACTIONS
from tests.integration.line import call, clear, search

CALLS = cases("calls")
GATEWAYS = cases("gateways")
PIPELINE = "mcp-normalise"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a"}}


@pytest.fixture(scope="module")
def url(elasticsearch):
    """The node, set up for the scope of the corpus."""
    with Client(elasticsearch.url) as client:
        list(install_in_cluster(client, builtin(), SCOPE))
        yield elasticsearch.url
        clear(elasticsearch.url)
        list(remove_from_cluster(client))


def simulated(url, events, pipeline=PIPELINE):
    """What becomes of each event: its document, or None where it is dropped."""
    documents = [{"_index": "logs-mcp.raw-default", "_source": event} for event in events]
    answer = call(f"{url}/_ingest/pipeline/{pipeline}/_simulate", "POST", {"docs": documents})
    return [row["doc"]["_source"] if row else None for row in answer["docs"]]


@pytest.fixture(scope="module")
def calls(url):
    return simulated(url, [case["message"] for case in CALLS])


@pytest.fixture(scope="module")
def gateways(url):
    return simulated(url, [case["event"] for case in GATEWAYS])


def without(document, paths):
    return {path: value for path, value in flat(document).items() if path not in paths}


@pytest.mark.parametrize("at", range(len(CALLS)), ids=[case["name"] for case in CALLS])
def test_the_pipeline_makes_the_document_that_the_handler_writes(calls, at):
    assert without(calls[at], ADDED | ONLY_OURS) == CALLS[at]["expected"]


@pytest.mark.parametrize("at", range(len(GATEWAYS)), ids=[case["name"] for case in GATEWAYS])
def test_the_pipeline_makes_the_document_that_logstash_makes(gateways, at):
    expected = without(GATEWAYS[at]["expected"], {"@timestamp"})
    assert without(gateways[at], ADDED) == expected


def test_no_planted_secret_is_in_any_document(calls, gateways):
    text = json.dumps([calls, gateways])
    # Four digits alone would be found in the nanoseconds of `event.ingested` now and then.
    assert re.search(r"planted|pl4nted|4111[ -]?1111", text) is None


@pytest.mark.parametrize(
    ("event", "tag"),
    [
        ({"message": '{"jsonrpc": "2.0", "params": {"password": "planted-1'}, "mcp_broken"),
        ({"message": "Server started, token=planted-1"}, "mcp_unrecognised"),
        ({"message": "export DB_PASSWORD='planted 1'"}, "mcp_unrecognised"),
        ({"message": "paid by 4111 1111 1111 1111"}, "mcp_unrecognised"),
        ({"message": "from DE89 3704 0044 0532 0130 00"}, "mcp_unrecognised"),
        ({"message": "Authorization: Basic dXNlcjpwbGFudGVk"}, "mcp_unrecognised"),
    ],
)
def test_an_unreadable_line_is_tagged_and_kept_masked(url, event, tag):
    [document] = simulated(url, [event])
    assert document["tags"] == [tag]
    assert document["message"]
    for planted in ("planted", "4111", "DE89", "dXNlcjpwbGFudGVk"):
        assert planted not in json.dumps(document)


@settings(max_examples=12)
@given(lines=st.lists(LINES, min_size=1, max_size=12))
def test_every_line_becomes_one_event(url, lines):
    for line, document in zip(lines, simulated(url, lines), strict=True):
        if document is None:
            assert "method" in json.dumps(line)  # pings and the like are dropped, nothing else
            continue
        assert "message" in document or "data_stream" in document, line


def test_no_planted_secret_is_left_wherever_it_stands(url):
    assert leaks(simulated(url, PLANTED)) == []


def test_fractions_are_hashed_as_the_handler_writes_them(url):
    calls = [{**CALL, "params": {"name": "a", "arguments": {"n": n}}} for n in FRACTIONS]
    for number, document in zip(FRACTIONS, simulated(url, calls), strict=True):
        hashed = document["mcp"]["tool"]["arguments"]["hash"]
        assert hashed == sha256(msgspec.json.encode({"n": number})).hexdigest(), number


def test_a_huge_line_is_kept_to_a_bound_with_its_size_and_digest(url):
    text = "password=hunter2 " * 60_000
    [document] = simulated(url, [{"message": text}])
    digest = sha256(text.encode()).hexdigest()[:16]
    assert document["message"].endswith(f"…[CUT {len(text)} characters, sha256 {digest}]")
    assert len(document["message"]) < 4_100
    assert "hunter" not in document["message"]
    assert "_mcp" not in document


def test_fields_beside_an_unreadable_text_are_kept(url):
    [document] = simulated(url, [{"message": "started", "worker": 7, "token": "planted"}])
    assert document["message"] == '{"message":"started","token":"[PASSWORD]","worker":7}'
    assert document.keys() == {"@timestamp", "message", "tags"}


def test_a_line_that_does_not_say_when_it_was_made_is_given_the_time_of_its_arrival(url):
    for line in ({"message": "started"}, CALL, {"message": "{"}):
        assert simulated(url, [line])[0]["@timestamp"].startswith("20")


def test_a_line_of_the_handler_passes_untouched(url):
    line = {
        "@timestamp": "2026-11-24T08:30:00.123456Z",
        "event": {"id": "s-1", "hash": "ab"},
        "mcp": {"audit": {"type": "mcp_tool_execution"}},
        "note": "password=hers",
    }
    assert simulated(url, [line, {"message": json.dumps(line)}]) == [line, line]


def test_every_event_has_the_time_of_its_arrival_by_the_last_pipeline(url):
    lines = [{"event": {"kind": "event"}}, {"message": "no event"}]
    found = simulated(url, lines, INGESTED)
    assert all(datetime.fromisoformat(one["event"]["ingested"]) for one in found)
    assert simulated(url, [{"event": "text"}], INGESTED) == [{"event": "text"}]


def test_what_says_only_that_somebody_is_there_is_dropped(url):
    assert simulated(url, [{"jsonrpc": "2.0", "id": 1, "method": "ping"}]) == [None]


@pytest.mark.parametrize(
    "event",
    [
        {"jsonrpc": "2.0", "method": "tools/call", "params": None},
        {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": 7, "arguments": "x"}},
        {"jsonrpc": "2.0", "id": 1, "result": {"content": [1, None, {"text": 5}]}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": "x", "message": {"a": 1}}},
        {**CALL, "timestamp": "yesterday", "client_ip": "nobody", "duration_ms": "fast"},
        {**CALL, "params": {"name": "a", "arguments": {"": 1, "a.b": {"c[d]": 2}, "e" * 500: 3}}},
        {**CALL, "params": {"name": "a", "arguments": {"big": 10**30, "neg": -(2**63)}}},
        {**CALL, "params": {"name": "a", "arguments": {str(n): n for n in range(3000)}}},
        {"type": "mcp_tool_call", "loggedAt": 5, "outcome": "success", "target": [], "subjects": 1},
        {"mcp.method.name": "tools/call", "http.status": "x", "src.addr": "[2001:db8::1]:443"},
        {"action": "X", "resource_type": "y", "user_id": 7, "details": "no object"},
    ],
)
def test_every_message_becomes_an_event(url, event):
    [document] = simulated(url, [event])
    assert "tags" not in document
    assert document["data_stream"]["dataset"].startswith("mcp.")


def test_a_foreign_line_is_stored_once_in_the_stream_of_its_type_and_found(url):
    line = json.dumps(CALLS[0]["message"] | {"timestamp": "2026-11-24T08:30:00Z", "user_id": "ada"})
    index = "logs-mcp.raw-default"
    with Client(url) as client:
        twice = [{"create": {}}, {"message": line}] * 2
        items = client.bulk(index=index, pipeline=PIPELINE, refresh=True, operations=twice)["items"]
    assert [item["create"]["status"] for item in items] == [201, 409]
    query = {"term": {"gen_ai.tool.name": "query"}}
    [hit] = search(url, "logs-mcp.tools-default", query)
    assert hit["_id"] == hit["_source"]["event"]["id"]
    assert hit["_source"]["user"]["id"] == "ada"
    assert hit["_source"]["@timestamp"] == "2026-11-24T08:30:00Z"
