"""The Elasticsearch output against a scripted bulk API on a real socket."""

import json
import socket
import threading

import pytest
from msgspec.structs import replace

from shipper.config import from_mapping
from shipper.errors import ConfigError, ProtocolError, Refused, Unavailable
from shipper.lines import Lines, Origin
from shipper.outputs.base import DELIVERED, DIVERTED, DUPLICATE, RETRY, Failed, Held, Rejected
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import Elasticsearch
from shipper.outputs.secret import Secret
from tests.fakes import FakeElasticsearch, items, status


def output(*urls, **options):
    return Elasticsearch(ElasticsearchConfig(hosts=urls, **{"timeout_s": 5.0, **options}))


def line(n, dataset="mcp.tools"):
    stream = {"type": "logs", "dataset": dataset, "namespace": "default"}
    return json.dumps({"data_stream": stream, "event": {"id": f"id-{n}"}, "n": n}).encode()


def lines(count):
    return Lines.of(map(line, range(count)))


@pytest.mark.parametrize("level", [0, 1, 9])
def test_documents_are_the_lines_bytes_under_their_own_id(level):
    with FakeElasticsearch() as server:
        sender = output(server.url, compression_level=level)
        assert sender.send(Lines.of([line(1), line(2, "mcp.auth")])) == [DELIVERED] * 2
        sender.close()
    assert server.documents == {
        ("logs-mcp.tools-default", "id-1"): line(1),
        ("logs-mcp.auth-default", "id-2"): line(2, "mcp.auth"),
    }


def test_sending_the_same_again_leaves_one_document_and_counts_as_delivered():
    with FakeElasticsearch() as server:
        sender = output(server.url)
        assert sender.send(lines(2)) == [DELIVERED] * 2
        assert sender.send(lines(3)) == [DUPLICATE, DUPLICATE, DELIVERED]
        sender.close()
    assert len(server.documents) == 3


@pytest.mark.parametrize(
    ("item", "outcome"),
    [
        (200, DELIVERED),
        (201, DELIVERED),
        ({"status": 201, "failure_store": "used"}, DIVERTED),
        ({"status": 201, "failure_store": "not_enabled"}, DELIVERED),
        (409, DUPLICATE),
        (429, RETRY),
        (500, Failed("500 unknown: None")),
        (
            {"status": 500, "error": {"type": "fail_processor_exception", "reason": "no user"}},
            Rejected("500 fail_processor_exception: no user"),
        ),
        (503, RETRY),
        (
            {"status": 400, "error": {"type": "document_parsing_exception", "reason": "bad ip"}},
            Rejected("400 document_parsing_exception: bad ip"),
        ),
        (404, Held("Elasticsearch: unknown; see Elasticsearch's log")),
    ],
)
def test_each_line_has_the_outcome_of_its_item(item, outcome):
    with FakeElasticsearch(items(201, item, 201)) as server:
        sender = output(server.url)
        assert sender.send(lines(3)) == [DELIVERED, outcome, DELIVERED]
        sender.close()


BLOCKED = {
    "status": 403,
    "error": {
        "type": "cluster_block_exception",
        "reason": "index [a] blocked by: [FORBIDDEN/8/index write (api)];",
    },
}


@pytest.mark.parametrize("code", [403, 429])
def test_a_line_that_a_blocked_index_refuses_is_not_at_fault_and_is_sent_again(code):
    with FakeElasticsearch(items(201, BLOCKED | {"status": code}, 400)) as server:
        sender = output(server.url)
        delivered, again, rejected = sender.send(lines(3))
        sender.close()
    assert (delivered, again) == (DELIVERED, RETRY)
    assert isinstance(rejected, Rejected)


@pytest.mark.parametrize(("code", "error"), [(403, Refused), (429, Unavailable)])
def test_when_all_that_is_left_is_blocked_the_reason_is_told(code, error):
    blocked = BLOCKED | {"status": code}
    with FakeElasticsearch(items(blocked, blocked)) as server:
        sender = output(server.url)
        with pytest.raises(error, match=r"blocked by: \[FORBIDDEN/8/index write"):
            sender.send(lines(2))
        sender.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (429, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (401, Refused),
        (403, Refused),
        (400, Refused),
        (404, Refused),
        (302, Refused),
    ],
)
def test_a_failed_request_is_an_error_of_its_kind(code, error):
    said = {"error": {"type": "some_exception", "reason": "some reason"}}
    with FakeElasticsearch(status(code, said)) as server:
        sender = output(server.url)
        with pytest.raises(error, match=rf"{code} \(some_exception: some reason\)"):
            sender.send(lines(1))
        assert sender.send(lines(1)) == [DELIVERED]
        sender.close()


@pytest.mark.parametrize(
    "answer",
    [
        items(),
        items(201),
        items(201, 201, 201),
        status(200, {"errors": False}),
        status(200, b"<html>welcome</html>"),
        status(200, b""),
        lambda pairs: b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
        lambda pairs: b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
def test_an_answer_that_is_none_is_never_a_success(answer):
    with FakeElasticsearch(answer) as server:
        sender = output(server.url)
        with pytest.raises(ProtocolError):
            sender.send(lines(2))
        assert sender.send(lines(2)) == [DELIVERED] * 2
        sender.close()


def test_requests_hold_no_more_lines_than_configured():
    with FakeElasticsearch() as server:
        sender = output(server.url, bulk_max_size=2)
        assert sender.send(lines(5)) == [DELIVERED] * 5
        sender.close()
    assert [body.count(b"\n") // 2 for _, _, body in server.requests] == [2, 2, 1]


def test_requests_hold_no_more_bytes_than_configured_but_one_line_of_any_size():
    big = json.dumps({"a": "x" * 5000}).encode()
    with FakeElasticsearch() as server:
        sender = output(server.url, bulk_max_body_bytes=4096)
        assert sender.send(Lines.of([line(1), line(2), big, line(3)])) == [DELIVERED] * 4
        sender.close()
    assert [body.count(b"\n") // 2 for _, _, body in server.requests] == [2, 1, 1]


def at_most(most_bytes):
    """Answers 413 to bodies of more bytes, for as long as it is asked."""

    def answer(server, pairs):
        size = sum(len(line) for _, line in pairs)
        return (413, {}) if size > most_bytes else server.create(pairs)

    return answer


def test_what_is_too_large_is_sent_in_halves_and_not_tried_again():
    with FakeElasticsearch() as server:
        answer = at_most(12 * len(line(10)))
        server.answers.extend([lambda pairs: answer(server, pairs)] * 99)
        sender = output(server.url)
        for _ in range(3):
            assert set(sender.send(lines(40))) <= {DELIVERED, DUPLICATE}
        sender.close()
    sizes = [body.count(b"\n") // 2 for _, _, body in server.requests]
    assert sizes[:4] == [40, 20, 10, 10]
    assert all(size <= 12 for size in sizes[5:])
    assert len(server.documents) == 40


def test_a_single_line_that_is_too_large_is_rejected_and_the_others_go_on():
    big = json.dumps({"a": "x" * 5000}).encode()
    with FakeElasticsearch() as server:
        answer = at_most(4000)
        server.answers.extend([lambda pairs: answer(server, pairs)] * 99)
        sender = output(server.url)
        before, rejected, after = sender.send(Lines.of([line(1), big, line(2)]))
        sender.close()
    assert (before, after) == (DELIVERED, DELIVERED)
    assert rejected.reason == f"too large: {server.url} answers 413"


def test_requests_shrink_while_the_server_is_overloaded_and_grow_again():
    busy = items(*[201] * 15, 429)
    with FakeElasticsearch(busy, status(429)) as server:
        sender = output(server.url, bulk_max_size=16)
        assert sender.send(lines(16)) == [DELIVERED] * 15 + [RETRY]
        with pytest.raises(Unavailable):
            sender.send(lines(16))
        server.answers.clear()
        assert len(sender.send(lines(64))) == 64
        sender.close()
    assert [body.count(b"\n") // 2 for _, _, body in server.requests] == [
        *(16, 8),
        *(4, 7, 11, 16, 16, 10),
    ]


def test_an_index_that_is_missing_is_for_a_person_to_make_and_costs_no_line():
    missing = {"type": "index_not_found_exception", "reason": "no such index [mcp-tools]"}
    with FakeElasticsearch(items(201, {"status": 404, "error": missing})) as server:
        sender = output(server.url)
        _, held = sender.send(lines(2))
        assert held == Held("Elasticsearch: no such index [mcp-tools]; make it (mcp-shipper setup)")
        sender.close()


def test_all_nodes_share_the_lines_and_each_document_is_there_once():
    gates = threading.Barrier(2)

    def meets(server):
        def answer(pairs):
            gates.wait(20)
            return server.create(pairs)

        return answer

    with FakeElasticsearch() as first, FakeElasticsearch() as second:
        for server in (first, second):
            server.answers.append(meets(server))
        sender = output(first.url, second.url, bulk_max_size=10)
        assert sender.send(lines(100)) == [DELIVERED] * 100
        sender.close()
    keys = [*first.documents, *second.documents]
    assert len(keys) == len(set(keys)) == 100


def test_without_load_balancing_one_node_gets_all():
    with FakeElasticsearch() as first, FakeElasticsearch() as second:
        sender = output(first.url, second.url, loadbalance=False, bulk_max_size=10)
        assert sender.send(lines(100)) == [DELIVERED] * 100
        sender.close()
    assert sorted([len(first.documents), len(second.documents)]) == [0, 100]


def test_headers_parameters_path_and_pipeline_go_with_the_requests():
    with FakeElasticsearch() as server:
        sender = output(
            server.url,
            headers={"X-Tenant": Secret("a")},
            parameters={"wait_for_active_shards": "2"},
            pipeline="mcp-normalise",
            path="/es/",
        )
        sender.send(lines(1))
        sender.close()
    ((bulk_path, headers, _),) = server.requests
    assert bulk_path.startswith("/es/_bulk?filter_path=")
    assert bulk_path.endswith("&wait_for_active_shards=2&pipeline=mcp-normalise")
    assert headers["X-Tenant"] == "a"


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("custom", (7, 3, 9)),
        ("balanced", (1600, 1, 1)),
        ("throughput", (1600, 4, 1)),
        ("scale", (1600, 1, 1)),
        ("latency", (50, 1, 1)),
    ],
)
def test_a_preset_overrides_its_settings_and_each_that_was_given_is_reported(preset, expected):
    given = {"bulk_max_size": 7, "workers": 3, "compression_level": 9}
    section = {"preset": preset, "timeout": "5s", **given}
    read = from_mapping({"output": {"elasticsearch": section}})
    config = read.outputs["elasticsearch"]
    told = [
        f"config output.elasticsearch.{name}: no effect: preset {preset} sets it to {value}"
        for name, value in zip(given, expected, strict=True)
        if preset != "custom"
    ]
    assert list(read.notes) == told
    assert (config.bulk_max_size, config.workers, config.compression_level) == expected
    assert config.batch_max_lines == expected[0] * expected[1]
    assert config.timeout_s == 5


def test_what_was_settled_before_a_failure_counts_and_the_rest_is_sent_again():
    with FakeElasticsearch(items(201, 409), status(503)) as server:
        sender = output(server.url, bulk_max_size=2)
        assert sender.send(lines(5)) == [DELIVERED, DUPLICATE, RETRY, RETRY, RETRY]
        sender.close()
    assert len(server.requests) == 2


def test_a_connection_that_ends_in_the_middle_is_unavailable():
    with FakeElasticsearch(lambda pairs: b"") as server:
        sender = output(server.url)
        with pytest.raises(Unavailable, match="closed the connection"):
            sender.send(lines(1))
        assert sender.send(lines(1)) == [DELIVERED]
        sender.close()


def test_the_server_may_close_after_every_answer():
    body = json.dumps({"items": [{"create": {"status": 201}}]}).encode()
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    with FakeElasticsearch(*[lambda pairs: head + body] * 3) as server:
        sender = output(server.url)
        for _ in range(3):
            assert sender.send(lines(1)) == [DELIVERED]
        sender.close()


def test_a_node_that_is_down_is_left_for_the_next():
    with socket.create_server(("127.0.0.1", 0)) as held:
        down = f"http://127.0.0.1:{held.getsockname()[1]}"
    with FakeElasticsearch() as server:
        sender = output(down, server.url)
        outcomes = []
        for _ in range(2):
            try:
                outcomes = sender.send(lines(1))
            except Unavailable:
                continue
        sender.close()
    assert outcomes[0] in {DELIVERED, DUPLICATE}


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"api_key": Secret("id:key")}, "ApiKey aWQ6a2V5"),
        ({"api_key": Secret("aWQ6a2V5")}, "ApiKey aWQ6a2V5"),
        ({"username": "u", "password": Secret("p")}, "Basic dTpw"),
        ({}, None),
    ],
)
def test_credentials_go_with_every_request(options, header):
    with FakeElasticsearch() as server:
        sender = output(server.url, **options)
        sender.send(lines(1))
        sender.probe()
        sender.close()
    assert [headers.get("Authorization") for _, headers, _ in server.requests] == [header] * 2


def test_credentials_may_stand_in_the_url_and_are_never_told():
    with FakeElasticsearch(status(401)) as server:
        sender = output(server.url.replace("://", "://u:p%40ss@"))
        with pytest.raises(Refused) as caught:
            sender.send(lines(1))
        sender.close()
    assert "does not accept the user name and password" in str(caught.value)
    assert "p@ss" not in str(caught.value) + repr(sender)
    assert "p%40ss" not in str(caught.value)
    assert server.requests[0][1]["Authorization"] == "Basic dTpwQHNz"


def test_a_path_before_the_api_is_kept():
    with FakeElasticsearch() as server:
        sender = output(f"{server.url}/elastic/")
        sender.send(lines(1))
        sender.close()
    assert server.requests[0][0].startswith("/elastic/_bulk?")


def test_a_line_as_deep_as_the_reader_lets_pass_is_sent():
    for depth in range(900, 1000, 3):
        deep = b'{"a":' * depth + b"1" + b"}" * depth
        with FakeElasticsearch(items(201)) as server:
            sender = output(server.url)
            assert sender.send(Lines.of([deep])) == [DELIVERED]
            sender.close()


def test_the_probe_names_the_cluster_and_the_credentials():
    with FakeElasticsearch() as server:
        sender = output(server.url, api_key=Secret("id:key"))
        said = sender.probe()
        sender.close()
    assert said == f"{server.url} is Elasticsearch 9.4.3, cluster faults, with the API key"


def test_a_key_that_may_only_write_passes_the_probe():
    with FakeElasticsearch(status(403)) as server:
        sender = output(server.url, api_key=Secret("id:key"))
        said = sender.probe()
        sender.close()
    assert said == f"{server.url} knows the API key, which may not read the cluster's name"


@pytest.mark.parametrize(
    ("answer", "error"),
    [(status(401), Refused), (status(200, b"{}"), ProtocolError), (status(503), Unavailable)],
)
def test_the_probe_fails_as_sending_would(answer, error):
    with FakeElasticsearch(answer) as server:
        sender = output(server.url)
        with pytest.raises(error):
            sender.probe()
        sender.close()


@pytest.mark.parametrize(
    "hosts", [(), ("ftp://a",), ("http://",), ("http://a:b",), ("http://u:geheim@a:9x",)]
)
def test_hosts_that_are_no_urls_stop_before_starting(hosts):
    with pytest.raises(ConfigError) as caught:
        Elasticsearch(ElasticsearchConfig(hosts=hosts))
    assert "geheim" not in str(caught.value)


def hashed(n, hash_, **members):
    stream = {"type": "logs", "dataset": "mcp.tools", "namespace": "default"}
    event = {"id": f"id-{n}", "hash": hash_}
    return json.dumps({"data_stream": stream, "n": n, **members, "event": event}).encode()


def test_an_event_whose_id_another_document_has_is_rejected_and_logged(caplog):
    with FakeElasticsearch() as server:
        sender = output(server.url)
        assert sender.send(Lines.of([hashed(1, "a"), hashed(2, "b"), line(3)])) == [DELIVERED] * 3
        again = Lines.of([hashed(1, "a"), hashed(2, "other"), line(3), hashed(4, "d")])
        same, other, unhashed, new = sender.send(again)
        sender.close()
    assert (same, unhashed, new) == (DUPLICATE, DUPLICATE, DELIVERED)
    reason = "409 conflict: logs-mcp.tools-default holds another document under the id id-2"
    assert other == Rejected(reason)
    (message,) = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert reason in message


@pytest.mark.parametrize("document", [b"{}", b'{"event":{"hash":7}}', b'{"event":"x"}', b'{"n":1}'])
def test_a_document_without_the_hash_is_another_one(document):
    with FakeElasticsearch() as server:
        sender = output(server.url)
        server.documents["logs-mcp.tools-default", "id-1"] = document
        (outcome,) = sender.send(Lines.of([hashed(1, "a")]))
        sender.close()
    assert isinstance(outcome, Rejected)


def test_a_line_whose_id_is_given_is_not_compared():
    lines_ = replace(Lines.of([hashed(1, "a")]), origins=[Origin(1, "key")])
    with FakeElasticsearch() as server:
        sender = output(server.url)
        assert sender.send(lines_) == [DELIVERED]
        server.documents["logs-mcp.tools-default", "key-0"] = b"{}"
        assert sender.send(lines_) == [DUPLICATE]
        sender.close()
    assert [path for path, *_ in server.requests if path == "_mget"] == []


@pytest.mark.parametrize("code", [429, 500, 503])
def test_documents_that_cannot_be_read_now_are_compared_later(code):
    with FakeElasticsearch() as server:
        sender = output(server.url)
        sender.send(Lines.of([hashed(1, "a")]))
        server.mget = lambda body: (code, {})
        assert sender.send(Lines.of([hashed(1, "b"), hashed(2, "b")])) == [RETRY, DELIVERED]
        sender.close()


_DENIED = {"type": "security_exception", "reason": "action is unauthorized"}


@pytest.mark.parametrize(
    "answer",
    [
        (403, {"error": _DENIED}),
        (200, {"docs": [{"_id": "id-1", "error": _DENIED}]}),
        (405, b"<html>a proxy</html>"),
    ],
)
def test_an_id_that_is_taken_by_a_document_that_may_not_be_read_holds_the_output(answer):
    with FakeElasticsearch() as server:
        sender = output(server.url)
        sender.send(Lines.of([hashed(1, "a")]))
        server.mget = lambda body: answer
        with pytest.raises(Refused, match=r"id-1.*privilege read for logs-mcp\.tools-default"):
            sender.send(Lines.of([hashed(1, "b")]))
        del server.mget
        assert sender.send(Lines.of([hashed(1, "a")])) == [DUPLICATE]
        sender.close()


@pytest.mark.parametrize(
    ("options", "members", "is_added"),
    [
        ({"pipeline": "p"}, {"time": 1}, True),
        ({"pipeline": "p"}, {}, True),
        ({"pipeline": "p"}, {"x": {"@timestamp": "no"}}, True),
        ({"pipeline": "p"}, {"@timestamp": "2026-11-30T00:00:00Z"}, False),
        ({"parameters": {"pipeline": "p"}}, {"time": 1}, True),
        ({"index": "metrics-app-default"}, {"time": 1}, True),
        ({}, {"time": 1}, False),
    ],
)
def test_a_line_without_a_time_gets_one_unless_elasticsearch_sets_it(options, members, is_added):
    with FakeElasticsearch() as server:
        sender = output(server.url, **options)
        sent = json.dumps(members).encode()
        assert sender.send(Lines.of([sent])) == [DELIVERED]
        sender.close()
    (document,) = server.documents.values()
    if is_added:
        found = json.loads(document)
        assert found.pop("@timestamp").startswith("20")
        assert found == members
    else:
        assert document == sent


_STREAM = {"type": "logs", "dataset": "app", "namespace": "prod"}


@pytest.mark.parametrize(
    ("named", "index"),
    [
        ({f"data_stream.{name}": value for name, value in _STREAM.items()}, "logs-app-prod"),
        ({"data_stream.dataset": "app"}, "logs-app-default"),
        ({"data_stream.dataset": "app", "data_stream": {"namespace": "prod"}}, "logs-app-prod"),
        ({"data_stream.dataset": "other", "data_stream": _STREAM}, "logs-app-prod"),
        ({"data_stream.dataset": "Not-Valid"}, "logs-generic-default"),
        ({"data_stream.dataset": 7}, "logs-generic-default"),
        ({"data_stream.dataset": "app", "data_stream": "odd"}, "logs-generic-default"),
    ],
)
def test_a_line_is_routed_by_dotted_names_as_by_nested_ones(named, index):
    with FakeElasticsearch() as server:
        sender = output(server.url)
        some = Lines.of([json.dumps({"n": 1, **named}).encode(), line(2)])
        assert sender.send(some) == [DELIVERED] * 2
        sender.close()
    assert [one for one, _ in server.documents] == [index, "logs-mcp.tools-default"]


def test_the_index_that_the_conflict_names_is_asked():
    backing = ".ds-logs-mcp.tools-default-2026.11.30-000001"
    error = {"type": "version_conflict_engine_exception", "reason": "x", "index": backing}
    with FakeElasticsearch(items({"status": 409, "error": error})) as server:
        server.documents[backing, "id-1"] = hashed(1, "a")
        sender = output(server.url)
        assert sender.send(Lines.of([hashed(1, "a")])) == [DUPLICATE]
        sender.close()


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"docs":[]}', b"<html>", b'{"docs":[{},{}]}'])
def test_an_answer_about_documents_that_is_none_settles_nothing(answer):
    with FakeElasticsearch() as server:
        sender = output(server.url)
        sender.send(Lines.of([hashed(1, "a")]))
        server.mget = lambda body: (200, answer)
        with pytest.raises(ProtocolError):
            sender.send(Lines.of([hashed(1, "a")]))
        sender.close()


SHARDS = (
    "this action would add [2] shards, but this cluster has [9]/[9] maximum normal shards open;"
)
CONDITIONS = [
    (403, "security_exception", "action [x] is unauthorized on indices [logs-generic-default]"),
    (404, "index_not_found_exception", "no such index [a]"),
    (400, "validation_exception", SHARDS),
    (400, "illegal_argument_exception", "pipeline with id [x] does not exist"),
    (400, "illegal_argument_exception", "no write index is defined for alias [a]."),
    (403, "index_block_exception", "blocked"),
    (404, "alias_not_found_exception", "no such alias [a]"),
    (401, "unknown_in_this_version", "log in again"),
    (
        400,
        "illegal_argument_exception",
        "[a][0] exceeds 2147483519 documents per shard",
    ),
    (400, "invalid_index_name_exception", "Invalid index name [A], must be lowercase"),
    (400, "mapper_parsing_exception", "Failed to parse mapping: analyzer [x] not found"),
]
OF_THE_CHOICE = [row for row in CONDITIONS if row[0] != 400] + CONDITIONS[-2:]


@pytest.mark.parametrize(("code", "kind", "reason"), CONDITIONS)
@pytest.mark.parametrize("has_place", [False, True])
def test_a_failure_that_is_not_the_lines_fault_holds_them_with_the_reason(
    code, kind, reason, has_place
):
    condition = {"status": code, "error": {"type": kind, "reason": reason}}
    some = Lines.of([b'{"n":1}', b'{"n":2}'])
    if has_place:
        some = replace(some, origins=[Origin(2, "key")])
    with FakeElasticsearch(items(201, condition)) as server:
        sender = output(server.url)
        delivered, held = sender.send(some)
        assert delivered is DELIVERED
        assert isinstance(held, Held)
        assert reason in held.reason
        assert sender.send(some)[-1] is DELIVERED
        sender.close()


@pytest.mark.parametrize(("code", "kind", "reason"), OF_THE_CHOICE)
def test_a_foreign_line_that_chose_its_data_stream_holds_back_no_other(code, kind, reason):
    condition = {"status": code, "error": {"type": kind, "reason": reason}}
    some = replace(Lines.of([line(1), line(2, "nginx.access")]), origins=[Origin(2, "key")])
    with FakeElasticsearch(items(201, condition)) as server:
        sender = output(server.url)
        delivered, rejected = sender.send(some)
        sender.close()
    assert delivered is DELIVERED
    assert isinstance(rejected, Rejected)


@pytest.mark.parametrize("status", [-1, 0, 100, 302, 600])
def test_a_status_that_blames_nobody_is_no_verdict_on_the_line(status):
    with FakeElasticsearch(items(201, {"status": status})) as server:
        sender = output(server.url)
        _, failed = sender.send(lines(2))
        sender.close()
    assert isinstance(failed, Failed)


def test_a_long_reason_is_cut():
    long = {"status": 400, "error": {"type": "x", "reason": "y" * 1_000_000}}
    with FakeElasticsearch(items(201, long)) as server:
        sender = output(server.url)
        _, rejected = sender.send(lines(2))
        sender.close()
    assert len(rejected.reason) < 1100


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_a_server_that_postpones_every_line_says_why(code):
    busy = {"status": code, "error": {"type": "x", "reason": "the queue is full"}}
    with FakeElasticsearch(items(busy, busy)) as server:
        sender = output(server.url)
        with pytest.raises(Unavailable, match="the queue is full"):
            sender.send(lines(2))
        sender.close()
