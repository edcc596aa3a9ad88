"""Rules over the events that pass: what fires, how often, and what is remembered."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.catalog.alerts import alerts
from shipper.catalog.kql import datasets, parse
from shipper.detect.engine import Engine
from shipper.detect.firsts import Firsts
from shipper.detect.journal import Journal
from shipper.detect.matching import predicate
from shipper.detect.memory import Hit
from shipper.detect.reading import Reading
from shipper.detect.windows import Windows
from tests.detect.events import call, failed_login, line

DAY_S = 86_400.0


def raised(lines, engine=None):
    engine = engine or Engine(alerts().values())
    found = (alert for one in lines for _, alert in engine.take(one))
    return [(alert.alert.name, *alert.group.values()) for alert in found if alert]


def test_five_failed_logins_from_one_address_raise_one_alert_however_long_they_go_on():
    guesses = [failed_login(n, n * 5.0) for n in range(1, 200)]
    assert raised(guesses[:4]) == []
    assert raised(guesses) == [("multiple_authentication_failures", "203.0.113.9")]


def test_failed_logins_from_different_addresses_or_too_far_apart_raise_nothing():
    assert raised(failed_login(n, n, f"203.0.113.{n}") for n in range(1, 20)) == []
    assert raised(failed_login(n, n * 151.0) for n in range(1, 20)) == []


def test_an_attack_that_comes_back_raises_another_alert():
    first = [failed_login(n, n) for n in range(1, 10)]
    second = [failed_login(n, 3600.0 + n) for n in range(10, 20)]
    assert len(raised([*first, *second])) == 2


def test_the_events_of_two_streams_count_together_in_any_order():
    lines = [failed_login(n, n, stream="a") for n in (1, 2, 3)]
    lines += [failed_login(n, -n, stream="b") for n in (1, 2)]
    assert raised(lines) == [("multiple_authentication_failures", "203.0.113.9")]


def test_an_event_that_comes_twice_counts_once():
    lines = [failed_login(n, n) for n in (1, 2, 3, 4)]
    assert raised([*lines, *lines, *lines]) == []


def test_an_alert_names_the_events_that_led_to_it():
    engine = Engine(alerts().values())
    found = [a for n in range(1, 9) for _, a in engine.take(failed_login(n, n)) if a]
    assert [hit.id for hit in found[0].hits] == [f"s1-{n}" for n in range(1, 6)]
    assert found[0].id == "multiple_authentication_failures:s1-1"


def test_a_call_of_a_tool_that_a_user_never_called_raises_an_alert_after_two_weeks():
    usual = [call(day + 1, day * DAY_S, "amara", "read_file") for day in range(20)]
    strange = call(30, 19.5 * DAY_S, "amara", "delete_customer")
    assert raised([*usual, strange]) == [
        ("unusual_tool_execution_patterns", "amara", "delete_customer")
    ]
    assert raised([*usual[:5], call(30, 5 * DAY_S, "amara", "delete_customer")]) == []


def test_a_threat_is_reported_from_its_confidence_on():
    for confidence, count in [(0.79, 0), (0.8, 1), (1, 1), (None, 0), ("0.9", 0), (True, 0)]:
        one = line(1, "mcp.threats", mcp__threat__confidence=confidence)
        assert len(raised([one])) == count


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"event":1}', b"{}", b'{"event":{}}', b"\xff"]
)
def test_a_line_that_is_no_event_raises_nothing(text):
    assert raised([text]) == []


def test_the_memory_is_bounded_and_reports_what_it_forgot():
    windows = Windows(5, 600.0, limit=100)
    for n in range(1000):
        windows.hit((f"10.0.{n}",), Hit(float(n), f"s-{n}"))
    assert windows.forgotten == 900
    firsts = Firsts(14, limit=100)
    for n in range(1000):
        firsts.hit((f"user-{n}",), Hit(float(n), f"s-{n}"))
    assert firsts.forgotten == 900
    busy = Windows(5, 600.0)
    for n in range(10_000):
        busy.hit((), Hit(n * 0.001, f"s-{n}"))
    assert sum(len(hits) for _, hits, _ in busy.remembered()) <= 20


@given(st.lists(st.integers(0, 2000), max_size=16), st.randoms())
def test_windows_fire_if_and_only_if_enough_hits_lie_in_one_window(times, shuffler):
    shuffler.shuffle(times)
    windows = Windows(4, 100.0)
    fired = [windows.hit((), Hit(float(at), str(n))) for n, at in enumerate(times)]
    ordered = sorted(times)
    wanted = any(ordered[n + 3] - ordered[n] < 100 for n in range(len(ordered) - 3))
    assert any(fired) is wanted


@given(st.integers(0, 2**32), st.lists(st.integers(0, 120), max_size=4))
def test_a_restart_neither_misses_an_alert_nor_raises_one_twice(seed, restarts):
    rng = random.Random(seed)
    lines = [
        failed_login(n, rng.random() * 4000, f"10.0.0.{rng.randrange(4)}") for n in range(1, 100)
    ]
    lines += [
        call(n, rng.random() * 40 * DAY_S, "u", f"t{rng.randrange(4)}") for n in range(100, 121)
    ]
    at_once = raised(lines)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "alerts.ndjson"
        found, begin = [], 0
        for end in [*sorted(restarts), len(lines)]:
            engine = Engine(alerts().values())
            journal = Journal(path, engine, max_bytes=rng.choice([100, 1 << 20]))
            noted = []
            for one in lines[begin:end]:
                for hit, alert in engine.take(one):
                    noted.append(hit)
                    found += [(alert.alert.name, *alert.group.values())] if alert else []
            journal.commit(engine.settle(), noted)
            journal.close()
            begin = end
    assert found == at_once


EVENT = line(
    1, "mcp.tools", user__id="bob", tags=["a", "b c"], event__outcome="failure", n=5, ok=True
)


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("event.outcome : failure", True),
        ("event.outcome : fail*", True),
        ("event.outcome : ail*", False),
        ("event.outcome : (success or failure)", True),
        ("not event.outcome : failure", False),
        ("user.id : *", True),
        ("user.name : *", False),
        ("tags : a", True),
        ('tags : "b c"', True),
        ("tags : c", False),
        ("n >= 5 and n < 6", True),
        ("n > 5", False),
        ("n : 5", True),
        ("ok : true", True),
        ("ok : false", False),
        ("user.name >= 1", False),
        ("user.id : bob or user.name : x", True),
    ],
)
def test_a_query_holds_as_in_kibana(query, holds):
    reading = Reading(["event.outcome", "user.id", "user.name", "tags", "n", "ok"])
    assert predicate(parse(query))(reading.event(EVENT)) is holds


def test_the_datasets_of_a_query_are_all_those_where_it_can_hold():
    assert datasets(parse("event.dataset : mcp.auth and user.id : x")) == {"mcp.auth"}
    assert datasets(parse("event.dataset : (a or b)")) == {"a", "b"}
    assert datasets(parse("event.dataset : a or user.id : x")) is None
    assert datasets(parse("user.id : x")) is None
    assert datasets(parse("not event.dataset : a")) is None
