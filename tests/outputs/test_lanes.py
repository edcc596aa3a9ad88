"""What several lanes do with the lines of one `send`; each follows a script."""

import threading

import pytest

from shipper.errors import Closed, ConfigError, Refused, ShipperError, TooLarge, Unavailable
from shipper.outputs.base import DELIVERED, RETRY
from shipper.outputs.config import BackoffConfig
from shipper.outputs.lanes import Lanes, Size, Work
from tests.fakes import WAIT_S

EIGHT = [10 * n for n in range(1, 9)]


def work(lines=8, max_lines=2, max_bytes=1000):
    return Work(EIGHT[:lines], max_lines, max_bytes)


class Scripted:
    """A lane that delivers the parts that it takes, and after `after` parts fails with `fails`.

    It connects when `gate` is open, and opens `opens` when it fails.
    """

    def __init__(self, *, fails=None, after=0, gate=None, opens=None, refuses=None):
        self.fails, self.after, self.refuses = fails, after, refuses
        self.gate, self.opens = gate, opens
        self.parts, self.is_connected, self.is_closed = [], False, False

    def connect(self):
        if self.gate:
            assert self.gate.wait(WAIT_S)
        if self.refuses:
            raise self.refuses
        self.is_connected, self.is_closed = True, False

    def run(self, work, job):
        while part := work.take(2, 1000):
            self.parts.append(part)
            if self.fails and len(self.parts) > self.after:
                if self.opens:
                    self.opens.set()
                raise self.fails
            work.record(part, [job] * (part.stop - part.start))

    def probe(self):
        return "scripted"

    def close(self):
        self.is_connected, self.is_closed = False, True


def lanes(*made, init_s=60.0, max_s=60.0):
    return Lanes(made, BackoffConfig(init_s=init_s, max_s=max_s))


def test_a_part_has_no_more_lines_and_bytes_than_it_may_but_at_least_one():
    assert work(max_lines=3).take(9, 1000) == slice(0, 3)
    assert work(max_lines=3).take(2, 1000) == slice(0, 2)
    some = work(max_lines=9)
    assert [some.take(9, room) for room in (25, 5, 1000, 9)] == [
        slice(0, 2),
        slice(2, 3),
        slice(3, 8),
        None,
    ]


def test_a_size_halves_and_grows_by_half_within_its_bounds():
    size = Size(20, is_slow=True)
    seen = [size.lines]
    for grows in (True, True, False, False, False, False, False):
        size.grow() if grows else size.shrink()
        seen.append(size.lines)
    assert seen == [10, 16, 20, 10, 5, 2, 1, 1]


def test_a_single_lane_works_in_the_callers_thread():
    class Here(Scripted):
        def run(self, work, job):
            assert threading.current_thread() is caller
            super().run(work, job)

    caller = threading.current_thread()
    assert lanes(Here()).deliver(work(), DELIVERED) == [DELIVERED] * 8


def test_what_a_failing_lane_had_taken_is_to_retry_and_the_others_take_the_rest():
    gate = threading.Event()
    bad = Scripted(fails=Unavailable("down"), after=1, opens=gate)
    outcomes = lanes(bad, Scripted(gate=gate)).deliver(work(), DELIVERED)
    assert outcomes == [DELIVERED] * 2 + [RETRY] * 2 + [DELIVERED] * 4


def test_a_lane_that_still_connects_holds_nobody_up_and_is_left_in_peace_until_it_has():
    gate = threading.Event()
    slow, good = Scripted(gate=gate), Scripted()
    both = lanes(slow, good)
    for _ in range(3):
        assert both.deliver(work(), DELIVERED) == [DELIVERED] * 8
    assert slow.parts == []
    both.close()
    assert not slow.is_closed
    gate.set()
    for thread in threading.enumerate():
        if "_take_part" in thread.name:
            thread.join(WAIT_S)
    assert slow.is_closed
    assert good.is_closed


def test_a_lane_that_failed_rests_and_is_tried_again_when_no_other_is_left():
    bad, good = Scripted(refuses=Unavailable("down")), Scripted()
    both = lanes(bad, good)
    for _ in range(2):
        both.deliver(work(lines=2), DELIVERED)
    bad.refuses = None
    good.refuses = Unavailable("down too")
    both.deliver(work(lines=2), DELIVERED)
    assert len(bad.parts) == 1


def test_a_lane_that_fails_again_rests_twice_as_long_up_to_the_longest(monkeypatch):
    class Fleeting(Scripted):
        tried_at = ()

        def connect(self):
            self.tried_at += (now,)
            super().connect()
            self.is_connected = False  # no lane is preferred because it is connected

    now = 0
    monkeypatch.setattr("time.monotonic", lambda: now)
    bad, good = Fleeting(refuses=Unavailable("down")), Fleeting()
    both = lanes(bad, good, init_s=1.0, max_s=4.0)
    for second in range(16):
        now = second
        for _ in "ab":  # each lane has a turn
            assert both.deliver(work(lines=2), DELIVERED) == [DELIVERED] * 2
    assert bad.tried_at == (0, 1, 3, 7, 11, 15)


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ((Refused("certificate"), Unavailable("down")), "down"),
        ((Unavailable("down"), Closed("closed", answers=True)), "closed"),
        ((Refused("certificate"), TooLarge("413")), "413"),
        ((Refused("certificate"), Refused("certificate")), "certificate"),
    ],
)
def test_if_no_line_has_an_outcome_the_error_is_the_one_that_says_what_to_do_next(errors, told):
    made = lanes(*(Scripted(fails=error) for error in errors))
    with pytest.raises(ShipperError, match=told):
        made.deliver(work(), DELIVERED)


def test_what_cannot_happen_in_a_thread_is_raised_to_the_caller():
    with pytest.raises(ZeroDivisionError):
        lanes(*(Scripted(fails=ZeroDivisionError()) for _ in "ab")).deliver(work(), DELIVERED)


def test_there_are_not_more_connections_than_anyone_can_want():
    with pytest.raises(ConfigError, match="hosts times workers makes 65 connections; 64 at most"):
        lanes(*[Scripted()] * 65)
