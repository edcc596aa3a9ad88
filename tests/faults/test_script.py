"""Scripts of faults: their words, and which phase comes next."""

import re
from pathlib import Path

import pytest

from shipper.errors import BadInput
from shipper.faults import bulk, lumberjack, proxy
from shipper.faults.script import BULK, LUMBERJACK, PROXY, parse

TABLES = {"lumberjack": LUMBERJACK, "elasticsearch": BULK, "proxy": PROXY}
POOLS = [(LUMBERJACK, lumberjack.POOL), (BULK, bulk.POOL), (PROXY, proxy.POOL)]


def taken(script, count):
    return [str(script.take() or script.take(at_connection=True)) for _ in range(count)]


def test_phases_come_in_order_then_all_is_well():
    script = parse("2x reset\nack 50%, close; # and a comment\n silence 5s", LUMBERJACK)
    phases = ["reset", "reset", "ack 50%, close", "silence 5s, ok"]
    assert taken(script, 6) == [*phases, "ok", "ok"]


def test_loop_begins_again_and_what_follows_it_is_never_reached():
    assert taken(parse("ok; close; loop; reset", LUMBERJACK), 5) == ["ok", "close"] * 2 + ["ok"]


@pytest.mark.parametrize(("words", "pool"), POOLS)
def test_random_is_the_same_for_a_seed_and_another_for_another(words, pool):
    first, again, other = (taken(parse(f"random {n}", words, pool), 200) for n in (7, 7, 8))
    assert first == again != other
    assert len(set(first)) > 5


def test_what_a_phase_leaves_unanswered_is_answered_well_at_last():
    script = parse("slow 1k; ack 1; keepalive 1s; silence; half-open; ok, ok", LUMBERJACK)
    assert taken(script, 6) == [
        "slow 1k, ok",
        "ack 1, ok",
        "keepalive 1s, ok",
        "silence",
        "half-open",
        "ok, ok",
    ]


def test_amounts_are_read_with_their_units():
    def action(text, words=LUMBERJACK):
        return parse(text, words).take().actions[0]

    assert [action(f"silence {t}").seconds for t in ("200ms", "1.5s", "2m")] == [0.2, 1.5, 120]
    assert [action(f"reset at {n}").size for n in ("7", "2k", "3M")] == [7, 2048, 3 << 20]
    assert [action(f"ack {n}").count(10) for n in ("3", "50%", "150%")] == [3, 5, 15]
    assert action("503", BULK).status == 503
    found = action("items 400 matching a.c", BULK)
    assert (found.status, found.pattern.pattern) == (400, b"a.c")


def test_a_phase_for_new_connections_waits_for_one():
    script = parse("refuse; close", LUMBERJACK)
    assert script.take() is None
    assert str(script.take(at_connection=True)) == "refuse"
    assert script.take(at_connection=True) is None
    assert str(script.take()) == "close"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lumberjack", "rset"),
        ("lumberjack", "429"),
        ("lumberjack", "ack"),
        ("lumberjack", "silence 5"),
        ("lumberjack", "3 ok"),
        ("lumberjack", "9999999x ok"),
        ("lumberjack", f"reset at {'9' * 99}"),
        ("elasticsearch", "ack 3"),
        ("elasticsearch", "200"),
        ("elasticsearch", "items 429"),
        ("elasticsearch", "items 400 matching ("),
        ("proxy", "lose"),
        ("proxy", "ok; ok,"),
    ],
)
def test_what_is_no_phase_is_told_with_the_words_there_are(name, text):
    with pytest.raises(BadInput) as told:
        parse(text, TABLES[name])
    assert "pattern" in str(told.value) or "is none of: ok; silence [TIME];" in str(told.value)


def test_every_script_of_the_documentation_can_be_read():
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("| For | Write |")
    table, _, _ = rest.partition("\n\n")
    found = re.findall("`([^`]+)`", table)
    assert len(found) > 15
    for text in found:
        assert any(_is_read(text, words) for words in TABLES.values()), text


def _is_read(text, words):
    try:
        parse(text, words)
    except BadInput:
        return False
    return True
