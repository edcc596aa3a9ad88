"""A destination that takes no line of one file does not stop the others, and no line is lost."""

import json
import logging

import pytest

from shipper.deliver import holding
from shipper.deliver.pipeline import Pipeline
from shipper.errors import Unavailable
from shipper.follow import sources
from shipper.follow.registry import read_positions
from shipper.outputs.base import DELIVERED, DUPLICATE, Failed, Held, Rejected
from tests.deliver.lines import append, block, config, dead_letters, in_passes, line, numbers

FAILED = Failed("500 null_pointer_exception: x")
HELD = Held("Elasticsearch: pipeline with id [x] does not exist; make it")


@pytest.fixture(autouse=True)
def _long(monkeypatch):
    """As usual: longer than a test takes."""
    monkeypatch.setattr(sources, "_HOLD_S", 30.0)


class Picky:
    """Takes lines once; others have an outcome of their own."""

    def __init__(self, outcome_of):
        self.outcome_of = outcome_of
        self.taken = []
        self.sends = 0

    def send(self, lines):
        self.sends += 1
        return [self._outcome(n) for n in numbers(lines)]

    def _outcome(self, n):
        if n in self.taken:
            return DUPLICATE
        if outcome := self.outcome_of(n):
            return outcome
        self.taken.append(n)
        return DELIVERED

    def close(self):
        pass


def piped(home, output, **options):
    return Pipeline(config(home, **options), output, sleep=lambda delay_s: None)


@pytest.mark.parametrize("outcome", [FAILED, HELD])
@pytest.mark.parametrize("most", [12, 1000])
def test_other_files_go_on_beside_one_that_the_destination_does_not_take(
    tmp_path, logs, outcome, most, caplog
):
    append(logs / "a.log", block(range(30)))
    append(logs / "b.log", block(range(100, 130)))
    output = Picky(lambda n: outcome if n < 100 else None)
    pipeline = piped(tmp_path, output, max_lines=most)
    error = pipeline.drain()
    assert sorted(output.taken) == [*range(100, 130)]
    assert "is incomplete" not in caplog.text
    assert isinstance(error, Unavailable)
    assert outcome.reason in str(error)
    assert (pipeline.stats.held, pipeline.stats.held_reason) == (1, outcome.reason)
    said = [one.message for one in caplog.records if "takes no line of" in one.message]
    assert len(said) == 1
    assert outcome.reason in said[0]
    offsets = {one.path: one.offset for one in read_positions(config(tmp_path).registry_path)}
    assert offsets[str(logs / "b.log")] == (logs / "b.log").stat().st_size
    assert offsets.get(str(logs / "a.log"), 0) == 0
    assert dead_letters(config(tmp_path)) == []
    output.outcome_of = lambda n: None
    assert piped(tmp_path, output, max_lines=most).drain() is None
    assert sorted(output.taken) == [*range(30), *range(100, 130)]


def test_a_held_file_continues_when_its_lines_are_accepted(tmp_path, logs, monkeypatch, caplog):
    monkeypatch.setattr(sources, "_HOLD_S", 0.01)
    caplog.set_level(logging.INFO)
    append(logs / "a.log", block(range(20)))
    output = Picky(lambda n: HELD if output.sends < 5 else None)
    pipeline = piped(tmp_path, output)
    assert pipeline.drain() is None
    assert output.taken == [*range(20)]
    assert pipeline.stats.held == 0
    assert "takes the lines of every file again" in caplog.text
    assert pipeline.stats.account.unexplained == 0


def test_nothing_is_a_dead_letter_twice_if_its_file_is_held(tmp_path, logs, monkeypatch):
    monkeypatch.setattr(sources, "_HOLD_S", 0.01)
    append(logs / "a.log", block(range(20)) + b"not JSON\n")
    kinds = {0: Rejected("400 x: y"), 1: HELD}
    output = Picky(lambda n: kinds.get(n) if n != 1 or output.sends < 5 else None)
    assert piped(tmp_path, output).drain() is None
    assert len(dead_letters(config(tmp_path))) == 2
    assert sorted(output.taken) == [*range(1, 20)]


def test_failing_lines_are_given_up_if_other_lines_of_their_file_are_accepted(
    tmp_path, logs, monkeypatch
):
    monkeypatch.setattr(sources, "_HOLD_S", 0.01)
    monkeypatch.setattr(holding, "LONELY_S", 0.1)
    append(logs / "a.log", block(range(100)))
    append(logs / "b.log", block(range(100, 110)))
    output = Picky(lambda n: FAILED if n < 20 else None)
    assert piped(tmp_path, output).drain() is None
    assert sorted(output.taken) == [*range(20, 110)]
    dead = [json.loads(one["line"])["n"] for one in dead_letters(config(tmp_path))]
    assert sorted(dead) == [*range(20)]


def test_lines_are_not_given_up_while_the_destination_fails_on_all_of_their_file(
    tmp_path, logs, monkeypatch
):
    monkeypatch.setattr(sources, "_HOLD_S", 0.01)
    monkeypatch.setattr(holding, "LONELY_S", 0.0)
    append(logs / "a.log", block(range(20)))
    output = Picky(lambda n: FAILED if n < 20 and output.sends < 40 else None)
    assert piped(tmp_path, output).drain() is None
    assert dead_letters(config(tmp_path)) == []
    assert output.taken == [*range(20)]


def test_lines_that_come_later_wait_behind_those_that_are_held(tmp_path, logs):
    append(logs / "a.log", block(range(20)))
    output = Picky(lambda n: HELD if n < 20 else None)
    passes = in_passes(piped(tmp_path, output))
    next(passes)
    sends = output.sends
    append(logs / "a.log", line(20) + b"\n")
    append(logs / "b.log", line(100) + b"\n")
    next(passes)
    passes.close()
    assert output.taken == [100]
    assert output.sends == sends + 1
