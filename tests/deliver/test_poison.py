"""One line on which a destination closes its connection is found; an outage is never blamed on one.

`POISON` lines are refused by closing the connection, for a cause that no rule of ours knows.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.deliver.pipeline import Pipeline
from shipper.deliver.stats import State
from shipper.errors import Closed, Refused, Unavailable
from shipper.outputs.base import DELIVERED, Failed
from shipper.outputs.logstash.config import LogstashConfig
from shipper.outputs.logstash.output import Logstash
from tests.deliver.lines import append, block, config, dead_letters, numbers
from tests.fakes import FakeLogstash, hang_up

AWAY, CLOSES, CLOSES_BUT_ANSWERS = "away", "closes", "closes but answers"


class Fussy:
    """A destination that closes on poison, after the given phases, one for each `send`."""

    def __init__(self, *poison, phases=(), answers=True):
        self.poison, self.phases, self.answers = set(poison), list(phases), answers
        self.taken, self.sends = [], 0

    def send(self, lines):
        self.sends += 1
        phase = self.phases.pop(0) if self.phases else None
        if phase is AWAY:
            raise Unavailable("connection refused")
        if isinstance(phase, Exception):
            raise phase
        if phase in {CLOSES, CLOSES_BUT_ANSWERS}:
            raise Closed("closed", answers=phase is CLOSES_BUT_ANSWERS)
        if self.poison.intersection(numbers(lines)):
            raise Closed("a closed the connection", answers=self.answers)
        self.taken += numbers(lines)
        return [DELIVERED] * len(lines)

    def close(self):
        pass


class Waits:
    """Writes down the delays, and stops the pipeline after so many."""

    def __init__(self, most):
        self.total_s, self.left, self.pipeline = 0.0, most, None

    def __call__(self, delay_s):
        self.total_s += delay_s
        self.left -= 1
        if not self.left:
            self.pipeline.stop()


def drain(home, count, output, most=2000):
    """Deliver that many lines; returns the delays and the numbers of the dead letters."""
    (home / "logs").mkdir(parents=True, exist_ok=True)
    (home / "logs" / "a.log").write_bytes(block(range(count)))
    waits = Waits(most)
    waits.pipeline = Pipeline(config(home), output, sleep=waits, random=lambda: 1.0)
    waits.pipeline.drain()
    return waits, [json.loads(one["line"])["n"] for one in dead_letters(config(home))]


@pytest.mark.parametrize("size", [16, 100, 1000])
@pytest.mark.parametrize("where", [0.0, 0.3, 0.5, 0.999])
def test_a_poisonous_line_is_found_and_the_rest_flows(tmp_path, size, where):
    poison = int(size * where)
    output = Fussy(poison)
    waits, dead = drain(tmp_path, size, output)
    assert dead == [poison]
    assert sorted(output.taken) == [n for n in range(size) if n != poison]
    assert output.sends < 50
    assert waits.total_s < 120


@pytest.mark.parametrize("poison", [0, 300, 999])
def test_delivered_neighbours_are_proof_without_an_acknowledged_empty_window(tmp_path, poison):
    output = Fussy(poison, answers=False)
    _, dead = drain(tmp_path, 1000, output)
    assert dead == [poison]
    assert len(output.taken) == 999


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("poison", [0, 1])
def test_with_few_neighbours_an_acknowledged_empty_window_is_the_proof(tmp_path, size, poison):
    output = Fussy(poison)
    _, dead = drain(tmp_path, size, output)
    assert dead == [poison]
    assert sorted(output.taken) == [n for n in range(size) if n != poison]


@pytest.mark.parametrize("poison", [(3, 4), (0, 1, 2), (0, 50, 99), (97, 98, 99)])
def test_several_poisonous_lines_are_found(tmp_path, poison):
    output = Fussy(*poison)
    _, dead = drain(tmp_path, 100, output)
    assert sorted(dead) == list(poison)
    assert sorted(output.taken) == [n for n in range(100) if n not in poison]


class Recovers(Fussy):
    """Closes on poison for the given number of times, and then takes it."""

    def __init__(self, *poison, closings):
        super().__init__(*poison)
        self.closings = closings

    def send(self, lines):
        if self.poison.intersection(numbers(lines)):
            if not self.closings:
                self.poison.clear()
            self.closings -= 1
        return super().send(lines)


@pytest.mark.parametrize(("closings", "given_up"), [(9, []), (10, [5])])
def test_a_line_of_sixteen_is_given_up_at_the_tenth_closing_and_not_before(
    tmp_path, closings, given_up
):
    """Three of all sixteen, three more while halved, and four that count against it."""
    output = Recovers(5, closings=closings)
    assert drain(tmp_path, 16, output)[1] == given_up
    assert sorted(output.taken) == [n for n in range(16) if n not in given_up]


def test_lines_keep_their_order_except_suspects(tmp_path):
    output = Fussy(60)
    drain(tmp_path, 100, output)
    assert output.taken == [n for n in range(100) if n != 60]


def test_the_dead_letter_states_the_evidence(tmp_path):
    drain(tmp_path, 100, Fussy(7))
    (dead_letter,) = dead_letters(config(tmp_path))
    assert dead_letter["reason"].startswith(
        "the connection was closed on it: a closed the connection, "
    )
    assert dead_letter["reason"].endswith(" times while it worked otherwise")


@pytest.mark.parametrize("phase", [CLOSES, CLOSES_BUT_ANSWERS])
@pytest.mark.parametrize("length", [1, 5, 40, 600])
def test_a_destination_that_closes_every_connection_for_a_while_loses_no_line(
    tmp_path, phase, length
):
    output = Fussy(phases=[phase] * length)
    _, dead = drain(tmp_path, 50, output)
    assert dead == []
    assert sorted(output.taken) == list(range(50))


def test_no_line_is_given_up_while_none_is_delivered(tmp_path):
    _, dead = drain(tmp_path, 20, Fussy(*range(20)), most=500)
    assert dead == []


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_remaining_lines_are_given_up_after_minutes_of_empty_windows(tmp_path, count):
    waits, dead = drain(tmp_path, count, Fussy(*range(count)))
    assert sorted(dead) == list(range(count))
    assert 300 <= waits.total_s < 1200 * count


@pytest.mark.parametrize("output", [Fussy(0, answers=False), Fussy(phases=[CLOSES] * 400)])
def test_a_line_without_neighbours_is_kept_while_nothing_proves_that_the_server_works(
    tmp_path, output
):
    _, dead = drain(tmp_path, 1, output, most=300)
    assert dead == []


@pytest.mark.parametrize("sign", [AWAY, Refused("the certificate is not trusted")])
def test_a_sign_of_an_outage_restarts_the_count(tmp_path, sign):
    output = Fussy(phases=[*[CLOSES_BUT_ANSWERS] * 9, sign, *[CLOSES_BUT_ANSWERS] * 5, sign])
    waits, dead = drain(tmp_path, 1, output)
    assert (dead, output.taken) == ([], [0])
    assert waits.total_s > 300


OUTAGES = st.lists(
    st.tuples(st.sampled_from([CLOSES, AWAY]), st.integers(1, 40), st.integers(0, 12)), max_size=4
)


@settings(max_examples=100)
@given(outages=OUTAGES, count=st.integers(1, 40))
def test_no_outage_makes_a_line_a_dead_letter(tmp_path_factory, outages, count):
    phases = [
        phase for kind, length, pause in outages for phase in [kind] * length + ["works"] * pause
    ]
    output = Fussy(phases=phases)
    _, dead = drain(tmp_path_factory.mktemp("home"), count, output)
    assert dead == []
    assert sorted(output.taken) == list(range(count))


# --- on a real socket -----------------------------------------------------------------------------


def ship(home, server, count, **options):
    """Deliver that many lines over a real connection without delays; returns the dead letters."""
    append(home / "logs" / "a.log", block(range(count)))
    output = Logstash(LogstashConfig(hosts=(server.address,), timeout_s=5, **options))
    Pipeline(config(home), output, sleep=lambda _: None).drain()
    return dead_letters(config(home))


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("options", [{}, {"pipelining": 0}, {"bulk_max_size": 7}, {"workers": 2}])
def test_a_logstash_that_closes_on_one_line_gets_all_others(tmp_path, options):
    with FakeLogstash(closes_on=lambda payload: b'"n": 33,' in payload) as server:
        (dead_letter,) = ship(tmp_path, server, 100, **options)
    assert json.loads(dead_letter["line"])["n"] == 33
    assert f"{server.address} closed the connection" in dead_letter["reason"]
    assert {event["n"] for event in server.events} == set(range(100))
    assert server.faults == []


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("answers", [True, False])
def test_a_logstash_that_closes_every_connection_for_a_while_gets_all_lines_later(
    tmp_path, answers
):
    closings = iter(range(60))

    def recovers(payload):
        return next(closings, None) is not None

    with FakeLogstash(closes_on=recovers, empties=[] if answers else [hang_up] * 60) as server:
        assert ship(tmp_path, server, 20) == []
    assert {event["n"] for event in server.events} == set(range(20))


class Failing(Fussy):
    """A destination that answers for each line, and fails on poison."""

    def send(self, lines):
        self.sends += 1
        if self.phases and (phase := self.phases.pop(0)):
            raise phase
        found = numbers(lines)
        self.taken += [n for n in found if n not in self.poison]
        return [Failed("500 x: y") if n in self.poison else DELIVERED for n in found]


@pytest.mark.parametrize("poison", [(0,), (1, 3), tuple(range(8))])
@pytest.mark.parametrize("size", [8, 100])
def test_lines_on_which_a_working_destination_fails_alone_are_given_up(tmp_path, poison, size):
    output = Failing(*poison)
    waits, dead = drain(tmp_path, size, output)
    assert sorted(dead) == list(poison)
    assert sorted(output.taken) == [n for n in range(size) if n not in poison]
    assert 300 < waits.total_s < 1200
    (reason, *_) = [one["reason"] for one in dead_letters(config(tmp_path))]
    assert reason.startswith("500 x: y")


def test_a_destination_that_fails_on_many_lines_and_takes_no_other_keeps_them_all(tmp_path):
    output = Failing(*range(100))
    _, dead = drain(tmp_path, 100, output, most=200)
    assert dead == []


@pytest.mark.parametrize("trouble", [Unavailable("away"), Refused("no key")])
def test_an_outage_between_failures_begins_the_count_again(tmp_path, trouble):
    output = Failing(1, phases=[None] * 7 + [trouble] + [None] * 8 + [trouble])
    _, dead = drain(tmp_path, 2, output, most=17)
    assert dead == []


def test_a_failure_without_progress_is_a_state_with_its_reason(tmp_path, caplog):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_bytes(block(range(3)))
    states = []
    pipeline = Pipeline(
        config(tmp_path), Failing(1), sleep=lambda s: states.append(pipeline.stats.state)
    )
    pipeline.drain()
    assert states[1:] == [State.UNAVAILABLE] * len(states[1:])
    assert "500 x: y" in pipeline.stats.last_error
    told = [one.getMessage() for one in caplog.records if "500 x: y" in one.getMessage()]
    assert len([one for one in told if "trying again" in one]) == 1
