import pytest

from shipper.deliver.pipeline import Pipeline
from tests.deliver.lines import config, in_passes, numbers
from tests.fakes import ScriptedOutput


@pytest.fixture
def passes(tmp_path, logs):
    """A running pipeline; each call scans once and returns the numbers it delivers."""
    output = ScriptedOutput()
    running = in_passes(Pipeline(config(tmp_path, str(logs / "*")), output))

    def scan_once():
        output.taken.clear()
        next(running)
        return numbers(output.taken)

    yield scan_once
    running.close()
