"""Under logrotate itself, as it is configured everywhere, each line arrives once."""

import subprocess
from itertools import count

import pytest

from shipper.deliver.pipeline import Pipeline
from shipper.follow.registry import read_positions
from tests.deliver.lines import append, block, config, in_passes, numbers
from tests.fakes import ScriptedOutput

CONFIGURATIONS = {
    "plain": "",
    "compress": "compress",
    "delaycompress": "compress\n delaycompress",
    "copytruncate": "copytruncate",
    "copytruncate and compress": "copytruncate\n compress",
    "copytruncate and delaycompress": "copytruncate\n compress\n delaycompress",
    "dateext": "compress\n dateext\n dateformat -%Y%m%d-TURN",
    "create": "create\n compress\n nodelaycompress",
}


@pytest.mark.parametrize("options", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
@pytest.mark.parametrize("size", [0, 500])
@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "running"])
def test_each_line_arrives_once_whatever_logrotate_does(
    tmp_path, logrotate, options, size, is_stopped
):
    """With lines of one fingerprint's size and less; some are there that nobody has read."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    path = logs / "app.log"
    settings = config(tmp_path, str(logs / "*"))
    output = ScriptedOutput()
    running = in_passes(Pipeline(settings, output))
    number = count()
    for turn in range(6):
        append(path, block([next(number)], size))
        if turn % 3 != 1:
            next(running)
        append(path, block([next(number)], size) * (turn % 2))
        if is_stopped:
            running.close()
        rotation = tmp_path / f"logrotate-{turn}.conf"
        rotation.write_text(f"{path} {{\n rotate 9\n {options}\n}}\n".replace("TURN", str(turn)))
        command = [logrotate, "--force", "--state", tmp_path / "state", rotation]
        subprocess.run(command, check=True, capture_output=True)
        if is_stopped:
            running = in_passes(Pipeline(settings, output))
        if turn % 2:
            next(running)
    next(running)
    next(running)
    running.close()
    written = numbers(output.taken)
    assert sorted(written) == [n for n in range(next(number)) if n % 2 == 0 or n % 4 == 3]
    there = {str(one) for one in logs.iterdir() if one.stat().st_size}
    assert {one.path for one in read_positions(settings.registry_path)} >= there
