"""A recorder for each test, closed after it."""

import pytest

from tests.record.recorder import Recorder


@pytest.fixture
def new_recorder(tmp_path):
    made = []

    def make(directory=tmp_path / "audit", **settings):
        made.append(Recorder(directory, **settings))
        return made[-1]

    yield make
    for recorder in made:
        recorder.close()


@pytest.fixture
def recorder(new_recorder):
    return new_recorder()
