"""The shipper does not read its own files: each shipped line would write another."""

import json

import pytest

from shipper.config import load
from shipper.run.service import Service


def shipped(tmp_path, text):
    """What the file output has after three runs, each of which may read what the last wrote."""
    config = tmp_path / "c.yml"
    config.write_text(f"path.home: {tmp_path}\nself_audit.enabled: false\n{text}")
    for _ in range(3):
        Service(load(config, {})).drain()
    lines = (tmp_path / "out" / "mcp-shipper.ndjson").read_text().splitlines()
    return [json.loads(line).get("log", {}).get("file", {}).get("path") for line in lines]


@pytest.mark.parametrize("pattern", ["**", "**/*", "**/*.ndjson"])
@pytest.mark.parametrize("data", ["data", "logs/state"])
def test_a_pattern_that_matches_everything_ships_no_position_and_no_output(pattern, data, tmp_path):
    logs = tmp_path / "logs"
    (logs / "a").mkdir(parents=True)
    (logs / "a" / "x.ndjson").write_text("hi\n")
    state = tmp_path / data
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "secret.ndjson").write_text("hunter2\n")
    text = (
        f"path.data: {state}\ninputs: [{{paths: ['{tmp_path}/{pattern}'], "
        f"exclude_files: ['c.yml$']}}]\noutput.file: {{path: {tmp_path}/out}}\n"
    )
    assert shipped(tmp_path, text) == [str(logs / "a" / "x.ndjson")]


def test_an_input_that_names_a_path_below_the_data_reads_it(tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "x.log").write_text("hi\n")
    text = (
        f"inputs: [{{paths: ['{tmp_path}/data/*.log']}}]\noutput.file: {{path: {tmp_path}/out}}\n"
    )
    assert shipped(tmp_path, text) == [str(tmp_path / "data" / "x.log")]
