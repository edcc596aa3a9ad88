"""Processors that read texts, by the rules of Filebeat."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.errors import ConfigError, Unprocessable
from tests.processors.chains import chain, through


def decoded(text, options="", **others):
    """An event whose message is the text, after `decode_json_fields`."""
    event = {"message": text, **others}
    return through(f"- decode_json_fields: {{fields: [message]{options}}}", event)


def test_json_takes_the_place_of_its_text():
    assert decoded('{"a": 1.0, "b": [null]}') == {"message": {"a": 1.0, "b": [None]}}
    assert decoded("17") == {"message": 17}


@pytest.mark.parametrize("text", ["", "no JSON", '{"a": 1', '{"a":1} {"b":2}', "NaN", "[" * 5000])
def test_a_text_that_is_not_json_stays(text):
    assert decoded(text) == {"message": text}


def test_an_error_key_says_why_a_text_stays():
    event = decoded("no JSON", ", add_error_key: true")
    assert event["message"] == "no JSON"
    assert event["error"] | {"message": ""} == {
        "message": "",
        "type": "json",
        "data": "no JSON",
        "field": "message",
    }


def test_at_the_root_the_events_own_values_win_and_objects_are_merged():
    event = decoded(
        '{"message": "hi", "log": {"level": "warn", "offset": 1}, "@timestamp": "x", "n": 1}',
        ', target: ""',
        log={"offset": 7},
    )
    assert event.pop("message").startswith('{"message"')
    assert event == {"log": {"offset": 7, "level": "warn"}, "n": 1}


def test_overwrite_keys_replaces_the_events_own_values():
    text = '{"message": "hi", "@timestamp": "2026-11-30T10:00:00Z", "@metadata": {"_id": "x"}}'
    event = decoded(text, ', target: "", overwrite_keys: true', **{"@timestamp": "t"})
    assert event == {"message": "hi", "@timestamp": "2026-11-30T10:00:00Z"}


@pytest.mark.parametrize("wrong", ['"@timestamp": "noon"', '"type": "_x"', '"type": 1'])
def test_a_time_or_type_that_no_event_can_have_stays_out(wrong):
    options = ', target: "", overwrite_keys: true, add_error_key: true'
    event = decoded(f'{{"n": 1, {wrong}}}', options, **{"@timestamp": "t", "type": "log"})
    assert (event["@timestamp"], event["type"], event["n"]) == ("t", "log", 1)
    assert "not overwritten" in event["error"]["message"]


def test_a_list_at_the_root_is_an_error():
    assert decoded("[1]", ', target: ""') == {"message": "[1]"}


def test_texts_within_are_decoded_to_the_given_depth():
    text = json.dumps({"a": '{"b": "{\\"c\\": 1}"}', "n": "17", "l": "[1]"})
    assert decoded(text, ", max_depth: 2, target: x")["x"] == {
        "a": {"b": '{"c": 1}'},
        "n": "17",
        "l": [1],
    }
    assert decoded(text, ", max_depth: 3, target: x")["x"]["a"] == {"b": {"c": 1}}


def test_the_items_of_a_list_are_decoded_only_with_process_array():
    text = json.dumps(['{"a": 1}'])
    assert decoded(text, ", max_depth: 2") == {"message": text}
    assert decoded(text, ", max_depth: 2, process_array: true") == {"message": [{"a": 1}]}


def test_expanded_keys_lose_no_value():
    assert decoded('{"a.b": 1, "a": {"c": 2}}', ", expand_keys: true, target: x")["x"] == {
        "a": {"b": 1, "c": 2}
    }
    text = '{"a": 1, "a.b": 2}'
    assert decoded(text, ", expand_keys: true") == {"message": text}


def dissected(pattern, text, options="", **others):
    options = f"{{tokenizer: {json.dumps(pattern)}{options}}}"
    return through(f"- dissect: {options}", {"message": text, **others})


@pytest.mark.parametrize(
    ("pattern", "text", "values"),
    [
        ("%{a} - [%{b}]", "x y - [z]", {"a": "x y", "b": "z"}),
        ("%{a}:%{b}", "x:y:z", {"a": "x", "b": "y:z"}),
        ("<%{a}>%{}", "<x>y", {"a": "x"}),
        ("%{+t} %{+t} %{m}", "10 May m", {"t": "10 May", "m": "m"}),
        ("%{+k/2},%{+k/1}", "a,b", {"k": "b a"}),
        ("%{?k}=%{&k} %{*l}=%{&l}", "a=1 b=2", {"a": "1", "b": "2"}),
        ("%{a->} %{b}", "x    y", {"a": "x", "b": "y"}),
        ("%{a.b} %{a.c}", "1 2", {"a": {"b": "1", "c": "2"}}),
        ("%{a#2}%{b}", "éxy", {"a": "éx", "b": "y"}),
        ("%{n|integer} %{f|float} %{b|boolean} %{i|ip}", "7 0.1 t x", None),
    ],
)
def test_a_text_is_cut_at_the_delimiters(pattern, text, values):
    values = values or {"n": 7, "f": 0.1, "b": True, "i": "x"}
    assert dissected(pattern, text)["dissect"] == values


@pytest.mark.parametrize("text", ["", "x", "a-b", "-"])
def test_a_text_that_does_not_fit_is_flagged_and_stays(text):
    assert dissected("[%{a}] %{b}", text) == {
        "message": text,
        "log": {"flags": ["dissect_parsing_error"]},
    }


def test_dissect_replaces_a_field_only_with_overwrite_keys():
    assert dissected("%{a} %{b}", "1 2", ", target_prefix: ''", b="x") == {
        "message": "1 2",
        "b": "x",
    }
    options = ", target_prefix: '', overwrite_keys: true"
    assert dissected("%{a} %{b}", "1 2", options, b="x")["b"] == "2"


def test_dissect_trims_as_configured():
    options = ', trim_values: all, trim_chars: " -"'
    assert dissected("%{a}|%{b}", " x -|- y", options)["dissect"] == {"a": "x", "b": "y"}


@pytest.mark.parametrize("pattern", ["plain", "%{&a}", "%{a|}", "%{a|date}", "%{+&a}"])
def test_a_pattern_that_cannot_be_read_is_a_problem(pattern):
    with pytest.raises(ConfigError, match="is not a pattern of dissect"):
        dissected(pattern, "x")


def timed(value, layout, options=""):
    options = f"{{field: t, target_field: u, layouts: [{json.dumps(layout)}]{options}}}"
    return through(f"- timestamp: {options}", {"t": value}).get("u")


@pytest.mark.parametrize(
    ("value", "layout", "found"),
    [
        ("2019-11-18T04:59:51.123Z", "2006-01-02T15:04:05.999Z", "2019-11-18T04:59:51.123Z"),
        ("10/Oct/2000:13:55:36 -0700", "02/Jan/2006:15:04:05 -0700", "2000-10-10T20:55:36.000Z"),
        ("10 Nov 2009 23:00:00 GMT", "02 Jan 2006 15:04:05 MST", "2009-11-10T23:00:00.000Z"),
        ("2020-02-03 04:05:06,789", "2006-01-02 15:04:05", "2020-02-03T04:05:06.789Z"),
        ("2020-060", "2006-002", "2020-02-29T00:00:00.000Z"),
        ("3:04pm 1/2/06", "3:04pm 1/2/06", "2006-01-02T15:04:00.000Z"),
        (1552057253.5, "UNIX", "2019-03-08T15:00:53.500Z"),
        ("1552057253", "UNIX", "2019-03-08T15:00:53.000Z"),
        (1552057253123, "UNIX_MS", "2019-03-08T15:00:53.123Z"),
        ("2020-02-30", "2006-01-02", None),
        ("2020-02-03 x", "2006-01-02", None),
        ("no time", "UNIX", None),
        (10**40, "UNIX", None),
        ([], "2006", None),
    ],
)  # fmt: skip
def test_a_time_is_read_by_gos_layouts(value, layout, found):
    assert timed(value, layout) == found


def test_a_time_without_a_zone_is_in_the_configured_zone():
    layout, text = "2006-01-02 15:04", "2026-07-01 12:00"
    assert timed(text, layout, ", timezone: Europe/Berlin") == "2026-07-01T10:00:00.000Z"
    assert timed(text, layout, ", timezone: '+0530'") == "2026-07-01T06:30:00.000Z"
    with pytest.raises(ConfigError, match="not a time zone"):
        timed(text, layout, ", timezone: Mars/Base")


def test_the_test_times_of_a_timestamp_must_fit():
    with pytest.raises(ConfigError, match="not a time in any of the layouts"):
        timed("x", "2006-01-02", ", test: ['2020-01-01', 'today']")


def converted(value, kind, options="", others=""):
    event = {"a": value}
    return through(f"- convert: {{fields: [{{from: a, type: {kind}{others}}}]{options}}}", event)


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        *[("7", "integer", 7), ("-0x1F", "long", -31), (7.9, "long", 7), ("1e3", "double", 1000.0)],
        *[(1.5, "string", "1.5"), (1.0, "string", "1"), (1e21, "string", "1e+21")],
        *[
            (True, "string", "true"),
            ([1, "a"], "string", "[1 a]"),
            ({"b": 1}, "string", "map[b:1]"),
        ],
        *[("t", "boolean", True), ("FALSE", "boolean", False), ("::1", "ip", "::1")],
        *[(3.14159265358979, "float", 3.1415927)],
    ],
)
def test_a_value_becomes_another_type(value, kind, found):
    assert converted(value, kind) == {"a": found}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *[("7x", "integer"), ("3000000000", "integer"), (10**19, "long"), ("NaN", "double")],
        *[("1e999", "double"), (None, "string"), ("yes", "boolean"), (1, "boolean"), (1, "ip")],
        *[("1.2.3.4/8", "ip"), ([], "long"), ("9" * 5000, "long"), ("9" * 5000, "float")],
    ],
)
def test_a_value_that_cannot_be_converted_stays(value, kind):
    assert converted(value, kind) == {"a": value}
    assert converted(value, kind, ", fail_on_error: false", ", to: b") == {"a": value}


def test_a_converted_field_is_copied_or_renamed_and_replaces_its_target():
    text = "- convert: {mode: %s, fields: [{from: a, to: b, type: long}, {from: a, to: c}]}"
    assert through(text % "copy", {"a": "1", "b": 0}) == {"a": "1", "b": 1, "c": "1"}
    assert through(text % "rename", {"a": "1"}) == {"b": 1, "c": "1"}


def test_one_failed_conversion_undoes_the_others():
    text = "- convert: {fields: [{from: a, to: b}, {from: z, to: c}]%s}"
    assert through(text % "", {"a": 1}) == {"a": 1}
    assert through(text % ", ignore_missing: true", {"a": 1}) == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("text", "options", "values"),
    [
        ('a,"b ""c""",', "", ["a", 'b "c"', ""]),
        ('"x\ny",z\nmore', "", ["x\ny", "z"]),
        ('a"b, c', ", trim_leading_space: true", ['a"b', "c"]),
        ('"open,x', "", ["open,x"]),
        ("a;b", ", separator: ';'", ["a", "b"]),
    ],
)
def test_a_row_is_read_as_gos_reader_does(text, options, values):
    event = through(f"- decode_csv_fields: {{fields: {{m: a.b}}{options}}}", {"m": text})
    assert event == {"m": text, "a": {"b": values}}


def test_a_row_replaces_a_field_only_with_overwrite_keys():
    text = "- decode_csv_fields: {fields: {m: a}%s}"
    assert through(text % "", {"m": "1", "a": 0}) == {"m": "1", "a": 0}
    assert through(text % ", overwrite_keys: true", {"m": "1", "a": 0})["a"] == ["1"]
    assert through("- decode_csv_fields: {fields: {m: m}}", {"m": "1,2"}) == {"m": ["1", "2"]}


def test_texts_are_rewritten():
    text = r"- replace: {fields: [{field: a, pattern: '(\d+)-x', replacement: '${1}_$0$$'}]}"
    assert through(text, {"a": "12-x y"}) == {"a": "12_12-x$ y"}
    url = "- urldecode: {fields: [{from: a, to: b}]}"
    assert through(url, {"a": "a%20b+c"}) == {"a": "a%20b+c", "b": "a b c"}
    assert "error" in through(url, {"a": "%zz"})
    assert through("- decode_base64_field: {field: {from: a}}", {"a": "aGk"}) == {"a": "hi"}


def test_items_of_a_list_become_fields():
    text = "- extract_array: {field: a, mappings: {b: 0, c.d: 1}}"
    assert through(text, {"a": [1, "x"]}) == {"a": [1, "x"], "b": 1, "c": {"d": "x"}}
    assert through(text, {"a": [1]}) == {"a": [1]}


def test_the_locale_is_an_offset_or_a_name():
    (offset,) = through("- add_locale:", {})["event"].values()
    assert offset[0] in "+-"
    assert offset[3] == ":"
    assert through("- add_locale: {format: abbreviation}", {})["event"]["timezone"]


ALL = """\
- decode_json_fields: {fields: [a, b.c, message], max_depth: 3, process_array: true, target: '',
    overwrite_keys: true, expand_keys: true, add_error_key: true}
- dissect: {tokenizer: '%{+a->} %{+b/2|long} %{?k} %{&k}', field: message, target_prefix: ''}
- timestamp: {field: a, layouts: [UNIX, UNIX_MS, 'Jan _2 15:04:05', '2006-01-02T15:04:05Z07:00']}
- convert: {fail_on_error: false, fields: [{from: a, to: b, type: string},
    {from: b.c, type: float}]}
- decode_csv_fields: {fields: {message: c}, overwrite_keys: true, trim_leading_space: true}
- replace: {fields: [{field: a, pattern: 'a*b?', replacement: '$1x'}]}
- urldecode: {fields: [{from: message, to: message}]}
- decode_base64_field: {field: {from: a, to: a}}
- extract_array: {field: c, mappings: {message: 0, a.b: 1}, overwrite_keys: true}
- add_locale:
"""
_TEXTS = st.text(max_size=40) | st.sampled_from(
    ['{"a":{"b":1},"a.b":2}', '["{}"]', "1 2 3 4", "1e999", "Feb 29 00:00:00", '"', "%", "%{a}"]
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS
)
_EVENTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "message", "error", "log", "event", "a.b"]),
    st.recursive(_LEAVES, lambda one: st.lists(one) | st.dictionaries(_TEXTS, one), max_leaves=5),
)


@given(event=_EVENTS)
@settings(max_examples=300, deadline=None)
def test_no_event_makes_them_raise(event):
    result = through(ALL, event)
    assert isinstance(result, dict)


def test_a_text_that_nests_too_deep_for_the_event_is_refused_or_stays():
    text = "[" * 1200 + "]" * 1200
    try:
        assert decoded(text)["message"]
    except Unprocessable as error:
        assert "nested" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    "text",
    [
        "- decode_json_fields: {fields: [zz]}",
        "- dissect: {tokenizer: '%{a}', field: zz}",
        "- timestamp: {field: zz, layouts: ['2006']}",
        "- convert: {fields: [{from: zz, type: long}]}",
        "- decode_csv_fields: {fields: {zz: a}}",
        "- extract_array: {field: zz, mappings: {a: 0}}",
        "- replace: {ignore_missing: true, fields: [{field: zz, pattern: a, replacement: b}]}",
    ],
)
def test_a_line_without_the_field_keeps_its_bytes(text):
    line = b'{ "message" : "x" }'
    assert chain(text).apply(line) is line
