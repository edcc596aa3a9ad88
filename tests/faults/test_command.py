"""`mcp-shipper faults` as a person uses it: a server, a shipper, a verdict."""

import subprocess
import sys

import pytest

from shipper.cli import main
from tests.deliver.lines import block
from tests.integration.line import configuration, ship_once

FAULTS = [sys.executable, "-m", "shipper", "faults"]


def started(*arguments):
    """The fault server as a process, and where it listens."""
    command = [*FAULTS, *map(str, arguments), "--listen", "127.0.0.1:0", "--field", "n"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().split()[-1]


def verdict(process):
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize(
    ("kind", "output", "scheme", "script"),
    [
        ("lumberjack", "logstash", "", "ack 10%, ok; ok, ok"),
        ("elasticsearch", "elasticsearch", "http://", "items 429 10%"),
    ],
)
def test_a_shipper_that_loses_nothing_ends_the_server_with_0(
    kind, output, scheme, script, tmp_path
):
    (tmp_path / "a.log").write_bytes(block(range(300)))
    process, address = started(kind, "--script", script, "--expect", tmp_path / "a.log")
    outputs = {output: {"hosts": [scheme + address], "bulk_max_size": 100}}
    assert ship_once(configuration(tmp_path, [tmp_path / "a.log"], outputs)).returncode == 0
    code, said = verdict(process)
    assert code == 0
    assert script.split(";")[0] in said
    assert ["lost", "0"] in map(str.split, said.splitlines())


def test_what_does_not_come_in_time_is_lost_and_the_server_ends_with_1(tmp_path):
    (tmp_path / "a.log").write_bytes(block(range(300)))
    process, _ = started("lumberjack", "--expect", tmp_path / "a.log", "--for", "0.2")
    code, said = verdict(process)
    assert code == 1
    assert ["lost", "300"] in map(str.split, said.splitlines())
    assert "first lost: 0, 1, 2, 3, 4" in said


def test_a_proxy_runs_until_it_is_told_to_end():
    process, address = started("lumberjack")
    command = [*FAULTS, "proxy", "--listen", "127.0.0.1:0", "--to", address]
    proxy = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert proxy.stdout.readline().startswith("listening on ")
    for one in (proxy, process):
        one.terminate()
        assert verdict(one)[0] == 0


def test_the_words_of_scripts_can_be_listed(capsys):
    assert main(["faults", "actions"]) == 0
    assert "  reset [at SIZE]" in capsys.readouterr().out


def test_a_wrong_word_is_told_before_anything_listens(capsys):
    assert main(["faults", "lumberjack", "--script", "explode"]) == 78
    assert "'explode' is none of: ok; silence [TIME];" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_told(capsys, tmp_path):
    assert main(["faults", "lumberjack", "--expect", str(tmp_path / "no")]) == 78
    assert main(["faults", "lumberjack", "--pem", str(tmp_path / "no")]) == 78
    assert capsys.readouterr().err.count(str(tmp_path / "no")) == 2
