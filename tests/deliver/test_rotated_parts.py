"""Container logs whose runtime rotates them between two parts of a line."""

import json

import pytest
from msgspec.structs import replace

from shipper.deliver.pipeline import Pipeline
from shipper.follow.inputs import InputConfig
from shipper.forms.text.container import Container
from shipper.forms.text.form import Text
from tests.deliver.lines import append, config, in_passes
from tests.fakes import ScriptedOutput


def cri(text, tag="F", stream="stdout"):
    return f"2026-11-29T10:00:03.123Z {stream} {tag} {text}\n".encode()


def docker(text, end="\n"):
    line = {"log": text + end, "stream": "stdout", "time": "2026-11-29T10:00:03Z"}
    return json.dumps(line).encode() + b"\n"


OPEN, REST = cri('{"n":2,"msg":"first ha', "P"), cri('lf and second"}')


@pytest.fixture
def follow(tmp_path):
    """Starts a pipeline over the logs of containers, after the end of the one before.

    A call of the result scans once, and returns the events.
    """
    running = []

    def stop():
        while running:
            running.pop().close()

    def start(*patterns):
        stop()
        text = Text(parsers=[Container(timeout_s=0)])  # an open part is sent immediately
        settings = replace(config(tmp_path), inputs=(InputConfig(paths=patterns, form=text),))
        output = ScriptedOutput()
        passes = in_passes(Pipeline(settings, output))
        running.append(passes)

        def scan_once():
            output.taken.clear()
            next(passes)
            return [json.loads(one) for one in output.taken]

        return scan_once

    yield start
    stop()


def shown(events):
    """The texts with their flags; an object that was sent as such is its own text."""
    return [(one.get("message", one.get("n")), one["log"].get("flags", [])) for one in events]


def halves(scan_once, old, new, first, rest):
    """The events of a file that ends within a line, and of the one after it."""
    append(new, first)
    found = scan_once()
    new.rename(old)
    append(new, rest)
    return found + scan_once() + scan_once()


@pytest.mark.parametrize("pattern", ["links/*.log", "pods/*", "pods/*.log"])
@pytest.mark.parametrize("is_early", [True, False])
def test_what_begins_a_file_behind_an_open_part_is_marked(tmp_path, follow, pattern, is_early):
    path = tmp_path / "pods" / "0.log"
    path.parent.mkdir()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "app.log").symlink_to(path)
    rotated = path.with_name("0.log.20261129-100003")
    path.with_name("0.log.20261129-090000").write_bytes(cri("complete"))
    scan_once = follow(str(tmp_path / pattern))
    scan_once()
    if is_early:
        append(path, cri("before"))
        scan_once()
    found = halves(scan_once, rotated, path, OPEN, cri("other", stream="stderr") + REST * 2)
    assert sorted(shown(found), key=repr) == sorted(
        [
            ('{"n":2,"msg":"first ha', ["partial"]),
            ("other", []),
            ('lf and second"}', ["continued"]),
            ('lf and second"}', []),
        ],
        key=repr,
    )


def test_what_follows_an_open_part_is_marked_after_a_restart_too(tmp_path, logs, follow):
    path = logs / "0.log"
    append(path.with_name("0.log.20261129-100003"), OPEN)
    append(path, cri("other", stream="stderr"))
    found = follow(str(logs / "*"))()
    append(path, REST + REST)
    found += follow(str(logs / "*"))()
    assert [one for one in shown(found) if one[0].startswith("lf")] == [
        ('lf and second"}', ["continued"]),
        ('lf and second"}', []),
    ]


def test_docker_numbers_the_files_that_it_rotates(logs, follow):
    path = logs / "0a1b-json.log"
    scan_once = follow(str(logs / "*"))
    found = halves(
        scan_once,
        path.with_name("0a1b-json.log.1"),
        path,
        docker("first ha", end=""),
        docker("lf") * 2,
    )
    assert shown(found) == [("first ha", ["partial"]), ("lf", ["continued"]), ("lf", [])]


@pytest.mark.parametrize("end", [cri("complete"), b"no container wrote this\n", b""])
def test_a_file_behind_a_complete_line_is_not_marked(logs, follow, end):
    append(logs / "0.log.20261129-090000", OPEN)
    append(logs / "0.log.20261129-100003", end)
    append(logs / "0.log", REST)
    events = follow(str(logs / "0.log"))()
    assert shown(events) == [('lf and second"}', [])]


def test_a_link_in_place_of_the_earlier_file_is_not_read(tmp_path, logs, follow):
    append(tmp_path / "elsewhere", OPEN)
    (logs / "0.log.20261129-100003").symlink_to(tmp_path / "elsewhere")
    append(logs / "0.log", REST)
    assert shown(follow(str(logs / "0.log"))()) == [('lf and second"}', [])]


def test_however_a_file_is_split_into_blocks_the_same_part_continues(logs, follow):
    append(logs / "0.log.20261129-100003", OPEN + cri("a", "P", "stderr"))
    append(logs / "0.log", b"")
    scan_once = follow(str(logs / "0.log"))
    found = []
    for one in (cri("b", stream="stderr"), cri("c", stream="stderr"), REST, REST):
        append(logs / "0.log", one)
        found += shown(scan_once())
    assert found == [
        ("b", ["continued"]),
        ("c", []),
        ('lf and second"}', ["continued"]),
        ('lf and second"}', []),
    ]
