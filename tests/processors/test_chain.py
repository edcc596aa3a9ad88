"""What holds for every chain: unchanged lines keep their bytes, and numbers their spelling."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.errors import Unprocessable
from shipper.processors.chain import Chain
from shipper.processors.conditions import (
    And,
    Contains,
    Equals,
    HasFields,
    Not,
    Or,
    Range,
    Regexp,
)
from tests.processors.chains import chain

NAMES = st.sampled_from(["a", "b", "c", "a.b", "message", "http", "é", ""])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.dictionaries(NAMES, VALUES, max_size=5)
LINES = st.builds(
    lambda event, ascii_only, spaced: json.dumps(
        event, ensure_ascii=ascii_only, separators=(", ", ": ") if spaced else (",", ":")
    ).encode(),
    EVENTS,
    st.booleans(),
    st.booleans(),
)

#: Chains that name a field no line has, or act on no line for another reason.
IDLE = [
    "- drop_event: {when: {equals: {zz: 1}}}",
    "- drop_event: {when: {contains: {message: not to be found}}}",
    "- drop_event: {when: {and: [{has_fields: [zz]}, {not: {has_fields: [a]}}]}}",
    "- drop_event: {when: {not: {or: [{has_fields: [zz]}, {not: {has_fields: [zz]}}]}}}",
    "- add_tags: {tags: x, when: {range: {a.zz.gt: 0}}}",
    "- drop_fields: {fields: [zz, a.zz, '/zz$/']}",
    "- rename: {fields: [{from: zz, to: y}], ignore_missing: true}",
    "- rename: {fields: [{from: zz, to: y}], fail_on_error: false}",
    "- copy_fields: {fields: [{from: zz, to: y}], ignore_missing: true}",
    "- truncate_fields: {fields: [zz], max_bytes: 1, ignore_missing: true}",
    "- truncate_fields: {fields: [message], max_characters: 999, fail_on_error: false}",
    "- redact: {fields: [zz]}",
    "- include_fields: {fields: [a, b, c, message, http, é]}",
    "- if: {has_fields: [zz]}\n  then: {drop_event: }",
    "- if: {not: {has_fields: [zz]}}\n  then: []\n  else: {drop_event: }",
    "[]",
]


def without_empty_names(line):
    return b'"":' not in line and b'"": ' not in line


@pytest.mark.parametrize("text", IDLE)
@settings(max_examples=30)  # of each chain
@given(line=LINES.filter(without_empty_names))
def test_a_line_that_no_processor_touches_is_the_same_object(text, line):
    assert chain(text).apply(line) is line


FIELDS = st.sampled_from(["a", "b", "a.b", "a.a", "message", "http.c", "é"])
CONDITIONS = st.recursive(
    st.builds(
        lambda path, value: Equals(((path, value),)),
        FIELDS,
        st.integers(-2, 99) | st.booleans() | st.text(max_size=2),
    )
    | st.builds(lambda path, text: Contains(((path, text),)), FIELDS, st.text(max_size=2))
    | st.builds(lambda path, bound: Range(((path, "gte", bound),)), FIELDS, st.integers(-9, 9))
    | st.builds(lambda path: Regexp(((path, re.compile(".")),)), FIELDS)
    | st.builds(lambda path: HasFields((path,)), FIELDS),
    lambda inner: (
        st.builds(lambda *all_of: And(all_of), inner, inner)
        | st.builds(lambda *any_of: Or(any_of), inner, inner)
        | st.builds(Not, inner)
    ),
    max_leaves=4,
)


@given(line=LINES.filter(lambda line: b"\\" not in line), condition=CONDITIONS)
def test_a_condition_that_the_bytes_rule_out_does_not_hold(line, condition):
    assert condition.may_hold(line) or not condition.holds(json.loads(line))


def test_a_line_with_a_quote_is_not_decoded_where_a_condition_cannot_hold():
    line = rb'{"payload":"{\"a\":1}"}'
    decoding = chain("- decode_json_fields: {fields: [payload], when: {equals: {kind: audit}}}")
    assert not decoding.may_touch(line)
    assert decoding.may_touch(rb'{"payload":"{\"a\":1}","kind":"\u0061udit"}')


ACTING = [
    "- add_fields: {target: '', fields: {added: 1}}",
    "- add_tags: {tags: x, target: added}",
    "- copy_fields: {fields: [{from: a, to: added}], ignore_missing: true}",
]


@pytest.mark.parametrize("text", ACTING)
@given(line=LINES)
def test_members_that_are_not_named_stay_unchanged(text, line):
    result = json.loads(chain(text).apply(line), parse_float=str)
    result.pop("added", None)
    assert result == json.loads(line, parse_float=str)


@given(LINES)
def test_dropping_and_keeping_a_field_split_the_event(line):
    event = json.loads(line)
    dropped = json.loads(chain("- drop_fields: {fields: [a]}").apply(line))
    kept = json.loads(chain("- include_fields: {fields: [a]}").apply(line))
    assert dropped | kept == event
    assert not dropped.keys() & kept.keys()


@given(LINES)
def test_renaming_back_gives_the_event(line):
    there = "- rename: {fields: [{from: a, to: zz}], ignore_missing: true}"
    back = "- rename: {fields: [{from: zz, to: a}], ignore_missing: true}"
    assert json.loads(chain(f"{there}\n{back}").apply(line)) == json.loads(line)


@given(LINES)
def test_what_comes_out_is_one_line_of_strict_json(line):
    text = "- add_tags: {tags: x}\n- redact:\n- truncate_fields: {fields: message, max_bytes: 3}"
    result = chain(text).apply(line)
    assert b"\n" not in result
    assert isinstance(json.loads(result.decode()), dict)


NUMBERS = [
    *("0", "-1", "12345678901234567890", "123456789012345678901234567890", "-9223372036854775809"),
    *("1.0", "0.10", "1e22", "1E5", "-0.0", "1e400", "-1e400", "1e-400", "1e999999"),
    *("0.1000000000000000055511151231257827", "123456789.123456789123"),
]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_keeps_its_spelling(number):
    line = f'{{"o":{{"n":{number},"list":[{number}],"gone":1}}}}'.encode()
    text = "- drop_fields: {fields: [o.gone]}\n- copy_fields: {fields: [{from: o.n, to: copy}]}"
    expected = f'{{"o":{{"n":{number},"list":[{number}]}},"copy":{number}}}'
    assert chain(text).apply(line).decode() == expected


def test_the_last_of_several_members_with_one_name_is_kept_in_a_changed_line():
    line = b'{"a":1,"a":2,"o":{"x":1,"x":2}}'
    assert chain("- drop_fields: {fields: [zz]}").apply(line) is line
    touched = chain("- add_tags: {tags: t}").apply(line)
    assert touched == b'{"a":2,"o":{"x":1,"x":2},"tags":["t"]}'


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":{"n":' + b"1" * 5000 + b"}}",
        b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_line_that_cannot_be_read_completely_is_refused(line):
    with pytest.raises(Unprocessable, match="cannot be processed"):
        chain("- redact:").apply(line)


def test_a_chain_without_processors_is_empty():
    assert Chain().is_empty
    assert chain("[]").is_empty
    assert not chain("- drop_event:").is_empty
