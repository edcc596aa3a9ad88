"""Two streams of a container, interleaved and split into parts, which `container` joins again.

Each part has a token of its own, so the tests can check what arrived without knowing the joining.
"""

import json
import re
import shutil
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shipper.follow.inputs import InputConfig
from shipper.follow.registry import read_positions
from tests.deliver.lines import append, config, drained
from tests.fakes import Killed, killed_after
from tests.forms.test_laws import parsers

CONTAINER = {"container": {}}
MULTILINE = {
    "after": {"pattern": r"^\s", "max_lines": 3},
    "before": {"pattern": r"\+$", "match": "before", "max_lines": 3},
    "negated": {"pattern": "^<", "negate": True},
    "flush": {"pattern": r"^\s", "flush_pattern": r"\+"},
    "count": {"type": "count", "count_lines": 2},
    "while": {"type": "while_pattern", "pattern": r"^\s"},
}
FORMS = {
    f"{name} {limit}": parsers(CONTAINER, {"multiline": options}, message_max_bytes=limit)
    for name, options in MULTILINE.items()
    for limit in (40, 10 << 20)
}

#: A part of a line: its stream, whether the line ends with it, what is printed around the token.
PARTS = st.tuples(
    st.sampled_from(["stdout", "stderr"]),
    st.booleans(),
    st.sampled_from(["%s", " %s", "%s+", "x%s", '{"a":"%s"}']),
)


def runtime_line(number, part, *, is_docker):
    stream, is_last, form = part
    text = form % f"<{number}>"
    if is_docker:
        log = text + "\n" * is_last
        line = json.dumps({"log": log, "stream": stream, "time": "2016-10-06T00:17:09Z"})
    else:
        line = f"2016-10-06T00:17:09Z {stream} {'F' if is_last else 'P'} {text}"
    return f"{line}\n".encode()


def tokens(data):
    return [int(found) for found in re.findall(rb"<(\d+)>", data)]


def pieces(data, cuts):
    ends = [*sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def is_mixed(line, parts):
    """Whether the event has lines of both streams; it starts where the earlier of them starts."""
    return len({parts[token][0] for token in tokens(line)}) > 1


def shipped(settings_, deaths, arrived):
    """Start again until a run is not killed; return whether a batch arrived without a position."""
    is_forgotten = False
    while deaths:
        batches, is_taken = deaths.pop()
        output = killed_after(batches, is_taken=is_taken)
        try:
            drained(settings_, output)
        except Killed:
            is_forgotten |= is_taken
        arrived += output.taken
    arrived += drained(settings_)[1].taken
    return is_forgotten


#: An open event whose second line started before its first.
STARTED_BEFORE = [
    ("stdout", False, " %s"),
    ("stderr", True, "%s"),
    ("stdout", True, "%s"),
]


@settings(max_examples=120, deadline=None)
@example(
    name="after 10485760", parts=STARTED_BEFORE, is_docker=False, cuts=[], deaths=[], max_lines=1
)
@given(
    name=st.sampled_from(sorted(FORMS)),
    parts=st.lists(PARTS, min_size=1, max_size=24),
    is_docker=st.booleans(),
    cuts=st.lists(st.integers(0, 2000), max_size=4),
    deaths=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=8),
    max_lines=st.integers(1, 4),
)
def test_what_two_streams_print_in_turn_arrives_complete_and_in_order(
    name, parts, is_docker, cuts, deaths, max_lines
):
    data = b"".join(runtime_line(n, part, is_docker=is_docker) for n, part in enumerate(parts))
    home = Path(tempfile.mkdtemp())
    try:
        path = home / "logs" / "a.log"
        path.parent.mkdir()
        inputs = (InputConfig(paths=(str(path),), form=FORMS[name]),)
        settings_ = replace(config(home), inputs=inputs, max_lines=max_lines)
        arrived, is_forgotten = [], False
        for piece in pieces(data, cuts):
            append(path, piece)
            is_forgotten |= shipped(settings_, deaths, arrived)
        settled = sum(one.offset for one in read_positions(settings_.registry_path))
        found = [token for line in arrived for token in tokens(line)]
        assert sorted(set(found)) == tokens(data[:settled])
        assert is_forgotten or len(found) == len(set(found))
        if not is_forgotten and not any(is_mixed(line, parts) for line in arrived):
            for stream in ("stdout", "stderr"):
                of_it = [token for token in found if parts[token][0] == stream]
                assert of_it == sorted(of_it)
    finally:
        shutil.rmtree(home)
