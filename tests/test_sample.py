"""The sample month: determined by its seed, within its days, written by the real handler."""

import json
from collections import Counter

from shipper.catalog import MCPEventType
from shipper.record.format import CONTROL_EVENTS, first_break, iso_timestamp, streams_in
from shipper.sample import write_sample

END_S = 1_795_530_600


def events_of(directory):
    for path in sorted(directory.iterdir()):
        for line in path.read_bytes().splitlines():
            yield json.loads(line)


def story(directory):
    """The events of the story, without the control events."""
    control = {event.action for event in CONTROL_EVENTS}
    return Counter(
        (one["@timestamp"], one["mcp"]["audit"]["type"], one.get("user", {}).get("id"))
        for one in events_of(directory)
        if one["event"]["action"] not in control
    )


def test_a_seed_gives_the_same_story_again_and_another_seed_another(tmp_path):
    counts = [
        write_sample(tmp_path / name, days=2, seed=seed, end_s=END_S)
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    ]
    assert counts[0] == counts[1] == story(tmp_path / "a").total()
    assert story(tmp_path / "a") == story(tmp_path / "b")
    assert story(tmp_path / "a") != story(tmp_path / "c")


def test_a_sample_holds_every_event_type_within_its_days(tmp_path):
    write_sample(tmp_path, days=3, end_s=END_S)
    rows = story(tmp_path)
    assert {kind for _, kind, _ in rows} == set(MCPEventType)
    times = [time for time, _, _ in rows]
    assert iso_timestamp(END_S - 3 * 86_400) <= min(times)
    assert max(times) <= iso_timestamp(END_S)


def test_a_sample_ends_its_segments_when_they_ended(tmp_path):
    write_sample(tmp_path, days=30, end_s=END_S)
    ends = [one for one in events_of(tmp_path) if one["event"]["action"] == "audit-segment-end"]
    assert min(one["@timestamp"] for one in ends) < iso_timestamp(END_S)


def test_a_sample_is_chained_and_redacted_like_any_record(tmp_path):
    write_sample(tmp_path, days=1, end_s=END_S)
    streams = streams_in(tmp_path).values()
    assert len(streams) == 4
    for files in streams:
        lines = [line for path in files for line in path.read_bytes().splitlines()]
        assert first_break(lines) is None
        assert b"hunter2" not in b"".join(lines)
