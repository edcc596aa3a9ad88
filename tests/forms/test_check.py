"""The check of whole blocks against an oracle that looks at one line at a time."""

import json
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shipper.forms.check import clean_lines, fault, sift

GOOD = [
    b"{}",
    b'{"a":1}',
    b'{"a":{"b":[1,2.5e3,null,true]}}',
    b'{"a":"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"}',
    b'{"a":"\\u00e9\\ud83d\\ude00\\n"}',
    b'{ "a" : 1 }',
    b'{"":1}',
    b'{"a":1,"a":2}',
]
BAD = [
    b'{"a":',
    b"1}",
    b'{"a":1}{"b":2}',
    b'{"a":1} x',
    b'{"a":NaN}',
    b'{"a":1,}',
    b'{"a":"\x01"}',
    b'{"a":"\xff"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\\ud800"}',
    b"\xef\xbb\xbf{}",
    b"[1]",
    b'"{"',
    b"1",
    b"null",
    b"{'a':1}",
    b"\x00\x00",
    b"caf\xc3",
]
EDGES = [b"", b" ", b"\t", b"\r", b"\xc3", b"}", b"{"]
LINES = st.lists(st.sampled_from(GOOD + BAD + EDGES), min_size=1, max_size=8)
PADDED = st.lists(
    st.tuples(st.sampled_from(EDGES), st.sampled_from(GOOD + BAD), st.sampled_from(EDGES)),
    min_size=1,
    max_size=5,
)


#: So much that simdjson is worth loading.
BACKLOG = b'{"a":"%b"}\n' % (b"x" * 1000) * 300
BEFORE = pytest.mark.parametrize("before", [b"", BACKLOG], ids=["block", "backlog"])


def quick(before, block):
    """The lines of `block`, checked at once after `before`; None if the check fails."""
    lines = clean_lines(before + block)
    return None if lines is None else list(lines)[before.count(b"\n") :]


def is_strict_object(line):
    """The oracle: Python's own parser, made strict."""

    def refuse(constant):
        raise ValueError(constant)

    try:
        value = json.loads(line.decode("utf-8"), parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # no lone surrogates
    except ValueError:
        return False
    return isinstance(value, dict)


def expected(block):
    """Good lines with their offsets, and the offsets of the bad ones, line by line."""
    good, bad, offset = [], [], 0
    for line in block.split(b"\n")[:-1]:
        stripped = line.strip(b" \t\r")
        if stripped and is_strict_object(stripped):
            good.append((offset, stripped))
        elif stripped:
            bad.append((offset, line))
        offset += len(line) + 1
    return good, bad


def check(block):
    sifted = sift(block, 100, 1 << 20)
    offsets = sifted.offsets
    if offsets is None:
        offsets = [100 + start for start in sifted.lines.starts()]
    good, bad = expected(block)
    assert [(o - 100, line) for o, line in zip(offsets, sifted.lines, strict=True)] == good
    assert [(r.offset - 100, r.line) for r in sifted.rejects] == bad


@given(LINES)
@example([b'{"a":', b"1}"])
@example([b'{"a":1}{"b":2}', b""])
@example([b' {"a":', b"1}"])
@example([b"{", b"}"])
@example([b'{"a":1}', b" "])
def test_good_lines_pass_unchanged_and_bad_ones_are_named(lines):
    check(b"".join(line + b"\n" for line in lines))


@given(PADDED)
def test_white_space_around_a_line_is_cut(parts):
    check(b"".join(b"".join(part) + b"\n" for part in parts))


@given(st.binary(max_size=60))
def test_any_bytes_are_separated_into_good_and_bad_lines(data):
    check(data + b"\n")


@BEFORE
@given(st.lists(st.sampled_from([*GOOD, b"\n", b" ", *BAD]), max_size=12))
def test_the_sweep_over_a_block_accepts_nothing_that_the_lines_do_not(before, pieces):
    block = b"".join(pieces) + b"\n"
    lines = quick(before, block)
    apart = block.split(b"\n")[:-1]
    assert (lines is not None) == all(map(is_strict_object_as_it_is, apart))
    if lines is not None:
        assert lines == apart


@BEFORE
@given(st.sampled_from(GOOD), st.integers(0, 60), st.integers(0, 3), st.binary(max_size=3))
def test_no_line_passes_the_sweep_that_does_not_pass_alone(before, line, at, gone, put):
    changed = line[:at] + put + line[at + gone :]
    lines = quick(before, changed + b"\n")
    assert lines is None or all(map(is_strict_object_as_it_is, lines))


@pytest.mark.parametrize(
    ("line", "is_usual"), [(b'{"a":1}', True), (b"{}", False), (b'{ "a":1}', False)]
)
def test_the_lines_of_a_backlog_are_usual_if_each_begins_with_a_name(line, is_usual):
    pytest.importorskip("cysimdjson", reason="the extra fast has none for this system")
    assert clean_lines(BACKLOG + line + b"\n").is_usual is is_usual


@BEFORE
@pytest.mark.parametrize("tail", [b"{", b"{}", b'{"a":{}}', b"}"])
def test_a_block_without_its_last_newline_does_not_pass_the_sweep(before, tail):
    assert quick(before, b"{}\n" + tail) is None


@BEFORE
@pytest.mark.parametrize("number", [b"1e400", b"1" * 30, b"0." + b"1" * 70_000])
def test_a_number_may_be_beyond_64_bits(before, number):
    line = b'{"a":%b}' % number
    assert quick(before, line + b"\n") == [line]


def is_strict_object_as_it_is(line):
    return line == line.strip(b" \t\r") and is_strict_object(line)


@BEFORE
@pytest.mark.parametrize("line", GOOD)
def test_good_lines_take_the_quick_way(before, line):
    assert quick(before, line + b"\n" + line + b"\n") == [line, line]


TOKENS = [b'{"a":[{}', b"{}]}", b'{"a":[', b",", b"{}", b'{"b":{}', b"}"]


@BEFORE
@given(
    st.lists(st.tuples(st.sampled_from(TOKENS), st.sampled_from([b"\n", b" ", b""])), max_size=9)
)
@example([(b'{"a":[', b"\n"), (b"{}]}", b" "), (b"{}", b"\n")])
@example([(b'{"a":[{}', b"\n"), (b",", b""), (b"{}]}", b""), (b"{}", b"\n")])
def test_values_over_two_lines_are_not_made_up_for_by_two_values_on_one(before, parts):
    block = b"".join(map(b"".join, parts)) + b"\n"
    apart = block.split(b"\n")[:-1]
    assert (quick(before, block) is not None) == all(map(is_strict_object_as_it_is, apart))


@BEFORE
@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_a_character_split_by_a_newline_is_not_valid(before, character):
    whole = character.encode()
    assert quick(before, b'{"a":"%b"}\n{}\n' % whole) == [b'{"a":"%b"}' % whole, b"{}"]
    assert quick(before, b'{"a":"%b"}\n{}\n' % whole[:-1]) is None
    assert quick(before, b'{"a":"%b\n%b"}\n' % (whole[:-1], whole[-1:])) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":"\xff"}', "not UTF-8: invalid start byte at byte 6"),
        (b'{"a":', "not JSON: Input data was truncated"),
        (b"[1]", "not a JSON object"),
        # Python 3.11 and 3.12 stop at a thousand, 3.13 and later far beyond.
        pytest.param(b'{"a":%b}' % (b"[" * 500_000 + b"]" * 500_000), "nested too deep", id="deep"),
    ],
)
def test_the_reason_says_what_is_wrong(line, reason):
    assert fault(line) == reason
    assert [r.reason for r in sift(line + b"\n", 0, 1 << 20).rejects] == [reason]


def test_a_line_over_the_limit_is_kept_by_its_beginning_length_and_digest():
    long = b'{"a":"' + b"x" * 3000 + b'"}'
    sifted = sift(b"{}\n" + long + b"\n{}\n", 7, 2000)
    assert list(sifted.lines) == [b"{}", b"{}"]
    (reject,) = sifted.rejects
    assert reject.line == long[:1024]
    assert (reject.offset, reject.length) == (10, len(long))
    assert reject.sha256 == sha256(long).hexdigest()
    assert reject.reason == "3008 bytes long, over the limit of 2000 (message_max_bytes)"
