"""Lines that broke a real Logstash, or left a secret in clear there: one masked document each."""

import json

import pytest

from tests.assets.corpus import by_ruby

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "n"}}
SECRET = "planted-7731"
MCP = "mcp.tools"


def nested(depth, kind=list):
    value = "x"
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


def events(ruby, tmp_path, *lines):
    return [one["event"] for one in by_ruby(ruby, lines, tmp_path)]


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("depth", [70, 450, 700])
def test_a_deep_line_becomes_one_event(ruby, tmp_path, depth, kind):
    deep = {**CALL, "params": {"name": "n", "arguments": {"a": nested(depth, kind)}}}
    for event in events(ruby, tmp_path, deep, {"x": nested(depth, kind), "password": SECRET}):
        assert event.get("data_stream", {}).get("dataset") == MCP or "message" in event
        assert SECRET not in json.dumps(event)


@pytest.mark.parametrize(
    "name", ["user[password]", "a[b", "tags[0]", "[", "a]b", "[]", "[password]", ""]
)
def test_a_name_that_logstash_reads_as_a_path_leaves_nothing_in_clear(ruby, tmp_path, name):
    found = events(
        ruby,
        tmp_path,
        {name: SECRET, "x": "y", "password": SECRET},
        {**CALL, name: f"Bearer {SECRET}", "params": {"name": "n", "arguments": {"token": SECRET}}},
    )
    for event in found:
        assert name not in event
    assert json.dumps(found[0]).count(SECRET) <= 1  # a neutral name, as anywhere
    assert found[1]["data_stream"]["dataset"] == MCP
    assert SECRET not in json.dumps(found[1])


@pytest.mark.parametrize(
    "beside",
    [
        {"container": {"env": [f"DB_PASSWORD={SECRET}"]}},
        {"kubernetes": {"annotations": {"auth-token": SECRET}}},
        {"log": {"authorization": f"Bearer {SECRET}"}},
        {"fields": {"message": "m", "access_token": SECRET}, "level": "INFO"},
        {"tags": [f"password={SECRET}"]},
        {"tags": f"token: {SECRET}"},
        {"tags": ["a", {"password": SECRET}]},
        {"data_stream": {"type": "logs", "dataset": "BAD NAME", "password": SECRET}},
        {
            "headers": [
                {"name": "Authorization", "value": SECRET},
                {"key": "api_key", "value": SECRET},
            ]
        },
        {"argv": ["mysql", "--password", SECRET]},
        {"body": json.dumps({"l": [{"name": "token", "value": SECRET}]})},
        {"password": SECRET, "msg": f"login with {SECRET} failed"},
    ],
)
def test_a_secret_beside_the_message_is_masked(ruby, tmp_path, beside):
    lines = ({"x": 1, **beside}, {**CALL, **beside}, {"message": json.dumps({"x": 1, **beside})})
    for event in events(ruby, tmp_path, *lines):
        assert SECRET not in json.dumps(event)


def test_a_message_below_fields_is_read(ruby, tmp_path):
    line = {"timestamp": "2025-11-20T10:00:00Z", "fields": {**CALL, "token": SECRET}}
    [event] = events(ruby, tmp_path, line)
    assert event["gen_ai"]["tool"]["name"] == "n"
    assert SECRET not in json.dumps(event)


SEALED = {
    "mcp": {"audit": {"type": "mcp_tool_execution", "stream": {"id": "victim"}}},
    "event": {"id": "victim-7", "sequence": 7, "hash": "0" * 64},
    "data_stream": {"type": "logs", "dataset": MCP, "namespace": "default"},
    "message": f"forged password={SECRET}",
}


@pytest.mark.parametrize(
    "change",
    [
        {"event": {"id": "victim-7"}},
        {"event": {**SEALED["event"], "sequence": 8}},
        {"event": {**SEALED["event"], "hash": "no"}},
        {"@metadata": {"_id": "k-1"}},
    ],
)
def test_a_line_that_has_no_seal_is_masked_and_takes_no_id_of_an_event(ruby, tmp_path, change):
    [event] = events(ruby, tmp_path, {**SEALED, **change})
    assert event["tags"] == ["mcp_unrecognised"]
    assert SECRET not in json.dumps(event)
    assert "id" not in event.get("event", {})


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (1763632800123, "2025-11-20T10:00:00.123000Z"),
        ("1763632800123", "2025-11-20T10:00:00.123000Z"),
        (1763632800.123, "2025-11-20T10:00:00.123000Z"),
        (1763632800, "2025-11-20T10:00:00.000000Z"),
        ("2025-11-20 10:00:00", "2025-11-20T10:00:00.000000Z"),
        ("2025-11-20 10:00:00,5", "2025-11-20T10:00:00.500000Z"),
        ("2025-11-20T12:00:00,5+0200", "2025-11-20T10:00:00.500000Z"),
        ("2025-11-20T10:00", "2025-11-20T10:00:00.000000Z"),
        ("Thu, 20 Nov 2025 10:00:00 GMT", "2025-11-20T10:00:00.000000Z"),
    ],
)
def test_a_time_is_read_to_the_millisecond_in_the_forms_that_people_write(
    ruby, tmp_path, written, read
):
    [event] = events(ruby, tmp_path, {**CALL, "time": written})
    assert event["@timestamp"] == read
    assert "tags" not in event


def test_a_time_that_cannot_be_read_is_tagged(ruby, tmp_path):
    [event] = events(ruby, tmp_path, {**CALL, "time": "yesterday"})
    assert event["tags"] == ["mcp_untimed"]


def test_a_text_line_states_its_own_time_and_gets_an_id(ruby, tmp_path):
    line = json.dumps({"@timestamp": "2025-11-20T10:00:00.000Z", **CALL})
    first, second = events(ruby, tmp_path, {"message": line}, {"message": line})
    assert first["@timestamp"] == "2025-11-20T10:00:00.000000Z"
    assert first["event"]["id"] == second["event"]["id"]


def test_a_text_line_through_kafka_is_what_it_is_through_beats(ruby, tmp_path):
    text = (
        "2026-11-21T01:02:06.000001Z info request mcp.method.name=tools/call "
        'gen_ai.tool.name="n" jwt.sub="ann" duration=12ms'
    )
    wrapped = {"@timestamp": "2026-11-21T02:00:00Z", "log": {"offset": 5}, "message": text}
    beats, kafka = events(ruby, tmp_path, wrapped, {"message": json.dumps(wrapped)})
    assert kafka == beats
    assert kafka["user"]["id"] == "ann"
    assert kafka["event"]["duration"] == 12_000_000
    assert kafka["@timestamp"] == "2026-11-21T01:02:06.000001Z"


def test_a_text_line_that_names_its_data_stream_goes_there(ruby, tmp_path):
    stream = {"type": "logs", "dataset": "x.y", "namespace": "default"}
    line = {"data_stream": stream, "message": "m"}
    [event] = events(ruby, tmp_path, {"message": json.dumps(line)})
    assert event["data_stream"] == stream
    assert event["message"] == "m"


def test_a_kept_line_whose_place_is_known_has_an_id(ruby, tmp_path):
    line = {"message": "{cut", "log": {"offset": 7, "file": {"path": "/a"}}, "agent": {"id": "b"}}
    first, second = (one["metadata"]["_id"] for one in by_ruby(ruby, [line, line], tmp_path))
    assert first == second
    [other] = by_ruby(ruby, [{**line, "log": {"offset": 8}}], tmp_path)
    assert other["metadata"]["_id"] != first


@pytest.mark.parametrize("arrow", ["=>", " => "])
def test_an_object_in_message_is_read_as_beats_prints_it(ruby, tmp_path, arrow):
    printed = (
        r'{"jsonrpc"=>"2.0", "id"=>1, "method"=>"tools/call", "params"=>{"name"=>"n", "arguments"=>'
        r'{"a"=>nil, "b"=>"x => \"nil\" \#{y} \e \u{1F600} \xE9", "c"=>[1.5, true, {}], '
        r'"password"=>"'
        f'{SECRET}"}}}}}}'
    )
    printed = printed.replace('"=>', f'"{arrow}')
    [event] = events(ruby, tmp_path, {"level": "info", "message": printed})
    assert event["data_stream"]["dataset"] == MCP
    arguments = event["gen_ai"]["tool"]["call"]["arguments"]
    expected = {"a": None, "b": 'x => "nil" #{y} \u001b \U0001f600 \xe9', "c": [1.5, True, {}]}
    assert {name: arguments[name] for name in expected} == expected
    assert SECRET not in json.dumps(event)


@pytest.mark.parametrize(
    "text",
    ['{"a"=>"' + '\\"' * 200_000, '{"a"=>"\\u{ffffff}"}', '{"a"=>'],
    ids=["a text without its end", "no character", "cut off"],
)
def test_a_damaged_printed_object_is_kept_as_text(ruby, tmp_path, text):
    [event] = events(ruby, tmp_path, {"message": text})
    assert "mcp_broken" in event["tags"]
