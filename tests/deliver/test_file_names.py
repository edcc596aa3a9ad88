"""Names of files are bytes: any name is followed, and none can harm what shows it."""

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from shipper.deliver.pipeline import Pipeline
from shipper.follow.registry import read_positions
from shipper.shown import as_text, printable, shown
from tests.deliver.lines import append, block, config, delivered, in_passes
from tests.fakes import ScriptedOutput
from tests.integration.line import SHIPPER, ship_once

NAMES = (
    b"caf\xe9.log",
    b"\xff\xfe.log",
    b"two\nlines.log",
    b"\x1b]0;PWNED\x07z.log",
    b"\xc2\x9b31m.log",  # CSI, as one character
    b"right\xe2\x80\xaeto left.log",
    b"[red]markup.log",
    b"back\\xe9slash.log",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_followed_across_restarts(name, tmp_path, logs):
    path = Path(os.fsdecode(os.fsencode(logs) + b"/" + name))
    append(path, block([1]))
    append(logs / "good.log", block([2]))
    settings = config(tmp_path)
    assert sorted(delivered(settings)) == [1, 2]
    append(path, block([3]))
    assert delivered(settings) == [3]
    assert delivered(settings) == []
    assert os.fsencode(path) in {
        os.fsencode(one.path) for one in read_positions(settings.registry_path)
    }


def test_a_rejected_line_of_a_file_of_any_name_is_a_dead_letter(tmp_path, logs):
    append(Path(os.fsdecode(os.fsencode(logs) + b"/caf\xe9.log")), b"no json\n")
    settings = config(tmp_path)
    assert delivered(settings) == []
    (letter,) = settings.dead_letters_path.read_text().splitlines()
    assert json.loads(letter)["path"] == f"{logs}/caf\\xe9.log"


def test_a_rotated_file_whose_name_is_not_utf8_keeps_its_position(tmp_path, logs):
    path = os.fsencode(logs) + b"/caf\xe9.log"
    append(Path(os.fsdecode(path)), block(range(100)))
    settings = config(tmp_path)
    passes = in_passes(Pipeline(settings, ScriptedOutput()))
    next(passes)
    Path(os.fsdecode(path)).rename(os.fsdecode(path + b".1"))
    next(passes)
    passes.close()
    assert delivered(settings) == []


def test_a_name_is_shown_on_one_line_and_no_two_alike():
    for name in NAMES:
        text = shown(os.fsdecode(name))
        assert text.isprintable()
        exact = re.sub(
            rb"\\x([0-9a-f]{2})", lambda hit: bytes.fromhex(hit[1].decode()), text.encode()
        )
        assert exact == name
    assert shown("/var/log/größe 1.log") == "/var/log/größe 1.log"


def test_json_gets_the_exact_name_where_it_can():
    assert as_text("two\nlines\\x.log") == "two\nlines\\x.log"
    assert as_text("caf\udce9.log") == "caf\\xe9.log"


def test_a_text_of_several_lines_keeps_its_lines():
    assert printable("a\n\tb\x1b[31m\udce9\ud800") == "a\n\tb\\x1b[31m\\xe9\\xed\\xa0\\x80"


@pytest.fixture
def home(tmp_path, logs):
    """A configuration over files of all these names, one of which two inputs name."""
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(logs) + b"/" + name)).write_text("text\n")
    path = tmp_path / "c.yml"
    settings = {
        "path": {"home": str(tmp_path)},
        "inputs": [{"paths": [f"{logs}/*.log"]}, {"paths": [f"{logs}/*PWNED*"], "id": "twice"}],
        "output": {"file": {"path": str(tmp_path / "out"), "filename": "events"}},
    }
    path.write_text(json.dumps(settings))
    return tmp_path


def test_events_carry_the_name_and_the_shipper_runs_on(home):
    for _ in range(2):
        done = ship_once(home / "c.yml")
        assert done.returncode == 0, done.stderr
    lines = b"".join(one.read_bytes() for one in (home / "out").iterdir()).splitlines()
    named = [json.loads(one)["log"]["file"]["path"] for one in lines if b'"text"' in one]
    assert sorted(named) == sorted(as_text(f"{home}/logs/{os.fsdecode(name)}") for name in NAMES)


@pytest.mark.parametrize("words", [["run", "--once"], ["inspect"], ["status"], ["test", "config"]])
def test_no_name_reaches_a_terminal_as_a_control_sequence(home, words):
    if words[0] != "run":
        assert ship_once(home / "c.yml").returncode == 0
    output = _on_a_terminal([*SHIPPER, *words, "-c", str(home / "c.yml")])
    assert b"PWNED" in output or words[0] in {"status", "test"}
    for harm in (b"\x1b]0;", b"\x07", b"\xc2\x9b", b"\xe2\x80\xae"):
        assert harm not in output


def _on_a_terminal(words):
    ours, theirs = pty.openpty()
    wide = {**os.environ, "COLUMNS": "1000"}  # or a long temporary path breaks the names
    process = subprocess.Popen(words, stdout=theirs, stderr=theirs, close_fds=True, env=wide)
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except OSError:  # the terminal's other end is closed
        pass
    os.close(ours)
    process.wait(30)
    return b"".join(parts)


def test_inspect_shows_each_file_on_one_row(home):
    assert ship_once(home / "c.yml").returncode == 0
    done = subprocess.run(
        [*SHIPPER, "inspect", "-c", str(home / "c.yml")], capture_output=True, check=True
    )
    rows = [row for row in done.stdout.splitlines() if b"/logs/" in row]
    assert len(rows) == len(NAMES)
    assert b"[red]markup" in done.stdout
    words = [*SHIPPER, "inspect", "--json", "-c", str(home / "c.yml")]
    done = subprocess.run(words, capture_output=True, check=True)
    paths = {json.loads(one).get("path") for one in done.stdout.splitlines()}
    assert f"{home}/logs/caf\\xe9.log" in paths
