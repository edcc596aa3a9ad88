"""Lines of each event type, from the sample month."""

import json

import pytest

from shipper.catalog import MCPEventType
from shipper.sample import write_sample

END_S = 1_795_530_600


@pytest.fixture(scope="session")
def lines(tmp_path_factory):
    """Every line of three days, of all ten event types."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, days=3, end_s=END_S)
    found = [line for path in sorted(folder.iterdir()) for line in path.read_bytes().splitlines()]
    assert {type_of(line) for line in found} == set(MCPEventType)
    return found


def type_of(line):
    return json.loads(line)["mcp"]["audit"]["type"]
