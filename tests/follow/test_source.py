"""The states of a followed file: only the steps that the tables allow."""

import pytest

from shipper.follow.discover import find
from shipper.follow.inputs import InputConfig
from shipper.follow.mark import Mark
from shipper.follow.source import Source
from shipper.follow.sources import Turns
from shipper.follow.states import Stage, Turn


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.log"
    path.touch()
    return Source(find(str(path), InputConfig(paths=(str(path),))))


def test_a_file_that_is_gone_is_never_followed_again(source):
    source.enter(Stage.GONE)
    with pytest.raises(RuntimeError, match=r"a\.log"):
        source.begin(1, Mark(), None)


def test_a_known_file_is_not_taken_for_a_copy(source):
    source.begin(1, Mark(), None)
    with pytest.raises(RuntimeError, match="COPY"):
        source.enter(Stage.COPY)


def test_a_file_that_does_not_wait_gets_no_turn(source):
    with pytest.raises(RuntimeError, match="READING"):
        source.wait_for(Turn.READING)


def test_a_file_that_is_added_twice_has_one_turn(source):
    turns = Turns()
    turns.add(source)
    turns.add(source)
    assert turns.pop() is source
    assert not turns


def test_a_file_that_is_added_while_it_has_its_turn_gets_no_second_one(source):
    turns = Turns()
    turns.add(source)
    turns.pop()
    turns.add(source)
    assert not turns
    turns.again(source)
    assert turns.pop() is source


def test_a_file_that_leaves_gets_no_turn(source):
    turns = Turns()
    turns.add(source)
    turns.leave(source)
    assert not turns
    assert not source.is_waiting
