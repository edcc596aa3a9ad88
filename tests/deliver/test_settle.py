"""Settling batches that the output does not accept completely and immediately."""

import json
import logging
import stat
from hashlib import sha256

import pytest
from msgspec.structs import replace

from shipper.deliver.accounting import account_now
from shipper.deliver.pipeline import Pipeline
from shipper.deliver.stats import State
from shipper.errors import ProtocolError, Refused, TooLarge, Unavailable
from shipper.follow.account import Account
from shipper.follow.registry import read_positions
from shipper.outputs.base import DELIVERED, DIVERTED, DUPLICATE, RETRY, Rejected
from tests.deliver.lines import append, block, config, dead_letters, delivered, line, numbers
from tests.fakes import ScriptedOutput


class Clockwork:
    """Replaces waiting: records the delays, and can run a function at one of them."""

    def __init__(self, at=None, do=None):
        self.delays, self._at, self._do = [], at, do

    def __call__(self, delay_s):
        self.delays.append(delay_s)
        assert len(self.delays) < 1000
        if len(self.delays) == self._at:
            self._do()


def run(home, output, clockwork=None, **options):
    """Drain with the full delay at every wait; returns the pipeline and the recorded delays."""
    clockwork = clockwork or Clockwork()
    pipeline = Pipeline(config(home, **options), output, sleep=clockwork, random=lambda: 1.0)
    pipeline.drain()
    return pipeline, clockwork


@pytest.fixture
def three(logs):
    append(logs / "a.log", block([1, 2, 3]))


@pytest.mark.usefixtures("three")
def test_only_the_lines_to_retry_are_sent_again(tmp_path):
    output = ScriptedOutput([DELIVERED, RETRY, DELIVERED], [RETRY])
    pipeline, clockwork = run(tmp_path, output)
    assert list(map(numbers, output.sent)) == [[1, 2, 3], [2], [2]]
    assert len(clockwork.delays) == 2
    assert (pipeline.stats.delivered, pipeline.stats.retried) == (3, 2)


@pytest.mark.usefixtures("three")
def test_delays_double_up_to_their_bound_and_restart_after_progress(tmp_path):
    down = [Unavailable("down")] * 8
    output = ScriptedOutput(*down, [DELIVERED, RETRY, RETRY], *down[:2])
    _, clockwork = run(tmp_path, output)
    assert clockwork.delays == [1, 2, 4, 8, 16, 32, 60, 60, 1, 2, 4]


@pytest.mark.usefixtures("three")
def test_a_connection_without_an_acknowledgement_is_no_progress(tmp_path):
    output = ScriptedOutput([RETRY] * 3, [RETRY] * 3, Unavailable("down"))
    _, clockwork = run(tmp_path, output)
    assert clockwork.delays == [1, 2, 4]


@pytest.mark.usefixtures("three")
def test_an_outage_is_logged_when_it_begins_and_when_it_ends(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    output = ScriptedOutput(*[Unavailable("nobody answers")] * 5)
    run(tmp_path, output)
    logged = [(one.levelname, one.message) for one in caplog.records]
    assert logged == [
        ("INFO", f"Output test: reading {tmp_path}/logs/a.log."),
        ("WARNING", "Output test is unavailable, trying again: nobody answers."),
        ("INFO", "Output test accepts lines again."),
    ]


@pytest.mark.usefixtures("three")
def test_a_refusal_is_logged_once_as_an_error_and_retried_slowly(tmp_path, caplog):
    output = ScriptedOutput(*[Refused("the key is not accepted")] * 4)
    _, clockwork = run(tmp_path, output)
    assert clockwork.delays == [30, 60, 120, 120]
    errors = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert errors == ["Output test is refused, trying again: the key is not accepted."]


@pytest.mark.usefixtures("three")
def test_a_broken_protocol_is_treated_as_an_outage(tmp_path):
    output = ScriptedOutput(ProtocolError("acknowledgement 9 is outside 0..3"))
    pipeline, clockwork = run(tmp_path, output)
    assert clockwork.delays == [1]
    assert numbers(output.taken) == [1, 2, 3]
    assert "outside 0..3" in pipeline.stats.last_error


def test_a_batch_that_is_too_large_is_halved_until_it_fits(tmp_path, logs):
    append(logs / "a.log", block(range(8)))
    output = ScriptedOutput()

    def at_most_two(lines):
        if len(lines) > 2:
            raise TooLarge("413")
        return [DELIVERED] * len(lines)

    output.answers.extend([at_most_two] * 7)
    _, clockwork = run(tmp_path, output)
    assert numbers(output.taken) == list(range(8))
    assert list(map(len, output.sent)) == [8, 4, 2, 2, 4, 2, 2]
    assert clockwork.delays == []


def test_a_single_line_that_is_too_large_is_a_dead_letter(tmp_path, logs):
    append(logs / "a.log", block(range(3)))
    output = ScriptedOutput()

    def not_number_one(lines):
        if 1 in numbers(lines):
            raise TooLarge("the limit is 100 MiB")
        return [DELIVERED] * len(lines)

    output.answers.extend([not_number_one] * 9)
    run(tmp_path, output)
    assert numbers(output.taken) == [0, 2]
    (dead_letter,) = dead_letters(config(tmp_path))
    assert dead_letter["reason"] == "too large: the limit is 100 MiB"
    assert (json.loads(dead_letter["line"])["n"], dead_letter["offset"]) == (1, len(block([0])))


def test_a_rejected_line_is_a_dead_letter_with_its_place(tmp_path, logs):
    for name, start in (("a.log", 0), ("b.log", 10)):
        append(logs / name, block(range(start, start + 3)))
    verdicts = [DELIVERED, Rejected("bad ip"), RETRY, DELIVERED, DELIVERED, RETRY]
    output = ScriptedOutput(verdicts, [DELIVERED, Rejected("bad date")])
    pipeline, _ = run(tmp_path, output)
    found = dead_letters(config(tmp_path))
    assert [(one["reason"], one["path"], one["offset"], one["line"]) for one in found] == [
        ("bad ip", str(logs / "a.log"), len(block([0])), line(1).decode()),
        ("bad date", str(logs / "b.log"), len(block([10, 11])), line(12).decode()),
    ]
    assert pipeline.stats.rejected == 2
    assert delivered(config(tmp_path)) == []


@pytest.mark.usefixtures("three")
def test_duplicates_and_diverted_lines_count_as_delivered(tmp_path):
    pipeline, clockwork = run(tmp_path, ScriptedOutput([DUPLICATE, DIVERTED, DELIVERED]))
    stats = pipeline.stats
    assert (stats.delivered, stats.duplicates, stats.diverted) == (3, 1, 1)
    assert clockwork.delays == []
    assert delivered(config(tmp_path)) == []


@pytest.mark.usefixtures("three")
def test_an_answer_without_an_outcome_for_every_line_is_no_success(tmp_path):
    output = ScriptedOutput()
    output.send = lambda lines: [DELIVERED] * 2
    with pytest.raises(ValueError, match="zip"):
        run(tmp_path, output)
    assert delivered(config(tmp_path)) == [1, 2, 3]


@pytest.mark.usefixtures("three")
def test_a_stop_while_waiting_leaves_the_batch_for_the_next_start(tmp_path):
    output = ScriptedOutput([DELIVERED, RETRY, DELIVERED], *[Unavailable("down")] * 99)
    settings = config(tmp_path)
    pipeline = Pipeline(settings, output, sleep=lambda delay_s: pipeline.stop())
    pipeline.drain()
    assert [one.offset for one in read_positions(settings.registry_path)] == [0]
    assert pipeline.stats.state is State.STOPPED
    assert delivered(settings) == [1, 2, 3]


def test_full_dead_letters_stop_the_pipeline_until_there_is_room(tmp_path, logs, caplog):
    settings = config(tmp_path, dead_letters_max_bytes=1000)
    append(logs / "a.log", b"x" * 900 + b"\n")
    run(tmp_path, ScriptedOutput(), dead_letters_max_bytes=1000)
    append(logs / "a.log", b"bad\n" + block([1]))
    path, moved = settings.dead_letters_path, tmp_path / "moved"
    clockwork = Clockwork(at=3, do=lambda: path.rename(moved))
    run(tmp_path, ScriptedOutput(), clockwork, dead_letters_max_bytes=1000)
    assert clockwork.delays == [5, 10, 20]
    assert [one["line"] for one in dead_letters(settings)] == ["bad"]
    errors = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert len(errors) == 1
    assert "is full" in errors[0]
    assert "its limit is 1000" in errors[0]


def test_a_single_dead_letter_over_the_limit_is_kept(tmp_path, logs):
    append(logs / "a.log", b"x" * 900 + b"\n")
    _, clockwork = run(tmp_path, ScriptedOutput(), dead_letters_max_bytes=10)
    assert clockwork.delays == []
    assert len(dead_letters(config(tmp_path))) == 1


def test_dead_letters_that_cannot_be_written_stop_the_pipeline(tmp_path, logs):
    append(logs / "a.log", b"bad\n")
    folder = config(tmp_path).dead_letters_path.parent
    folder.parent.mkdir()
    folder.touch()
    _, clockwork = run(tmp_path, ScriptedOutput(), Clockwork(at=2, do=folder.unlink))
    assert len(clockwork.delays) == 2
    assert len(dead_letters(config(tmp_path))) == 1


def test_dead_letters_are_readable_only_for_their_user_and_a_torn_one_is_removed(tmp_path, logs):
    settings = config(tmp_path)
    append(logs / "a.log", b"bad\n")
    run(tmp_path, ScriptedOutput())
    path = settings.dead_letters_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    append(path, b'{"torn":')
    append(logs / "a.log", b"worse\n")
    run(tmp_path, ScriptedOutput())
    assert [one["line"] for one in dead_letters(settings)] == ["bad", "worse"]


def test_of_a_huge_line_a_dead_letter_keeps_head_length_and_digest(tmp_path, logs):
    huge = line(1, 2 << 20)
    append(logs / "a.log", huge + b"\n" + line(2) + b"\n")
    run(tmp_path, ScriptedOutput([Rejected("no"), Rejected("no")]))
    first, second = dead_letters(config(tmp_path))
    assert first["line"] == huge[:1024].decode()
    assert (first["length"], first["sha256"]) == (len(huge), sha256(huge).hexdigest())
    assert (second["line"], second.get("length")) == (line(2).decode(), None)


def test_every_line_of_a_file_is_accounted_for(tmp_path, logs):
    append(logs / "a.log", block(range(3)) + b"bad\n\n \n" + block(range(3, 5)))
    pipeline, _ = run(tmp_path, ScriptedOutput([Rejected("no"), *[DELIVERED] * 4]))
    append(logs / "a.log", block(range(5, 9)) + b'{"torn')
    settings = config(tmp_path)
    account = account_now(settings.inputs, settings.registry_path)
    assert account == Account(read=8, delivered=4, dead_letters=2, joined=2, waiting=4)
    assert (account.written, account.unexplained) == (12, 0)
    assert pipeline.stats.account == replace(account, waiting=0)
    run(tmp_path, ScriptedOutput())
    again = account_now(settings.inputs, settings.registry_path)
    assert (again.written, again.delivered, again.waiting) == (12, 8, 0)


def test_the_counters_show_what_was_done(tmp_path, logs):
    append(logs / "a.log", block(range(3)) + b"bad\n")
    append(logs / "b.log", block(range(2)))
    pipeline, _ = run(tmp_path, ScriptedOutput())
    stats = pipeline.stats
    assert (stats.files, stats.batches, stats.read_lines) == (2, 1, 5)
    assert stats.read_bytes == sum(path.stat().st_size for path in logs.iterdir())
    assert (stats.delivered, stats.rejected, stats.retried) == (5, 1, 0)
    assert stats.last_ack_monotonic is not None
    assert stats.state is State.STOPPED


# --- a drain has an end


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("trouble", [Unavailable("down"), ProtocolError("odd"), Refused("key")])
def test_a_drain_gives_up_on_an_output_that_is_away(tmp_path, trouble):
    output = ScriptedOutput(*[trouble] * 900)
    pipeline = Pipeline(config(tmp_path, max_away_s=0.05), output)
    error = pipeline.drain()
    assert isinstance(error, Unavailable)
    assert str(trouble) in str(error)
    assert [one.offset for one in read_positions(config(tmp_path).registry_path)] == [0]


@pytest.mark.usefixtures("three")
def test_a_drain_waits_longer_for_an_output_that_answers(tmp_path):
    output = ScriptedOutput(*[[RETRY] * 3] * 4)
    assert Pipeline(config(tmp_path, max_away_s=1e-9, backoff_max_s=0.01), output).drain() is None
    assert numbers(output.taken) == [1, 2, 3]


@pytest.mark.usefixtures("three")
def test_a_drain_gives_up_on_an_output_that_answers_and_takes_nothing(tmp_path):
    output = ScriptedOutput(*[[RETRY] * 3] * 900)
    settings = config(tmp_path, max_stall_s=0.05, backoff_max_s=0.01)
    assert isinstance(Pipeline(settings, output).drain(), Unavailable)
