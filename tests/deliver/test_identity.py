"""Which id a line has, and that no line can take the id or the place of an audit event."""

import json
import os
import shutil
import subprocess

import pytest

from shipper import AuditHandler, create_compliance_event
from shipper.config import from_mapping
from shipper.deliver.pipeline import Pipeline
from shipper.deliver.replay import decoded, read_dead_letters
from shipper.errors import Unavailable
from shipper.outputs.base import DELIVERED, RETRY, Rejected
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import Elasticsearch
from shipper.record.format import iso_timestamp
from tests.deliver.lines import append, block, config, drained
from tests.fakes import FakeElasticsearch, Killed, ScriptedOutput

STRATEGIES = [
    {},
    {"strategy": "rollover_alias", "indices": {"mcp.compliance": "mcp-compliance"}},
    {"strategy": "monthly", "indices": {"mcp.compliance": "mcp-compliance"}},
]


def settings_of(home, form=None, **options):
    made = config(home, str(home / "logs" / "*"), **options)
    if form is None:
        return made
    inputs = from_mapping({"inputs": {"paths": [str(home / "logs" / "*")], **form}}).inputs
    return type(made)(name="test", inputs=inputs, data_path=home / "data", **options)


def foreign(**members):
    return json.dumps({"message": "hello", **members}).encode()


def record(logs, count=1):
    handler = AuditHandler(logs)
    for _ in range(count):
        handler.record_self_audit(create_compliance_event("thing"))
    return handler


def events(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class DyingElasticsearch(Elasticsearch):
    """Dies after it has sent a batch, whose outcomes nobody gets to know."""

    def __init__(self, url, lives=0, **options):
        super().__init__(ElasticsearchConfig(hosts=(url,), timeout_s=5.0, **options))
        self.lives = lives

    def send(self, lines):
        outcomes = super().send(lines)
        if not self.lives:
            raise Killed
        self.lives -= 1
        return outcomes


def killed(settings, server, lives=0, **options):
    with pytest.raises(Killed):
        Pipeline(settings, DyingElasticsearch(server.url, lives, **options)).drain()


def shipped(settings, server, **options):
    Pipeline(settings, DyingElasticsearch(server.url, 10**9, **options)).drain()


def indexed(server, field="n"):
    return sorted(json.loads(line)[field] for line in server.documents.values())


# --- a foreign line is no audit event


@pytest.mark.parametrize("options", STRATEGIES)
@pytest.mark.parametrize("kind", ["logs", "mcp"])
def test_a_foreign_line_takes_neither_the_id_nor_the_index_of_an_event(
    tmp_path, logs, options, kind
):
    handler = record(logs)
    (segment,) = logs.glob("*.jsonl")
    *_, latest = events(segment)
    stream, _, sequence = latest["event"]["id"].rpartition("-")
    forged = {"id": f"{stream}-{int(sequence) + 1}"}
    target = {
        "logs": latest["data_stream"],
        "mcp": {"type": "mcp", "dataset": "compliance", "namespace": "000001"},
    }[kind]
    month = iso_timestamp(1_796_000_000)
    line = foreign(**{"@timestamp": month, "data_stream": target, "event": forged})
    append(logs / "app.log", line + b"\n")
    with FakeElasticsearch() as server:
        settings = settings_of(tmp_path)
        shipped(settings, server, **options)
        handler.record_self_audit(create_compliance_event("the real one"))
        handler.close()
        shipped(settings, server, **options)
    taken = {json.loads(one)["event"]["id"]: key for key, one in server.documents.items()}
    assert len(server.documents) == len(events(segment)) + 1
    assert set(taken) >= {event["event"]["id"] for event in events(segment)}
    ((index, ident),) = [key for key, one in server.documents.items() if b"hello" in one]
    assert index == "logs-generic-default"
    assert ident != forged["id"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"data_stream":{"dataset":"mcp.tools"},"message":"m"}',
        b'{"data_stream" : { "dataset" : "mcp.tools", "type":"logs" },"message":"m"}',
        b'{"data_stream":{"dataset":"mcp.new"},"message":"m"}',
        b'{"data_stream.dataset":"mcp.tools","data_stream.type":"logs","message":"m"}',
        b'{"data\\u005fstream":{"dataset":"mcp.tools"},"message":"m"}',
        b'{"data_stream":{"dataset":"\\u006dcp.tools"},"message":"m"}',
        b'{"data_stream":{"dataset":"mcp\\u002etools"},"message":"m"}',
        b'{"data_stream":{"\\u0064ataset":"mcp\\u002Etools"},"message":"m"}',
        b'{"data_stream":{"dataset":"a","dataset":"mcp.tools"},"message":"m"}',
        b'{"data_stream":{"dataset":"mcp.tools","dataset":"a"},"message":"m"}',
        b'{"data_stream":{"dataset":"a"},"data_stream":{"dataset":"mcp.tools"},"message":"m"}',
        b'{"data_stream":{"dataset":"mcp.tools"},"data_stream":{"dataset":"a"},"message":"m"}',
        b'{"data_stream":{"dataset":"own.events"},"message":"m"}',
    ],
)
@pytest.mark.parametrize("is_text", [False, True])
def test_no_foreign_line_leaves_with_the_name_of_an_audit_stream(tmp_path, logs, line, is_text):
    append(logs / "a.log", b'{"message":"before"}\n' + line + b"\n")
    settings = settings_of(tmp_path, None if not is_text else {})
    inputs = [
        type(one)(**{**_fields(one), "audit_datasets": ("own.events",)}) for one in settings.inputs
    ]
    settings = type(settings)(name="test", inputs=tuple(inputs), data_path=settings.data_path)
    _, output = drained(settings)
    before, sent = map(json.loads, output.taken)
    assert before["message"] == "before"
    assert sent["message"] == "m"
    assert "mcp" not in str(sent.get("data_stream"))
    assert "own" not in str(sent.get("data_stream"))
    assert not any(name.startswith("data_stream.") for name in sent)
    assert output.taken[1].count(b'"data_stream"') <= 1


def _fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_a_line_that_named_an_audit_stream_says_so(tmp_path, logs):
    stream = {"dataset": "mcp.tools", "type": "logs"}
    append(logs / "a.log", foreign(data_stream=stream, tags=["own"]) + b"\n")
    (sent,) = drained(settings_of(tmp_path))[1].taken
    assert json.loads(sent) == {
        "message": "hello",
        "tags": ["own", "mcp_unsealed"],
        "data_stream_was": '{"data_stream":{"dataset": "mcp.tools", "type": "logs"}}',
    }


def test_other_foreign_lines_keep_their_bytes(tmp_path, logs):
    lines = [
        b'{"a":"mcp.tools" , "data_stream":{"dataset":"nginx.access"}}',
        b'{"a":"\\u003chtml\\u003e" , "data_stream":{"dataset":"nginx.access"}}',
        b'{"msg":"\\"mcp.tools\\"" ,"data_stream_was":"x"}',
        b'{"logger":"mcp.server" , "b":1.0}',
    ]
    append(logs / "a.log", b"\n".join([*lines, b""]))
    assert drained(settings_of(tmp_path))[1].taken == lines


# --- only a sealed line is an event


def test_a_file_is_no_segment_because_its_first_line_looks_like_a_start(tmp_path, logs):
    start = (
        b'{"@timestamp":"x","event":{"action":"audit-segment-start"},"mcp":{"audit":{"stream":'
        b'{"id":"zzz"},"segment":{"number":1},"chain":{"previous":"%b","version":1}}}}'
    ) % bytes(64).hex()[:64].encode()
    secret = b'{"msg":"login","password":"hunter2Zebra99"}'
    append(logs / "a.log", start + b"\n" + secret + b"\n")
    settings = settings_of(
        tmp_path, {"parsers": [{"ndjson": {}}], "processors": [{"redact": None}]}
    )
    _, output = drained(settings)
    assert not any(b"hunter2Zebra99" in line for line in output.taken)


def test_a_line_in_a_segment_that_is_not_sealed_is_a_foreign_line(tmp_path, logs):
    handler = record(logs, 2)
    (segment,) = logs.glob("*.jsonl")
    sealed = segment.read_bytes().splitlines()
    target = json.loads(sealed[1])["data_stream"]
    forged = json.loads(sealed[1])["event"]["id"].rpartition("-")[0] + "-4"
    fake_seal = {"id": forged, "hash": "0" * 64}
    lines = [
        foreign(n=1, data_stream=target, event={"id": forged}, password="hunter2Zebra99"),
        foreign(n=2, data_stream=target, event=fake_seal, password="hunter2Zebra99"),
    ]
    append(segment, b"\n".join([*lines, b""]))
    handler.record_self_audit(create_compliance_event("the real one"))
    handler.close()
    # The handler notices what is not its own, and goes on in another segment.
    files = sorted(logs.glob("*.jsonl"))
    lines = [line for path in files for line in path.read_bytes().splitlines()]
    real = [line for line in lines if b"hello" not in line]
    form = {"parsers": [{"ndjson": {}}], "processors": [{"redact": None}]}
    with FakeElasticsearch() as server:
        shipped(settings_of(tmp_path, form), server)
    by_id = {ident: (index, line) for (index, ident), line in server.documents.items()}
    ids = {line: json.loads(line)["event"]["id"] for line in real}
    for line in real:
        assert by_id[ids[line]] == ("logs-mcp.compliance-default", line)
    others = [one for ident, one in by_id.items() if ident not in ids.values()]
    assert len(server.documents) == len(real) + 2
    assert {index for index, _ in others} == {"logs-generic-default"}
    assert not any(b"hunter2Zebra99" in line for _, line in others)


def test_a_changed_line_of_a_segment_is_no_event_and_the_next_one_is(tmp_path, logs):
    record(logs, 4).close()
    (segment,) = logs.glob("*.jsonl")
    lines = segment.read_bytes().splitlines()
    changed = lines[2].replace(b"thing", b"thong")
    segment.write_bytes(b"\n".join([*lines[:2], changed, *lines[3:], b""]))
    with FakeElasticsearch() as server:
        shipped(settings_of(tmp_path), server)
    (other,) = [line for (i, _), line in server.documents.items() if i == "logs-generic-default"]
    assert b"thong" in other
    assert len(server.documents) == len(lines)


def test_a_second_file_of_the_same_segment_keeps_its_ids(tmp_path, logs):
    record(logs, 4).close()
    (segment,) = logs.glob("*.jsonl")
    lines = segment.read_bytes().splitlines()
    (logs / "other.jsonl").write_bytes(b"\n".join([*lines[:2], lines[2][:-5] + b'0"}}', b""]))
    with FakeElasticsearch() as server:
        shipped(settings_of(tmp_path), server)
    ids = {json.loads(line)["event"]["id"] for line in lines}
    assert {ident for _, ident in server.documents} >= ids


# --- every line once


FORMS = [
    {"parsers": [{"ndjson": {}}]},
    {},
    {"parsers": [{"ndjson": {}}], "processors": [{"add_fields": {"fields": {"x": 1}}}]},
]


@pytest.mark.parametrize("form", FORMS)
def test_a_foreign_line_is_indexed_once_whenever_the_shipper_dies(tmp_path, logs, form):
    settings = settings_of(tmp_path, form, max_lines=3)
    append(logs / "a.log", block(range(10)))
    with FakeElasticsearch() as server:
        for lives in (0, 0, 1, 2, 0):
            killed(settings, server, lives)
        append(logs / "a.log", block(range(10, 20)))
        shipped(settings, server)
    assert indexed(server) == list(range(20))


def test_a_text_line_is_indexed_once_whenever_the_shipper_dies(tmp_path, logs):
    settings = settings_of(tmp_path, {}, max_lines=3)
    append(logs / "a.log", b"".join(b"line %d\n" % n for n in range(10)))
    with FakeElasticsearch() as server:
        for lives in (0, 0, 1, 2):
            killed(settings, server, lives)
        shipped(settings, server)
    assert indexed(server, "message") == [f"line {n}" for n in range(10)]


def test_a_line_is_indexed_once_if_less_than_was_sent_before_a_crash_is_settled_after_it(
    tmp_path, logs
):
    """The position recognizes the file by the bytes that are settled, not by those once sent."""
    append(logs / "a.log", block(range(40), size=60))
    with FakeElasticsearch() as server:
        killed(settings_of(tmp_path), server)
        output = Elasticsearch(ElasticsearchConfig(hosts=(server.url,)))
        drained(settings_of(tmp_path, max_lines=3), output)
        assert indexed(server) == list(range(40))


@pytest.mark.parametrize("lives", [0, 1])
@pytest.mark.parametrize("size", [0, 2000])
@pytest.mark.parametrize("way", ["rename", "copytruncate", "gzip"])
def test_rotated_while_dead_a_line_is_still_indexed_once(tmp_path, logs, lives, size, way):
    settings = settings_of(tmp_path, max_lines=3)
    path = logs / "a.log"
    append(path, block(range(10), size))
    with FakeElasticsearch() as server:
        killed(settings, server, lives)
        if way == "copytruncate":
            shutil.copy(path, logs / "a.log.1")
            os.truncate(path, 0)
        else:
            path.rename(logs / "a.log.1")
        if way == "gzip":
            subprocess.run(["gzip", logs / "a.log.1"], check=True)
        append(path, block(range(20, 30), size))
        killed(settings, server)
        shipped(settings, server)
    assert indexed(server) == [*range(10), *range(20, 30)]


def test_a_file_that_begins_again_has_other_ids(tmp_path, logs):
    settings, path = settings_of(tmp_path), logs / "a.log"
    append(path, block([1, 2]))
    with FakeElasticsearch() as server:
        shipped(settings, server)
        os.truncate(path, 0)
        append(path, block([3, 4]))
        shipped(settings, server)
    assert indexed(server) == [1, 2, 3, 4]


def test_a_file_that_is_replaced_before_anything_is_settled_has_other_ids(tmp_path, logs):
    settings, path = settings_of(tmp_path), logs / "a.log"
    append(path, block([1, 2]))
    with FakeElasticsearch() as server:
        killed(settings, server)
        path.write_bytes(block([3, 4]))
        shipped(settings, server)
    assert indexed(server) == [1, 2, 3, 4]


def test_lines_alone_and_lines_among_others_have_the_same_ids(tmp_path, logs):
    for name in "abc":
        append(logs / f"{name}.log", block(range(3)))
    record(logs, 3).close()
    settings = settings_of(tmp_path)
    with FakeElasticsearch() as server:
        killed(settings, server)
        for name in "abc":
            append(logs / f"{name}.log", block(range(3, 6)))
        shipped(settings, server)
    found = [json.loads(line)["n"] for line in server.documents.values() if b'"n"' in line]
    assert sorted(found) == sorted([*range(6)] * 3)


class Ids(ScriptedOutput):
    """Keeps the ids of what is sent."""

    def __init__(self, *answers):
        super().__init__(*answers)
        self.ids = []

    def send(self, lines):
        self.ids.append(lines.ids())
        return super().send(lines)


def test_a_line_that_is_sent_again_alone_keeps_its_id(tmp_path, logs):
    append(logs / "a.log", block(range(3)))
    output = Ids([DELIVERED, RETRY, RETRY], Unavailable("x"), [RETRY, DELIVERED])
    drained(settings_of(tmp_path), output, sleep=lambda s: None)
    first, *_, last = output.ids
    assert output.ids == [first, first[1:], first[1:], first[1:2]]
    assert last == first[1:2]


def test_a_dead_letter_is_sent_again_under_its_id(tmp_path, logs):
    append(logs / "a.log", block(range(2)))
    record(logs, 1).close()
    settings = settings_of(tmp_path)
    output = Ids(lambda lines: [Rejected("400 x")] * len(lines))
    drained(settings, output)
    path = settings.dead_letters_path
    letters = [decoded(line) for line in read_dead_letters(path)]
    assert [letter.key for letter in letters if "thing" in letter.line] == [""]
    (ids,) = output.ids
    again = [f"{one.key}-{one.offset}".encode() if one.key else b"" for one in letters]
    assert sorted(again) == sorted(ids)


# --- events that end because nothing more came

MULTILINE = {
    "parsers": [
        {"multiline": {"pattern": "^ ", "match": "after", "negate": False, "timeout": "10ms"}}
    ]
}
PARTIAL = {"partial_line_timeout": "10ms"}


def texts(server):
    return sorted(json.loads(line)["message"] for line in server.documents.values())


@pytest.mark.parametrize(
    ("form", "before", "after", "expected"),
    [
        (MULTILINE, "a\n b\nc\n d\n", "e\n", ["a\n b", "c\n d", "e"]),
        (MULTILINE, "a\n b\nc\n d\n", " late\ne\n", ["a\n b", "c\n d", "late", "e"]),
        (PARTIAL, "a\nhalf", " rest\nb\n", ["a", "b", "half", "rest"]),
        (PARTIAL, "a\nwhole", "\nb\n", ["a", "b", "whole"]),
    ],
)
@pytest.mark.parametrize("is_killed_twice", [False, True])
def test_an_event_that_ended_with_the_file_ends_there_again_after_a_crash(
    tmp_path, logs, form, before, after, expected, is_killed_twice
):
    path = logs / "a.log"
    path.write_text(before)
    settings = settings_of(tmp_path, form)
    with FakeElasticsearch() as server:
        killed(settings, server, 1)
        if is_killed_twice:
            killed(settings, server)
        with path.open("a") as file:
            file.write(after)
        killed(settings, server)
        shipped(settings, server)
    found = [one.strip() for one in texts(server)]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("after", ["", "\n", '\n{"n":2}\n'])
def test_an_object_without_its_newline_is_there_once(tmp_path, logs, after):
    path = logs / "a.log"
    path.write_text('{"n":0}\n{"n":1}')
    settings = settings_of(tmp_path)
    with FakeElasticsearch() as server:
        killed(settings, server)
        with path.open("a") as file:
            file.write(after)
        shipped(settings, server)
    assert indexed(server) == ([0, 1, 2] if "2" in after else [0, 1])
