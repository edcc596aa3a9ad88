"""Events of several lines, by Filebeat's rules; nothing beyond the bounds is lost."""

import pytest

from tests.forms.forms import block, events, form, messages


def multiline(**options):
    return form(parsers=[{"multiline": options}])


def joined(letters, **options):
    """The events made from lines of one letter each."""
    data = "".join(f"{letter}\n" for letter in letters).encode()
    return [one.replace("\n", "") for one in messages(multiline(**options), data, is_last=True)]


# The table of Filebeat's reference, `pattern: ^b`.
@pytest.mark.parametrize(
    ("negate", "match", "lines", "expected"),
    [
        (False, "after", "abbcbb", ["abb", "cbb"]),
        (False, "before", "bbabbc", ["bba", "bbc"]),
        (True, "after", "bacbde", ["bac", "bde"]),
        (True, "before", "acbdeb", ["acb", "deb"]),
    ],
)
def test_a_pattern_joins_as_in_filebeat(negate, match, lines, expected):
    assert joined(lines, pattern="^b", negate=negate, match=match) == expected


def test_a_fixed_number_of_lines_is_joined():
    assert joined("abcdefg", type="count", count_lines=3) == ["abc", "def", "g"]


def test_lines_that_match_one_after_the_other_are_joined():
    options = {"type": "while_pattern", "pattern": "^[bc]"}
    assert joined("abcadb", **options) == ["a", "bc", "a", "d", "b"]
    assert joined("abca", **options, negate=True) == ["a", "b", "c", "a"]


def test_a_pattern_can_end_an_event():
    options = {"pattern": "S", "negate": True, "match": "after", "flush_pattern": "E"}
    assert joined("SaEbSc", **options) == ["SaE", "b", "Sc"]


def test_an_event_says_that_it_has_several_lines():
    one, two = events(multiline(pattern="^ "), b"a\nb\n c\n\n", is_last=True)[:2]
    assert (one["message"], "flags" in one["log"]) == ("a", False)
    assert (two["message"], two["log"]["flags"]) == ("b\n c", ["multiline"])
    assert two["log"]["offset"] == 2


def test_lines_can_be_joined_without_newlines():
    assert messages(multiline(pattern="^ ", skip_newline=True), b"a\n b\n", is_last=True) == ["a b"]


def test_lines_beyond_the_limits_of_an_event_become_another_event():
    got = events(multiline(pattern="^ ", max_lines=3), b"a\n b\n c\n d\n e\n", is_last=True)
    assert [(one["message"], one["log"]["flags"]) for one in got] == [
        ("a\n b\n c", ["multiline", "partial"]),
        (" d\n e", ["multiline"]),
    ]
    by_bytes = form(parsers=[{"multiline": {"pattern": "^ "}}], message_max_bytes=10)
    assert messages(by_bytes, b"aaaa\n bbb\n c\n", is_last=True) == ["aaaa\n bbb", " c"]


def test_a_long_line_stands_alone():
    keys = {"parsers": [{"multiline": {"pattern": "^ "}}], "message_max_bytes": 10}
    got = events(form(**keys), b"a\n b\n cccccccccccccc\n d\ne\n", is_last=True)
    assert [one["message"] for one in got] == ["a\n b", " ccccccccc", " d", "e"]
    assert got[1]["log"]["flags"] == ["truncated"]


def test_the_last_event_waits_for_more():
    parser = multiline(pattern="^ ")
    sifted = parser.sift(block(b"a\n b\nc\n d\n"))
    assert (len(sifted.lines), sifted.waiting_bytes) == (1, 5)
    assert parser.patience_s(b"c\n d\n") == 5.0
    assert parser.patience_s(b"c\n d") == 300.0
    assert multiline(pattern="^ ", timeout="1m").patience_s(b"c\n") == 60.0


def test_an_object_over_several_lines_is_sent_as_one_line():
    parsers = [{"multiline": {"pattern": "^{", "negate": True}}, {"ndjson": {}}]
    got = events(form(parsers=parsers), b'{\n  "a": [1,\n 2.0]\n}\n{"b": 1}\n', is_last=True)
    assert (got[0]["a"], got[0]["log"]["flags"], got[1]) == ([1, 2.0], ["multiline"], {"b": 1})


def test_a_message_that_is_not_included_is_treated_as_absent():
    parsers = [{"include_message": {"patterns": ["^[^#]"]}}, {"multiline": {"pattern": "^ "}}]
    sifted = form(parsers=parsers).sift(block(b"a\n#x\n b\nc\n", is_last=True))
    assert messages(form(parsers=parsers), b"a\n#x\n b\nc\n", is_last=True) == ["a\n b", "c"]
    assert list(sifted.filtered) == [2]
