"""Patterns mean what they mean in Go, and take time in proportion to the text."""

import re
import time

import pytest

from shipper import patterns
from shipper.patterns import pattern_of


@pytest.fixture(params=["re2", "python"])
def engine(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(patterns, "_re2", lambda: None)
    else:
        pytest.importorskip("re2")
    return request.param


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^ERR", "ERR x", True),
        ("a b", "xa by", True),
        (r"^\d{4}-\d\d", "2026-11", True),
        (r"\d", "٣", False),
        ("[[:alpha:]]+", "é", False),
        (r"(?P<n>a)\z", "ba", True),
        (r"(?s)a.b", "a\nb", True),
        (r"(?i)abc", "xABC", True),
        ("^$", "", True),
    ],
)
def test_a_pattern_means_what_it_means_in_go(pattern, text, found, engine):
    assert (pattern_of(pattern).search(text) is not None) is found


@pytest.mark.parametrize(
    "pattern", [r"\pN", r"a(?i)b", r"\Qa.b\E", r"\x{41}", r"(?U)a+", r"\p{Greek}", "a$"]
)
def test_re2_reads_what_python_cannot(pattern):
    pytest.importorskip("re2")
    assert pattern_of(pattern)
    assert pattern_of("a$").search("a\n") is None


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "a**", "(", "[z-a]"])
def test_what_go_refuses_is_refused(pattern, engine):
    with pytest.raises(ValueError, match=r".") as caught:
        pattern_of(pattern)
    assert not isinstance(caught.value, re.error)


HOSTILE = [
    r"^([a-z0-9]+[.-]?)+ failed$",
    r"^(\/[\w-]+)+\.log$",
    r"(a|aa)+$",
    r"(x*)*y",
    r"((ab?)+c?)+d",
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_pattern_takes_exponential_time(pattern, engine):
    started = time.monotonic()
    try:
        found = pattern_of(pattern)
    except ValueError as error:
        assert engine == "python"
        assert "fast" in str(error)  # noqa: PT017
        return
    found.search("abcdefghijklmnopqrstuvwxyz ok")
    assert time.monotonic() - started < 1


def test_patterns_of_the_same_text_are_equal():
    assert pattern_of("a+") == pattern_of("a+")
    assert len({pattern_of("a+"), pattern_of("a+"), pattern_of("a")}) == 2


def test_a_text_that_is_not_unicode_is_searched_too(engine):
    assert pattern_of(r"\.gz$").search("caf\udce9.gz")
    assert pattern_of(r"\.zip$").search("caf\udce9.gz") is None
