"""Rules over the events that pass: what fires, how often, and what is remembered."""

import random
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.catalog.alerts import alerts
from shipper.catalog.kql import datasets, parse
from shipper.detect.engine import Engine
from shipper.detect.firsts import Firsts
from shipper.detect.hours import Hours
from shipper.detect.journal import Journal
from shipper.detect.matching import predicate
from shipper.detect.memory import Hit
from shipper.detect.rates import Rates
from shipper.detect.reading import Reading
from shipper.detect.windows import Windows
from tests.detect.events import START_S, call, failed_login, line

DAY_S = 86_400.0


def engine_of(*names):
    """An engine with these alerts; with those of the guide, which come first, if none is named."""
    known = alerts()
    return Engine(known[name] for name in names or [*known][:5])


def raised(lines, *names):
    engine = engine_of(*names)
    found = (alert for one in lines for _, alert in engine.take([one]))
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
    engine = engine_of()
    found = [a for n in range(1, 9) for _, a in engine.take([failed_login(n, n)]) if a]
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
def test_a_foreign_line_raises_nothing(text):
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
    rates = Rates(100, 5, 20, limit=100)
    for n in range(1000):
        rates.count((f"user-{n}",), "2026-11-30T07:04:00Z", f"s-{n}")
    assert rates.forgotten == 900
    usual_hours = Hours(14, limit=100)
    for n in range(1000):
        usual_hours.hit((f"user-{n}",), Hit(n * 7200.0, f"s-{n}"))
    assert usual_hours.forgotten == 900
    assert len([*usual_hours.remembered()]) == 100
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
            engine = engine_of()
            journal = Journal(path, engine, max_bytes=rng.choice([100, 1 << 20]))
            noted = []
            for one in lines[begin:end]:
                for hit, alert in engine.take([one]):
                    noted.append(hit)
                    found += [(alert.alert.name, *alert.group.values())] if alert else []
            journal.commit(engine.settle(), noted)
            journal.close()
            begin = end
    assert found == at_once


def test_the_streams_that_are_kept_are_bounded_and_those_of_the_oldest_events_are_forgotten():
    engine = Engine([alerts()["multiple_authentication_failures"]], max_streams=3)
    for n in range(1, 6):
        engine.take([failed_login(1, n, f"10.0.0.{n}", stream=f"s{n}")])
        engine.settle()
    engine.take([failed_login(2, 9, stream="s3")])
    engine.settle()
    assert list(engine.streams.counted) == ["s4", "s5", "s3"]
    assert engine.forgotten == 2


def test_an_alert_counts_for_a_rule_only_if_its_query_names_alerts():
    own = line(1, "mcp.threats", mcp__threat__confidence=0.9, mcp__threat__rule="x")
    detected = line(2, "mcp.threats", mcp__threat__confidence=0.9)
    assert len(raised([own, detected])) == 1
    row = msgspec.structs.replace(alerts()["high_confidence_threats"], group_by=("user.id",))
    alert = line(1, "mcp.threats", event__kind="alert", mcp__threat__rule="x", user__id="u")
    for query, count in [
        ("event.kind : alert", 0),
        ("event.dataset : mcp.threats or event.kind : alert", 0),
        ("event.dataset : mcp.threats and mcp.threat.rule : *", 1),
        ("event.dataset : mcp.threats", 0),
    ]:
        engine = Engine([msgspec.structs.replace(row, query=query)])
        assert len(engine.take([alert])) == count


def sign_in(sequence, at_s, user):
    return failed_login(sequence, at_s, user__id=user)


def test_one_address_that_tries_many_users_raises_an_alert():
    name = "credential_spraying"
    tried = [sign_in(n, n, f"user-{n}") for n in range(1, 9)]
    assert raised(tried, name) == [(name, "203.0.113.9")]
    assert raised([sign_in(n, n, "amara") for n in range(1, 30)], name) == []
    assert raised([failed_login(n, n) for n in range(1, 30)], name) == []


def decided(sequence, at_s, decision, tool="pay"):
    return line(
        *(sequence, "mcp.authz", at_s),
        mcp__authz__decision=decision,
        user__id="amara",
        gen_ai__tool__name=tool,
    )


def test_a_tool_that_is_allowed_after_denials_raises_one_alert():
    name = "denied_then_granted"
    denied = [decided(n, n, "deny") for n in range(1, 4)]
    assert raised([*denied, decided(4, 60, "allow"), decided(5, 61, "allow")], name) == [
        (name, "amara", "pay")
    ]
    assert raised([*denied[:2], decided(4, 60, "allow")], name) == []
    assert raised([*denied, decided(4, 601, "allow")], name) == []
    assert raised([*denied, decided(4, 60, "allow", "read")], name) == []


def hours(calls_an_hour, *, start=1, from_hour=0):
    """Calls in hours that follow each other."""
    sequence = start
    for hour, calls in enumerate(calls_an_hour, start=from_hour):
        for n in range(calls):
            yield call(sequence, hour * 3600.0 + n, "amara", "export")
            sequence += 1


def test_an_hour_far_above_the_own_usual_rate_raises_one_alert_that_explains_it():
    engine = engine_of("unusual_call_rate")
    found = [a for one in hours([30] * 25 + [200, 30, 30]) for _, a in engine.take([one]) if a]
    assert len(found) == 1
    assert found[0].reason.usual == "30 an hour, in 25 hours with any"
    assert found[0].reason.seen.startswith("150 in the hour from 2026-")
    engine = engine_of("unusual_call_rate")
    found = [a for one in hours([3, 9, 6, 4, 8] * 5 + [140]) for _, a in engine.take([one]) if a]
    assert found[0].reason.usual == "4 to 8 an hour, in 25 hours with any"


def test_a_rate_that_is_usual_for_a_user_or_is_not_known_yet_raises_nothing():
    assert raised(hours([200] * 30), "unusual_call_rate") == []
    assert raised(hours([1] * 10 + [500]), "unusual_call_rate") == []
    assert raised(hours([1] * 30 + [90]), "unusual_call_rate") == []


def test_two_rates_of_the_same_events_count_each_for_itself():
    known = alerts()["unusual_call_rate"]
    second = msgspec.structs.replace(known, name="second", threshold=60)
    by_user = msgspec.structs.replace(known, name="by_user", group_by=("user.id",), threshold=150)
    lines, sequence = [], 0
    for hour, calls in enumerate([2] * 25 + [80]):
        for n in range(calls):
            for tool in ("read", "write"):
                sequence += 1
                lines.append(call(sequence, hour * 3600.0 + n, "amara", tool))
    for rows in ([known, second, by_user], [by_user, second, known]):
        found = [raised for _, raised in Engine(rows).take(lines) if raised]
        assert sorted((one.alert.name, *one.group.values()) for one in found) == [
            ("by_user", "amara"),
            ("second", "amara", "read"),
            ("second", "amara", "write"),
        ]


def daily(days, *at_hours, start=1):
    """A call at these hours of each day."""
    sequence = start
    for day in days:
        for hour in at_hours:
            yield call(sequence, day * DAY_S + hour * 3600.0, "amara", "read_file")
            sequence += 1


def test_a_call_at_an_hour_of_the_day_that_is_unusual_for_the_user_raises_one_alert():
    name = "unusual_hours"
    usual = [*daily(range(20), 0, 1, 8)]  # from 14:13 UTC on
    night = [*daily([19], 13, 13.1, 14, start=61)]
    engine = engine_of(name)
    found = [a for one in [*usual, *night] for _, a in engine.take([one]) if a]
    assert [(one.alert.name, *one.group.values()) for one in found] == [(name, "amara")]
    hours_of_day = "14:00 to 15:59, 22:00 to 22:59 UTC, in the last 14 days"
    assert (found[0].reason.usual, found[0].reason.seen) == (hours_of_day, "03:13 UTC")
    assert raised([*usual, *daily([19], 2, 23.5, 7, start=61)], name) == []  # around usual ones
    assert raised([*usual[:30], *daily([9], 12, start=61)], name) == []  # not known for long enough
    assert raised([*daily([0, 16, 17], 0), *daily([17], 12, start=61)], name) == []  # too few days


def test_a_restart_changes_nothing_about_usual_hours(tmp_path):
    lines = [*daily(range(20), 0, 1, 8), *daily([19], 13, 13.1, 18, start=61)]
    for restart in range(1, len(lines)):
        found = []
        for part in (lines[:restart], lines[restart:]):
            engine = engine_of("unusual_hours")
            journal = Journal(tmp_path / f"{restart % 2}{restart}", engine, max_bytes=restart % 2)
            taken = engine.take(part)
            found += [alert for _, alert in taken if alert]
            journal.commit(engine.settle(), [noted for noted, _ in taken])
            journal.close()
        assert [one.reason.seen for one in found] == ["03:13 UTC", "08:13 UTC"]


def same_call(sequence, at_s, tool="create_order", digest="d"):
    return call(sequence, at_s, "amara", tool, mcp__tool__arguments__hash=digest)


def test_identical_calls_raise_one_alert_unless_the_tool_only_reads():
    name = "identical_calls"
    assert raised([same_call(n, n) for n in range(1, 40)], name) == [
        (name, "amara", "create_order", "d")
    ]
    assert raised([same_call(n, n, "get_order") for n in range(1, 40)], name) == []
    assert raised([same_call(n, n, digest=f"d{n}") for n in range(1, 40)], name) == []
    assert raised([same_call(n, n * 6.7) for n in range(1, 40)], name) == []
    assert raised([same_call(n, 3590 + n) for n in range(1, 11)], name) != []


def test_an_event_that_does_not_follow_the_one_before_it_raises_an_alert():
    name = "sequence_gap"
    lines = [line(n, dataset) for n, dataset in enumerate(["mcp.tools", "mcp.prompts"] * 5, 7)]
    assert raised(lines, name) == []
    assert raised([*lines, *lines], name) == []
    assert raised(lines[:3] + lines[4:], name) == [(name, "s1")]
    assert raised(lines[:4] + lines[5:], name) == [(name, "s1")]


def checkpoint(sequence, at_s, stream="app", state="open"):
    return line(
        *(sequence, "mcp.compliance", at_s),
        mcp__audit__checkpoint__stream=stream,
        mcp__audit__checkpoint__state=state,
    )


def test_a_checkpoint_that_is_overdue_raises_one_alert_unless_the_stream_ended():
    name = "checkpoint_overdue"
    signed = [checkpoint(n, n * 60.0) for n in range(1, 10)]
    assert raised(signed, name) == []
    assert raised([*signed, checkpoint(10, 9 * 60 + 901.0)], name) == [(name, "app")]
    ended = checkpoint(10, 600.0, state="ended")
    engine = engine_of(name)
    for one in signed:
        engine.take([one])
    assert not engine.overdue(START_S + 9 * 60 + 900)
    assert [a.group for _, a in engine.overdue(START_S + 9 * 60 + 901)] == [
        {"mcp.audit.checkpoint.stream": "app"}
    ]
    assert not engine.overdue(START_S + 10_000)
    engine.take([checkpoint(10, 600.0)])
    engine.take([checkpoint(11, 660.0, state="ended")])
    assert not engine.overdue(START_S + 10_000)
    assert raised([*signed, ended, checkpoint(11, 5000.0)], name) == []


def test_an_alert_explains_what_is_usual_and_what_was_seen():
    engine = engine_of("unusual_tool_execution_patterns")
    usual = [call(day + 1, day * DAY_S, "amara", f"tool_{day % 2}") for day in range(20)]
    strange = call(30, 19.5 * DAY_S, "amara", "delete_customer")
    [found] = [a for one in [*usual, strange] for _, a in engine.take([one]) if a]
    assert found.reason.usual == "tool_0, tool_1, in the last 14 days"
    assert found.reason.seen == "delete_customer"


@given(st.integers(0, 2**32), st.lists(st.integers(0, 700), max_size=4))
def test_a_restart_changes_no_rule(seed, restarts):
    rng = random.Random(seed)
    names = [*alerts()][5:]
    one_hour = [*hours([12] * 25 + [120])]
    makers = [
        lambda n, at: sign_in(n, at, f"u{rng.randrange(6)}"),
        lambda n, at: decided(n, at, rng.choice(["deny", "deny", "allow"])),
        lambda n, at: same_call(n, at, digest=rng.choice("ab")),
        lambda n, at: checkpoint(n, at, state=rng.choice(["open", "open", "ended"])),
    ]
    lines, at_s = one_hour, 30 * 3600.0
    for n in range(len(one_hour) + 1, len(one_hour) + 300):
        at_s += rng.choice([0.5, 2, 20, 400])
        lines.append(rng.choice(makers)(n + (n > 500), at_s))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "alerts.ndjson"
        found, begin = [], 0
        for end in [*sorted(restarts), len(lines)]:
            engine = engine_of(*names)
            journal = Journal(path, engine, max_bytes=rng.choice([100, 1 << 20]))
            noted = []
            for one in lines[begin:end]:
                for hit, alert in engine.take([one]):
                    noted.append(hit)
                    found += [(alert.alert.name, *alert.group.values())] if alert else []
            journal.commit(engine.settle(), noted)
            journal.close()
            begin = end
    assert found == raised(lines, *names)


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
