"""Container logs: the text that a container printed, with its time and stream."""

import json

import pytest

from tests.forms.forms import block, events, form, messages

CRI = (
    b"2016-10-06T00:17:09.669794202Z stdout P one \n"
    b"2016-10-06T00:17:09.7Z stderr F two\n"
    b"2016-10-06T00:17:10+02:00 stdout F three\n"
    b"2016-10-06T00:17:11Z stdout F \n"
    b"2016-10-06T00:17:12Z stdout F:more four\n"
)
FIRST, LAST = CRI.splitlines(keepends=True)[0], CRI.splitlines()[-1]


def docker(log, stream="stdout", time="2016-10-06T00:17:09.669Z"):
    return json.dumps({"log": log, "stream": stream, "time": time}).encode() + b"\n"


def container(*more, **options):
    return form(parsers=[{"container": options}, *more])


def test_lines_of_cri_are_unwrapped_and_their_parts_joined_per_stream():
    got = events(container(), CRI)
    assert [(one["message"], one["stream"], one["@timestamp"]) for one in got] == [
        ("one three", "stdout", "2016-10-06T00:17:09.669794202Z"),
        ("two", "stderr", "2016-10-06T00:17:09.7Z"),
        ("four", "stdout", "2016-10-06T00:17:12Z"),
    ]
    assert [one["log"]["offset"] for one in got] == [
        CRI.index(line) for line in (b"2016-10-06T00:17:09.6", b"2016-10-06T00:17:09.7", LAST)
    ]


def test_lines_of_docker_are_unwrapped_and_their_parts_joined():
    data = docker("a ") + docker("err\n", "stderr") + docker("b\n") + docker("\n") + docker("c\r\n")
    got = events(container(), data)
    assert [(one["message"], one["stream"]) for one in got] == [
        ("a b", "stdout"),
        ("err", "stderr"),
        ("c", "stdout"),
    ]
    assert got[0]["@timestamp"] == "2016-10-06T00:17:09.669Z"


def test_one_stream_can_be_chosen():
    sifted = container(stream="stderr").sift(block(CRI))
    assert [json.loads(one)["message"] for one in sifted.lines] == ["two"]
    assert len(sifted.filtered) == 4


@pytest.mark.parametrize("parsers", [[], [{"ndjson": {}}]])
def test_an_object_that_a_container_prints_goes_to_the_root_and_keeps_its_own_time(parsers):
    inner = '{"@timestamp":"2020-01-01T00:00:00Z","log":{"level":"info"},"n":1.0}'
    (event, other) = events(container(*parsers), docker(inner + "\n") + docker('{"n":2}\n'))
    assert event["@timestamp"] == "2020-01-01T00:00:00Z"
    assert event["log"] == {"level": "info", "file": {"path": "/var/log/app.log"}, "offset": 0}
    assert (event["n"], event["stream"]) == (1.0, "stdout")
    assert (other["n"], other["@timestamp"]) == (2, "2016-10-06T00:17:09.669Z")


def test_a_container_that_prints_text_too_loses_none_of_it_to_ndjson():
    data = docker("starting\n") + docker('{"n":1}\n')
    got = events(container({"ndjson": {"add_error_key": True}}), data)
    assert got[0]["message"] == "starting"
    assert got[0]["error"]["type"] == "json"
    assert got[1]["n"] == 1


@pytest.mark.parametrize(
    ("format_", "line"),
    [
        ("auto", b"no container wrote this"),
        ("auto", b'{"log":"no time\\n"}'),
        ("auto", b'{"log":"x\\n","time":"yesterday"}'),
        ("docker", b"2016-10-06T00:17:09Z stdout F x"),
        ("cri", b'{"log":"x\\n","time":"2016-10-06T00:17:09Z"}'),
    ],
)
def test_a_line_in_another_format_arrives_unchanged(format_, line):
    (event,) = events(container(format=format_), line + b"\n")
    assert event.get("message", event.get("log")) in (line.decode(), json_log(line))


def test_a_line_that_nests_without_end_arrives_unchanged_and_so_does_the_next():
    deep = b'{"log":"x","stream":"stdout","attrs":' + b"[" * 5000 + b"]" * 5000 + b"}\n"
    got = messages(container(), deep + docker("next\n"))
    assert got == [deep.decode().rstrip(), "next"]


def json_log(line):
    """An object keeps its own members."""
    return json.loads(line)["log"] if line.startswith(b"{") else None


def test_a_part_whose_rest_never_comes_is_sent_as_such():
    sifted = container().sift(block(FIRST))
    assert (len(sifted.lines), sifted.waiting_bytes) == (0, len(FIRST))
    (event,) = events(container(), FIRST, is_last=True)
    assert (event["message"], event["log"]["flags"]) == ("one ", ["partial"])


def test_several_lines_of_a_container_are_one_event():
    lines = ["Traceback:", "  File x", "    y", "next"]
    data = b"".join(b"2016-10-06T00:17:09Z stderr F %b\n" % line.encode() for line in lines)
    parser = {"multiline": {"pattern": "^[[:space:]]"}}
    assert messages(container(parser), data, is_last=True) == [
        "Traceback:\n  File x\n    y",
        "next",
    ]


def test_a_byte_order_mark_before_json_is_no_part_of_it():
    bom = b"\xef\xbb\xbf"
    strict, joined = form(parsers=[{"ndjson": None}]), container()
    assert messages(strict, bom + b'{"a":1}\n{"a":2}\n') == [{"a": 1}, {"a": 2}]
    (event,) = events(joined, b"2016-10-06T00:17:09Z stdout F " + bom + b'{"a":1}\n')
    assert event["a"] == 1
    assert strict.patience_s(bom + b'{"a":1}') == 0.0
