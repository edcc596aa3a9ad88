"""Lines of text become events; nothing of a text file is lost, and nothing changes silently."""

import json
import re
import tracemalloc
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipper.config import from_mapping
from shipper.errors import ConfigError
from shipper.follow.inputs import InputConfig
from shipper.forms.base import Block, OverLong
from shipper.forms.text.bounded import PIECE_BYTES, bounded_json
from tests.deliver.lines import append, config, dead_letters, drained
from tests.forms.forms import block, events, form, messages


def reading(home, form_):
    inputs = (InputConfig(paths=(str(home / "logs" / "*"),), form=form_),)
    return replace(config(home), inputs=inputs)


def read(home, form_):
    """What is delivered from the files below `home` now."""
    _, output = drained(reading(home, form_))
    return [json.loads(one) for one in output.taken]


class Recorder:
    """Keeps the records of truncated lines."""

    def __init__(self):
        self.lines = []

    def truncated(self, lines):
        self.lines += lines


def test_a_line_of_text_becomes_an_event_that_says_where_it_is_from():
    (_, event) = events(form(), b"first\nsecond\n")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("@timestamp"))
    assert event.pop("ecs")["version"].startswith("9.")
    assert event == {
        "message": "second",
        "log": {"file": {"path": "/var/log/app.log"}, "offset": 6},
        "input": {"type": "filestream"},
    }


def test_objects_among_text_are_sent_unchanged():
    lines = [b'{"a":"caf\xc3\xa9" , "b":1.0}', b"text", b'{"c":[1e400]}']
    sifted = form().sift(block(b"\n".join(lines) + b"\n"))
    assert [sifted.lines[0], sifted.lines[2]] == [lines[0], lines[2]]
    assert json.loads(sifted.lines[1])["message"] == "text"


@pytest.mark.parametrize("line", ['{"a": 1', '{"a": NaN}', "[1]", "1", '"x"', '{"a":1} {}'])
def test_a_line_that_is_nearly_an_object_is_text(line):
    assert messages(form(), line.encode() + b"\n") == [line]


def test_carriage_returns_blank_lines_and_a_byte_order_mark_are_not_content():
    assert messages(form(), b"\xef\xbb\xbfa\r\n\r\n \t\n  b \n") == ["a", "  b "]
    assert messages(form(), b'\xef\xbb\xbf{"a":1}\r\n') == [{"a": 1}]


def test_bytes_that_are_not_text_are_replaced_and_the_event_says_so():
    (event,) = events(form(), b"caf\xe9\n")
    assert (event["message"], event["log"]["flags"]) == ("caf�", ["replaced"])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("latin1", b"caf\xe9"),
        ("cp437", b"caf\x82"),
        ("windows1252", b"caf\xe9"),
        ("UTF-8", b"caf\xc3\xa9"),
    ],
)
def test_other_encodings_are_read(name, data):
    assert messages(form(encoding=name), data + b"\n") == ["café"]
    assert messages(form(encoding=name), b'{"a":"' + data + b'"}\n') == [{"a": "café"}]


@pytest.mark.parametrize("name", ["utf-16le-bom", "ebcdic-037", "iso-2022-jp"])
def test_encodings_with_other_newlines_are_refused_with_a_way_out(name):
    with pytest.raises(ConfigError, match=r"byte 10.*iconv"):
        form(encoding=name)


def test_lines_to_include_and_to_exclude_are_chosen_by_patterns():
    chosen = form(include_lines=["^ERR", "^WARN"], exclude_lines=["health"])
    sifted = chosen.sift(block(b"ERR a\nINFO b\nWARN health\nWARN c\n"))
    assert [json.loads(one)["message"] for one in sifted.lines] == ["ERR a", "WARN c"]
    assert list(sifted.offsets) == [0, 25]
    assert list(sifted.filtered) == [6, 13]


def test_patterns_search_one_member_of_an_object_if_so_configured():
    keys = {"parsers": [{"ndjson": {"message_key": "msg"}}], "include_lines": ["^x"]}
    lines = b'{"msg":"x1"}\n{"msg":"y","x":1}\n{"other":"x"}\n'
    assert messages(form(**keys), lines) == [{"msg": "x1"}]


def test_patterns_understand_the_character_classes_of_go():
    chosen = form(include_lines=["^[[:upper:]][[:space:]]"])
    assert messages(chosen, b"A b\na b\nAb\n") == ["A b"]


@pytest.mark.parametrize("limits", [{"message_max_bytes": 10}, {}])
def test_a_long_line_is_cut_and_its_event_and_a_record_say_what_it_was(tmp_path, logs, limits):
    line = b"0123456789abcdef" * (1 if limits else 1 << 20)
    kept = 10 if limits else 10 << 20
    (logs / "a.log").write_bytes(b"a\n" + line + b"\nb\n")
    settings = reading(tmp_path, form(**limits))
    loss_reporter = Recorder()
    pipeline, output = drained(settings, loss_reporter=loss_reporter)
    first, cut, last = map(json.loads, output.taken)
    assert (first["message"], last["message"]) == ("a", "b")
    assert cut["message"] == line[:kept].decode()
    assert cut["log"]["flags"] == ["truncated"]
    assert cut["log"]["truncated"] == {"bytes": len(line), "sha256": sha256(line).hexdigest()}
    assert pipeline.stats.truncated == 1
    (truncated,) = loss_reporter.lines
    assert (truncated.reject.offset, truncated.reject.length) == (2, len(line))
    assert len(truncated.reject.line) <= 1024
    assert dead_letters(settings) == []


def test_a_line_skipped_in_pieces_is_cut_like_one_read_in_one_block():
    line = b"x" * 5000
    limit = 1000
    at_once = form().sift(Block(line + b"\n", 7, "/a", limit))
    passed = form().shorten(OverLong(line[:limit], 7, "/a", limit, 5000, sha256(line).hexdigest()))
    timeless = [{**json.loads(one.lines[0]), "@timestamp": 0} for one in (at_once, passed)]
    assert timeless[0] == timeless[1]
    assert at_once.truncated == passed.truncated


# --- ndjson ---------------------------------------------------------------------------------------


def strict(**options):
    return form(parsers=[{"ndjson": options}])


def test_in_files_declared_as_ndjson_other_lines_are_rejected(tmp_path, logs):
    (logs / "a.log").write_bytes(b'{"n":1}\ntext\n')
    settings = config(tmp_path)
    assert strict() is settings.inputs[0].form
    taken = read(tmp_path, strict())
    assert taken == [{"n": 1}]
    assert [one["line"] for one in dead_letters(settings)] == ["text"]


def test_with_an_error_key_a_bad_line_becomes_an_event_with_the_error():
    good, bad = events(strict(add_error_key=True), b'{"n":1}\n{"n":\n')
    assert good == {"n": 1}
    assert (bad["message"], bad["error"]["type"]) == ('{"n":', "json")
    assert bad["error"]["message"].startswith("not JSON")


def test_the_object_goes_under_the_target_with_its_origin_beside_it():
    (event,) = events(strict(target="app"), b'{"n":1.50}\n')
    assert (event["app"], event["log"]["offset"]) == ({"n": 1.5}, 0)


def test_dotted_keys_are_expanded_and_values_stay_unchanged():
    line = (
        b'{"log.level":"i","log":{"logger":"a.b"},"a":{"b.c":1.0,"b":{"d":12345678901234567890}}}\n'
    )
    sifted = strict(expand_keys=True).sift(block(line + b'{"a.b":[{"c.d":1}]}\n{"x":1}\n'))
    assert json.loads(sifted.lines[0]) == {
        "log": {"level": "i", "logger": "a.b"},
        "a": {"b": {"c": 1.0, "d": 12345678901234567890}},
    }
    assert b"1.0" in sifted.lines[0]
    assert sifted.lines[2] == b'{"x":1}'


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"parsers": [{"ndjson": {"document_id": "id"}}]}, "its place in its file"),
        ({"parsers": [{"syslog": {}}]}, "Logstash"),
        ({"parsers": [{"ndjson": {}}, {"multiline": {"pattern": "x"}}]}, "before ndjson"),
        ({"parsers": [{"multiline": {}}]}, "pattern is required"),
        ({"parsers": [{"multiline": {"type": "count"}}]}, "count_lines is required"),
        ({"parsers": [{"include_message": {}}]}, "patterns is required"),
        ({"parsers": [{"multilin": {}}]}, "did you mean 'multiline'"),
        ({"message_max_bytes": 0}, "expected 1 to"),
        ({"include_lines": ["("]}, "not a regular expression"),
    ],
)
def test_an_impossible_configuration_is_refused_with_the_reason(keys, reason):
    with pytest.raises(ConfigError, match=reason):
        form(**keys)


def test_inputs_of_the_older_types_mean_what_they_mean_in_filebeat():
    config_ = from_mapping(
        {
            "inputs": [
                {"type": "log", "paths": ["/a"], "json": {"keys_under_root": True}},
                {"type": "log", "paths": ["/b"], "json": {"message_key": "m"}, "max_bytes": 100},
                {"type": "container", "paths": ["/c"], "stream": "stderr"},
            ]
        }
    )
    under_root, under_key, container = (one.form for one in config_.inputs)
    assert messages(under_root, b'{"a":1}\n') == [{"a": 1}]
    assert events(under_key, b'{"a":1}\n')[0]["json"] == {"a": 1}
    line = b"2016-10-06T00:17:09Z stdout F a\n2016-10-06T00:17:09Z stderr F b\n"
    assert messages(container, line) == ["b"]
    assert [note.split(": ")[1] for note in config_.notes] == [
        "the same as `filestream`, which replaced it in Filebeat"
    ] * 2


# --- the last line -------------------------------------------------------------------------------


def test_a_last_line_is_sent_without_its_newline_when_it_has_waited(tmp_path, logs):
    path = logs / "a.log"
    path.write_bytes(b"first\nsec")
    form_ = form(partial_line_timeout="20ms")
    taken = read(tmp_path, form_)
    assert [(one["message"], one["log"].get("flags")) for one in taken] == [
        ("first", None),
        ("sec", ["partial"]),
    ]
    append(path, b"ond\nthird\n")
    taken = read(tmp_path, form_)
    assert [(one["message"], one["log"].get("flags")) for one in taken] == [
        ("ond", ["continued"]),
        ("third", None),
    ]


def test_the_late_newline_of_a_line_already_sent_is_ignored(tmp_path, logs):
    path = logs / "a.log"
    path.write_bytes(b"one")
    form_ = form(partial_line_timeout="20ms")
    assert [one["message"] for one in read(tmp_path, form_)] == ["one"]
    append(path, b"\ntwo\n")
    (event,) = read(tmp_path, form_)
    assert (event["message"], "flags" in event["log"]) == ("two", False)


@pytest.mark.parametrize("timeout", ["0", "5m"])
def test_a_last_line_that_may_still_grow_is_not_cut_in_two(tmp_path, logs, timeout, caplog):
    path = logs / "a.log"
    path.write_bytes(b"first\nsec")
    form_ = form(partial_line_timeout=timeout)
    assert [one["message"] for one in read(tmp_path, form_)] == ["first"]
    assert "the line at offset 6 is incomplete (3 bytes)" in caplog.text
    append(path, b"ond\n")
    assert [one["message"] for one in read(tmp_path, form_)] == ["second"]


def test_a_last_object_without_newline_is_sent_without_waiting(tmp_path, logs):
    (logs / "a.log").write_bytes(b'text\n{"n":1}')
    assert [one.get("n") for one in read(tmp_path, form())] == [None, 1]


LIMIT = 1 << 20


@pytest.mark.parametrize("byte", [b"\x01", b"\0", b"\xff", b'"'])
def test_a_text_is_cut_if_its_json_is_too_long_and_the_event_has_its_digest(byte):
    line = b"a" + byte * (LIMIT - 100)
    found = form(message_max_bytes=LIMIT).sift(block(b"%b\n" % line, 7))
    (event,) = map(json.loads, found.lines)
    assert LIMIT * 0.8 < len(found.lines.block) < LIMIT + 1024
    assert set(event["message"]) == {"a", byte.decode("utf-8", "replace")}
    assert "truncated" in event["log"]["flags"]
    assert event["log"]["truncated"] == {"bytes": len(line), "sha256": sha256(line).hexdigest()}
    (record,) = found.truncated
    assert (record.offset, record.length, len(record.line)) == (7, len(line), 1024)
    assert "longer as JSON" in record.reason


def test_a_text_that_was_cut_already_keeps_the_record_of_its_line():
    line = b"\x01" * (2 * LIMIT)
    found = form(message_max_bytes=LIMIT).sift(block(line + b"\n"))
    (event,) = map(json.loads, found.lines)
    assert event["log"]["flags"] == ["truncated"]
    assert event["log"]["truncated"]["bytes"] == len(line)
    assert len(found.truncated) == 1


@given(
    st.lists(st.sampled_from([b"a", b"\x01", b"\xff", "\ufffd".encode(), "\U0001f600".encode()]))
)
def test_a_long_text_becomes_the_same_json_in_pieces_as_at_once(parts):
    text = b"".join(parts) * (PIECE_BYTES // 8) + b"."
    decoded = text.decode("utf-8", "replace")
    found = bounded_json(text, 100 << 20)
    assert json.loads(found.json) == decoded
    assert (found.used, found.is_replaced) == (len(text), b"\xff" in parts)


@pytest.mark.parametrize(
    "line", [b'{"user":"anna","user.name":"b"}', b'{"a.b":1,"a":2}', b'{"a":{"b":1},"a.b.c":2}']
)
def test_keys_that_cannot_be_expanded_without_loss_are_sent_as_the_text_they_were(line):
    (event,) = events(strict(expand_keys=True), line + b"\n")
    assert event["message"] == line.decode()
    assert "keys conflict" in event["error"]["message"]


def test_patterns_see_the_blanks_at_the_start_of_a_line():
    lines = b"first\n  at inner\nlast\n"
    assert messages(form(exclude_lines=[r"^\s+at"]), lines) == ["first", "last"]


@given(
    lines=st.lists(
        st.sampled_from(
            [b"one", b" two ", b"", b"\t", b'\xc3\xa9%d "x"\r', b"{", b"\xff", b"\xef\xbb\xbf"]
        )
        | st.binary(max_size=9).map(lambda data: data.replace(b"\n", b"")),
        max_size=5,
    ),
    offset=st.sampled_from([0, 7]),
)
def test_a_block_of_short_texts_becomes_the_same_events_as_line_by_line(lines, offset):
    data = b"".join(line + b"\n" for line in lines)
    found = block(data, offset)
    plain, slow = form().sift(found), form(include_lines=[""]).sift(found)
    events = [[json.loads(one) for one in sifted.lines] for sifted in (plain, slow)]
    for event in (one for side in events for one in side):
        event.pop("@timestamp")
    assert events[0] == events[1]
    assert [*plain.places(offset)] == [*slow.places(offset)]


def test_a_large_block_of_short_texts_takes_little_more_memory_than_its_events():
    data = ("\U0001f600\x01" * 3000 + "\n").encode() * 500
    tracemalloc.start()
    try:
        sifted = form().sift(block(data))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(sifted.lines) == 500
    assert peak < 2.2 * len(sifted.lines.block) + len(data) + (2 << 20)
