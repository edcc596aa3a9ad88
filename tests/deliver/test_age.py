"""The age of the oldest waiting line, by its own timestamp, in any file."""

import os
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from shipper.deliver.age import time_of
from shipper.deliver.pipeline import Pipeline
from shipper.errors import Unavailable
from tests.deliver.lines import append, block, config
from tests.fakes import ScriptedOutput, running
from tests.real.processes import wait_until

HOUR_S = 3600.0


def stamped(age_s, size=0):
    when = datetime.fromtimestamp(time.time() - age_s, UTC).isoformat().replace("+00:00", "Z")
    return b'{"message":"%s","@timestamp":"%s"}\n' % (b"x" * size, when.encode())


class DownUntil(ScriptedOutput):
    """Accepts no line before the event is set."""

    def __init__(self, back):
        super().__init__()
        self.back = back

    def send(self, lines):
        if not self.back.is_set():
            raise Unavailable("away")
        return super().send(lines)


@pytest.fixture
def held(tmp_path):
    """Starts a pipeline whose output is down; returns the age of the oldest line."""
    back = threading.Event()
    output = DownUntil(back)
    # The pipeline retries until the event is set, at any speed of the machine.
    pipeline = Pipeline(config(tmp_path, max_lines=1), output, sleep=lambda _: back.wait(0.01))

    def age():
        return time.time() - pipeline.stats.oldest_s

    with ExitStack() as stack:

        def started():
            stack.enter_context(running(pipeline))
            wait_until(lambda: pipeline.stats.oldest_s is not None, 20, "a line is there")
            return age()

        yield started
        back.set()
        wait_until(lambda: pipeline.stats.oldest_s is None, 20, "all is acknowledged")


def test_a_line_is_as_old_as_its_timestamp(logs, held):
    append(logs / "a.log", stamped(HOUR_S) + stamped(0))
    assert HOUR_S <= held() < HOUR_S + 60


def test_a_line_that_waits_in_another_file_counts(logs, held):
    append(logs / "b.log", stamped(HOUR_S))
    append(logs / "a.log", stamped(2 * HOUR_S))
    append(logs / "c.log", stamped(3 * HOUR_S))
    assert held() >= 3 * HOUR_S


def test_a_line_without_a_time_is_as_old_as_the_last_change_of_its_file(tmp_path, logs, held):
    fresh = tmp_path / "fresh"
    fresh.write_bytes(block([1]))
    os.utime(fresh, (0, time.time() - HOUR_S))
    fresh.rename(logs / "a.log")
    assert HOUR_S <= held() < HOUR_S + 60


def test_a_line_from_the_future_counts_as_new(logs, held):
    append(logs / "a.log", stamped(-HOUR_S))
    assert 0 <= held() < 60


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"@timestamp":"2026-11-25T00:00:00Z"}', 1795564800.0),
        (b'{"a":1, "@timestamp" : "2026-11-25T01:00:00.5+01:00"}', 1795564800.5),
        (b'{"@timestamp":"2026-11-25T00:00:00.123456789Z"}', 1795564800.123456),
        (b'{"@timestamp":"2026-11-25T00:00:00"}', None),
        (b'{"@timestamp":"yesterday at noon"}', None),
        (b'{"@timestamp":"2026-11-25T00:00:00\xff"}', None),
        (b'{"a":1}\n{"@timestamp":"2026-11-25T00:00:00Z"}', None),
        (b"", None),
    ],
)
def test_only_a_time_with_a_zone_on_the_line_itself_is_one(line, expected):
    assert time_of(line) == expected
