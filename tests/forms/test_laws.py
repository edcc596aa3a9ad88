"""However a file is read, its events are the same; and a crash neither loses nor doubles any."""

import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shipper.follow.inputs import InputConfig
from shipper.follow.registry import read_positions
from shipper.forms.base import Block
from tests.deliver.lines import append, config, drained
from tests.fakes import Killed, ScriptedOutput, killed_after
from tests.forms.forms import form


def parsers(*more, **keys):
    """The form with these parsers; a message held back waits for an hour."""
    made = form(parsers=list(more), **keys)
    steps = [replace(one, timeout_s=3600.0) if one.timeout_s else one for one in made.parsers]
    return replace(made, parsers=steps)


CONTAINER = {"container": {}}
AFTER = {"multiline": {"pattern": "^[ b]", "max_lines": 3}}
BEFORE = {"multiline": {"pattern": "b$", "match": "before", "max_lines": 3}}
FORMS = {
    "text": parsers(),
    "strict": parsers({"ndjson": {"message_key": "m"}}),
    "filters": parsers(include_lines=["a"], exclude_lines=["b"]),
    "after": parsers(AFTER),
    "before": parsers(BEFORE, message_max_bytes=8),
    "count": parsers({"multiline": {"type": "count", "count_lines": 2}}),
    "while": parsers({"multiline": {"type": "while_pattern", "pattern": "a"}}),
    "flush": parsers({"multiline": {**AFTER["multiline"], "flush_pattern": "c"}}),
    "container": parsers(CONTAINER),
    "stderr": parsers({"container": {"stream": "stderr"}}),
    "all": parsers(CONTAINER, {"include_message": {"patterns": ["[abc]"]}}, AFTER),
}

TEXTS = st.text("ab c{", max_size=8).map(str.encode)
PLAIN = TEXTS | st.sampled_from([b'{"a":1}', b'{"m":"b"}', b"\xff", b"\r", b"b" * 200, b" "])
STREAMS = st.sampled_from([b"stdout P", b"stdout F", b"stderr P", b"stderr F"])
CRI = st.builds(lambda how, text: b"2016-10-06T00:17:09Z %b %b" % (how, text), STREAMS, PLAIN)
LINES = st.lists(PLAIN, max_size=12) | st.lists(CRI | PLAIN, max_size=16)


def sifted(form_, data, reads, limit, path="/a"):
    """The result of reading up to each of `reads` in turn, and then to the end."""
    position, lines, others = 0, [], []
    for look in (*reads, len(data)):
        end = max(position, data.rfind(b"\n", 0, look) + 1)
        if end == position and end < len(data):
            continue
        block = Block(data[position:end], position, path, limit, is_last=end == len(data))
        found = form_.sift(block)
        starts = [position + start for start in found.lines.starts()]
        offsets = starts if found.offsets is None else found.offsets
        for offset, line in zip(offsets, found.lines, strict=True):
            event = json.loads(line)
            event.pop("@timestamp", None)
            lines.append((offset, event))
        others += [found.rejects, found.filtered, found.truncated]
        position = end - found.waiting_bytes
        assert all(offset < position for offset in offsets)
    assert position == len(data)
    return lines, [one for kind in others for one in kind]


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(FORMS)),
    lines=LINES,
    reads=st.lists(st.integers(0, 600)).map(sorted),
    limit=st.sampled_from([60, 150, 10 << 20]),
)
def test_however_a_file_is_cut_into_blocks_its_events_are_the_same(name, lines, reads, limit):
    data = b"".join(line + b"\n" for line in lines)
    cut, at_once = (sifted(FORMS[name], data, ends, limit) for ends in (reads, []))
    assert cut[0] == at_once[0]
    assert sorted(map(repr, cut[1])) == sorted(map(repr, at_once[1]))


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(FORMS)),
    pieces=st.lists(LINES, min_size=1, max_size=4),
    deaths=st.lists(st.integers(0, 4), max_size=12),
    max_lines=st.integers(1, 4),
)
def test_a_crash_between_any_two_batches_neither_loses_nor_doubles(name, pieces, deaths, max_lines):
    home = Path(tempfile.mkdtemp())
    try:
        path = home / "logs" / "a.log"
        path.parent.mkdir()
        inputs = (InputConfig(paths=(str(path),), form=FORMS[name]),)
        settings_ = replace(config(home), inputs=inputs, max_lines=max_lines, max_line_bytes=150)
        taken = []
        for lines in pieces:
            append(path, b"".join(line + b"\n" for line in lines))
            taken += arrived(settings_, deaths)
        data = path.read_bytes()
        position = sum(one.offset for one in read_positions(settings_.registry_path))
        whole, rest = (
            sifted(FORMS[name], part, [], 150, str(path))[0] for part in (data, data[position:])
        )
        assert taken == [event for _, event in whole][: len(whole) - len(rest)]
    finally:
        shutil.rmtree(home)


def test_a_line_is_not_cut_from_parts_that_started_before_its_event():
    text, part = b"a", b"2016-10-06T00:17:09Z stdout P  "
    pieces = [[text, part, text, b"2016-10-06T00:17:09Z stdout F a"]]
    law = test_a_crash_between_any_two_batches_neither_loses_nor_doubles.hypothesis.inner_test
    law("all", pieces, [], 1)


def arrived(settings_, deaths):
    """What arrives when it is started again until a run is not killed."""
    lines, is_alive = [], False
    while not is_alive:
        is_alive = not deaths
        output = killed_after(deaths.pop()) if deaths else ScriptedOutput()
        with suppress(Killed):
            drained(settings_, output)
        lines += map(json.loads, output.taken)
    for event in lines:
        event.pop("@timestamp", None)
    return lines
