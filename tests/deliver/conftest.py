import pytest

from shipper.deliver.pipeline import Pipeline
from tests.deliver.lines import config, in_passes, numbers
from tests.fakes import ScriptedOutput


@pytest.fixture
def passes(tmp_path, logs):
    """A pipeline that lives through the test: looks and delivers at each `next`."""
    output = ScriptedOutput()
    running = in_passes(Pipeline(config(tmp_path, str(logs / "*")), output))

    def look():
        output.taken.clear()
        next(running)
        return numbers(output.taken)

    yield look
    running.close()
