"""`… | mcp-shipper run`: all of it arrives, and a kill loses nothing that was taken."""

import json
import subprocess

from tests.integration.line import SHIPPER
from tests.real.processes import wait_until


def configured(home, **output):
    path = home / "c.yml"
    settings = {
        "path": {"home": str(home)},
        "inputs": [{"type": "stdin", "id": "pipe", "parsers": [{"ndjson": {}}]}],
        "output": {"file": {"path": str(home / "out"), "filename": "events"}} | output,
        "self_audit": {"enabled": False},
    }
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def lines(first, last):
    return b"".join(b'{"n":%d}\n' % number for number in range(first, last))


def run_once(config, data):
    return subprocess.run(
        [*SHIPPER, "run", "--once", "-c", str(config)],
        input=data,
        capture_output=True,
        timeout=60,
        check=True,
    )


def arrived(home):
    paths = sorted((home / "out").glob("events*"))
    return [json.loads(one)["n"] for path in paths for one in path.read_bytes().splitlines()]


def kept(home):
    paths = (home / "data" / "stdin").glob("*.spool")
    return sum(len(path.read_bytes().partition(b"\n")[2]) for path in paths)


def test_a_pipe_is_shipped_to_its_end_and_leaves_nothing_behind(tmp_path):
    run_once(configured(tmp_path), lines(0, 20_000)[:-1])
    assert arrived(tmp_path) == list(range(20_000))
    assert list((tmp_path / "data" / "stdin").iterdir()) == []
    run_once(configured(tmp_path), lines(20_000, 20_003))
    assert arrived(tmp_path) == list(range(20_003))


def test_what_was_taken_from_a_pipe_survives_a_kill(tmp_path):
    away = {"logstash": {"hosts": ["127.0.0.1:1"]}}
    command = [*SHIPPER, "run", "-c", str(configured(tmp_path, **away))]
    shipper = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    shipper.stdin.write(lines(0, 500))
    shipper.stdin.flush()
    wait_until(lambda: kept(tmp_path) == len(lines(0, 500)), 20, "lines on the disk")
    wait_until(lambda: arrived(tmp_path), 20, "lines at the output that works")
    shipper.kill()
    shipper.wait(10)
    shipper.stdin.close()
    run_once(configured(tmp_path), b"")
    assert sorted(set(arrived(tmp_path))) == list(range(500))
