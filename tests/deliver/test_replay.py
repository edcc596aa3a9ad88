"""Dead letters sent again: delivered ones leave the file, the others stay, even after a crash."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.deliver.backoff import Backoff
from shipper.deliver.dead_letters import DeadLetters
from shipper.deliver.replay import Replay, decoded, read_dead_letters
from shipper.deliver.settle import Settler
from shipper.deliver.stats import Stats
from shipper.errors import ShipperError, Unavailable
from shipper.follow.batch import BadLine
from shipper.forms.check import Reject
from shipper.outputs.base import DELIVERED, Rejected
from tests.deliver.lines import line, numbers
from tests.fakes import ScriptedOutput


@pytest.fixture
def path(tmp_path):
    return tmp_path / "dead-letters" / "test.ndjson"


def add(path, *rejects):
    dead_letters = DeadLetters(path, output="test", max_bytes=1 << 20)
    dead_letters.add([BadLine("/a.log", reject) for reject in rejects])


def refused(*numbers, reason="400 mapper: bad"):
    return [Reject(line(n), 10 * n, reason) for n in numbers]


def replayed(path, output, *, wanted=lambda dead_letter: True, max_lines=2):
    """Run a replay with a real settler that never waits; return it, and whether it finished."""
    dead_letters = DeadLetters(path, output="test", max_bytes=1 << 20)
    backoff = Backoff(1.0, 1.0, lambda: 1.0)
    settler = Settler(
        output,
        dead_letters,
        Stats(),
        name="test",
        sleep=lambda s: False,
        backoff=backoff,
        random=lambda: 1.0,
    )
    replay = Replay(path, wanted, settler.settle, max_lines)
    return replay, replay.run()


def left(path):
    """The current dead letters, as objects."""
    return [json.loads(one) for one in read_dead_letters(path)]


def test_delivered_dead_letters_leave_the_file(path):
    add(path, *refused(1, 2, 3))
    output = ScriptedOutput()
    _, is_done = replayed(path, output)
    assert is_done
    assert numbers(output.taken) == [1, 2, 3]
    assert left(path) == []


def test_a_dead_letter_that_is_refused_again_stays_with_the_new_reason(path):
    add(path, *refused(1, 2, 3))
    output = ScriptedOutput([DELIVERED, Rejected("404 no pipeline")])
    replayed(path, output)
    (dead_letter,) = left(path)
    assert (dead_letter["line"], dead_letter["reason"]) == (line(2).decode(), "404 no pipeline")
    assert (dead_letter["path"], dead_letter["offset"], dead_letter["output"]) == (
        "/a.log",
        20,
        "test",
    )


def test_a_dead_letter_with_only_the_beginning_of_its_line_stays_and_is_counted(path):
    add(path, Reject(b'{"n":', 0, "too long", length=99, sha256="ab"), *refused(1))
    before = left(path)[0]
    replay, _ = replayed(path, ScriptedOutput())
    assert left(path) == [before]
    assert replay.kept.excerpts == 1


def test_only_the_selected_dead_letters_are_sent(path):
    add(path, *refused(1, reason="400 a: x"), *refused(2, reason="403 b: y"))
    output = ScriptedOutput()
    replay, _ = replayed(path, output, wanted=lambda dead_letter: "b" in dead_letter.reason)
    assert numbers(output.taken) == [2]
    assert [one["reason"] for one in left(path)] == ["400 a: x"]
    assert replay.kept.unwanted == 1


def test_a_fixed_line_is_sent_and_one_still_invalid_stays(path):
    add(path, Reject(b'{"n":1', 0, "not JSON"), Reject(b'{"n":2', 7, "not JSON"))
    path.write_text(path.read_text().replace('{\\"n\\":1', '{\\"n\\":1}'))
    output = ScriptedOutput()
    replayed(path, output)
    assert numbers(output.taken) == [1]
    assert [one["offset"] for one in left(path)] == [7]


def test_a_dead_letter_edited_until_it_is_invalid_stays_byte_for_byte(path):
    add(path, *refused(1))
    with path.open("ab") as file:
        file.write(b'{"line": "{"n":1}"}\n')
    replay, _ = replayed(path, ScriptedOutput())
    assert list(read_dead_letters(path)) == [b'{"line": "{"n":1}"}\n']
    assert replay.kept.unreadable == 1


def test_an_output_that_is_down_leaves_the_dead_letters_unchanged(path):
    add(path, *refused(1, 2, 3))
    before = path.read_bytes()
    _, is_done = replayed(path, ScriptedOutput([DELIVERED] * 2, Unavailable("gone")))
    assert not is_done
    assert path.read_bytes() == before.splitlines(keepends=True)[2]


def test_dead_letters_that_a_running_shipper_adds_meanwhile_are_kept(path):
    add(path, *refused(1, 2, 3))

    def send(lines):
        add(path, *refused(9))
        return [DELIVERED] * len(lines)

    output = ScriptedOutput(send)
    replayed(path, output, max_lines=10)
    assert numbers(output.taken) == [1, 2, 3]
    assert [one["offset"] for one in left(path)] == [90]


def test_a_second_replay_of_the_same_dead_letters_is_refused(path):
    add(path, *refused(1))

    def send(lines):
        with pytest.raises(ShipperError, match="another replay"):
            replayed(path, ScriptedOutput())
        return [DELIVERED]

    output = ScriptedOutput(send)
    replayed(path, output)
    assert numbers(output.taken) == [1]


@given(
    count=st.integers(1, 12),
    max_lines=st.integers(1, 5),
    unwanted=st.sets(st.integers(0, 11)),
    refused_again=st.sets(st.integers(0, 11)),
    dies_after=st.integers(0, 20),
)
@settings(max_examples=60)
def test_a_replay_killed_at_any_line_loses_no_dead_letter_and_sends_at_most_one_batch_twice(
    tmp_path_factory, count, max_lines, unwanted, refused_again, dies_after
):
    folder = tmp_path_factory.mktemp("replay")
    path, sent = folder / "test.ndjson", folder / "sent"
    add(path, *refused(*range(count)))

    def wanted(dead_letter):
        return json.loads(dead_letter.line)["n"] not in unwanted

    child = os.fork()
    if not child:
        replayed(path, _Recording(sent, refused_again, dies_after), wanted=wanted)
        os._exit(0)
    os.waitpid(child, 0)
    replayed(path, _Recording(sent, refused_again), wanted=wanted, max_lines=max_lines)
    arrived = numbers(sent.read_bytes().splitlines()) if sent.exists() else []
    remaining = [json.loads(decoded(one).line)["n"] for one in read_dead_letters(path)]
    good = set(range(count)) - unwanted - refused_again
    assert set(arrived) == good
    assert set(remaining) == set(range(count)) - good
    assert len(arrived) - len(good) <= 2, "a batch of the first run"
    assert [one.name for one in folder.glob("*.replay-*")] == []


class _Recording:
    """Writes the lines it gets to a file; ends the process at a given line, as a crash would."""

    def __init__(self, path, refuses, dies_after=None):
        self._path, self._refuses, self._left = path, refuses, dies_after

    def send(self, lines):
        outcomes = []
        with self._path.open("ab", buffering=0) as file:
            for one in lines:
                if self._left is not None:
                    self._left -= 1
                    if self._left < 0:
                        os._exit(9)
                if json.loads(one)["n"] in self._refuses:
                    outcomes.append(Rejected("again"))
                else:
                    file.write(one + b"\n")
                    outcomes.append(DELIVERED)
        return outcomes


# --- an editor that writes no last newline


def without_newline(path):
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))


def test_a_last_dead_letter_without_a_newline_is_sent(path):
    add(path, *refused(1, 2))
    without_newline(path)
    output = ScriptedOutput()
    assert replayed(path, output)[1]
    assert numbers(output.taken) == [1, 2]
    assert left(path) == []


def test_a_last_dead_letter_without_a_newline_that_cannot_be_read_stays(path):
    add(path, *refused(1))
    with path.open("ab") as file:
        file.write(b'{"line":"half')
    replay, is_done = replayed(path, output := ScriptedOutput())
    assert is_done
    assert numbers(output.taken) == [1]
    assert replay.kept.unreadable == 1
    assert [*read_dead_letters(path)] == [b'{"line":"half\n']


def test_a_last_dead_letter_without_a_newline_stays_when_another_one_comes(path):
    add(path, *refused(1))
    without_newline(path)
    add(path, *refused(2))
    assert [json.loads(one["line"])["n"] for one in left(path)] == [1, 2]


def test_dead_letters_that_an_interrupted_replay_left_without_a_newline_are_kept(path):
    add(path, *refused(1))
    without_newline(path)
    path.rename(path.with_name("test.replay-0.ndjson"))
    add(path, *refused(2))
    replayed(path, ScriptedOutput(Unavailable("down")))
    assert sorted(json.loads(one["line"])["n"] for one in left(path)) == [1, 2]
