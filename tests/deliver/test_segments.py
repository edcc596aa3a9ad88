"""Segments of audit streams, which are recognized by their first line."""

import os
import shutil

import pytest

from shipper import AuditHandler, create_compliance_event
from shipper.deliver.pipeline import Pipeline
from shipper.follow.registry import read_positions
from tests.deliver.lines import append, block, config, drained, in_passes, numbers
from tests.fakes import ScriptedOutput


@pytest.fixture
def recorder(logs):
    """Writes segments of three events each: the first and the last line, and one between."""
    handler = AuditHandler(logs, max_bytes=1500)
    yield handler
    handler.close()


def record(handler, events):
    for _ in range(events):
        handler.record_self_audit(create_compliance_event("thing"))


def segments(logs):
    return sorted(logs.glob("*.jsonl"))


def lines_of(*paths):
    return [line for path in paths for line in path.read_bytes().splitlines()]


def settings(home, **options):
    return config(home, str(home / "logs" / "*"), **options)


def test_a_segment_is_read_only_when_all_before_it_is_settled(tmp_path, logs, recorder):
    record(recorder, 20)
    recorder.close()
    assert len(segments(logs)) > 5
    _, output = drained(settings(tmp_path))
    assert output.taken == lines_of(*segments(logs))
    for sent in output.sent:
        assert len({line for line in sent if b"segment-start" in line}) <= 1


def test_streams_do_not_wait_for_each_other(tmp_path, logs):
    for number in range(20):  # in one directory, handlers of one process share a stream
        folder = tmp_path / str(number)
        handler = AuditHandler(folder)
        record(handler, 1)
        handler.close()
        for segment in segments(folder):
            segment.rename(logs / segment.name)
    pipeline, output = drained(settings(tmp_path))
    assert sorted(output.taken) == sorted(lines_of(*segments(logs)))
    assert pipeline.stats.batches == 1


def test_a_new_start_continues_in_the_segment_where_the_last_ended(tmp_path, logs, recorder):
    record(recorder, 3)
    first = drained(settings(tmp_path))[1].taken
    record(recorder, 10)
    second = drained(settings(tmp_path))[1].taken
    assert first + second == lines_of(*segments(logs))


def test_a_segment_that_has_been_moved_is_the_same_segment(tmp_path, logs, recorder):
    record(recorder, 4)
    before = drained(settings(tmp_path))[1].taken
    for path in segments(logs)[:-1]:
        shutil.copy(path, logs / f"moved-{path.name}")  # as to another disk: another inode
        path.unlink()
    record(recorder, 1)
    after = drained(settings(tmp_path))[1].taken
    here = [path for path in segments(logs) if not path.name.startswith("moved")]
    assert after == [line for line in lines_of(*here) if line not in before]


def test_a_copy_of_a_segment_beside_it_is_not_sent(tmp_path, logs, recorder):
    record(recorder, 2)
    (path, *_) = segments(logs)
    shutil.copy(path, logs / "backup")
    output = drained(settings(tmp_path))[1]
    assert sorted(output.taken) == sorted(set(output.taken))


def test_a_file_that_claims_to_be_a_segment_that_is_there_is_sent_and_holds_nothing_back(
    tmp_path, logs, recorder
):
    record(recorder, 4)
    genesis = lines_of(segments(logs)[0])[0]
    append(
        logs / "0-forged", genesis.replace(b'"outcome":"success"', b'"outcome":"failure"') + b"\n"
    )
    append(logs / "0-forged", block([1, 2]))
    taken = drained(settings(tmp_path))[1].taken
    assert set(lines_of(*segments(logs))) < set(taken)
    assert set(block([1, 2]).splitlines()) < set(taken)


def test_a_line_of_a_segment_without_its_newline_does_not_count_yet(tmp_path, logs, recorder):
    record(recorder, 1)
    (path,) = segments(logs)
    size = path.stat().st_size
    whole = lines_of(path)
    os.truncate(path, size - 1)
    assert drained(settings(tmp_path))[1].taken == whole[:-1]
    append(path, b"\n")
    assert drained(settings(tmp_path))[1].taken == whole[-1:]


def test_a_torn_first_line_is_waited_for(tmp_path, logs, recorder, caplog):
    record(recorder, 1)
    (path,) = segments(logs)
    data = path.read_bytes()
    path.write_bytes(data[:300])
    output = ScriptedOutput()
    passes = in_passes(Pipeline(settings(tmp_path), output))
    next(passes)
    assert output.taken == []
    assert f"{path}: the line at offset 0 is incomplete (300 bytes)" in caplog.text
    path.write_bytes(data)
    next(passes)
    passes.close()
    assert output.taken == data.splitlines()
    assert read_positions(settings(tmp_path).registry_path)[0].segment == 1


def test_a_torn_last_line_of_a_segment_does_not_hold_back_the_next(
    tmp_path, logs, recorder, caplog
):
    record(recorder, 4)
    first, *others = segments(logs)
    torn = first.read_bytes()[:-7]
    first.write_bytes(torn)
    taken = drained(settings(tmp_path))[1].taken
    assert taken == [*torn.splitlines()[:-1], *lines_of(*others)]
    assert ", and the stream continues in another segment" in caplog.text


def test_a_missing_segment_holds_nothing_back(tmp_path, logs, recorder):
    record(recorder, 6)
    (first, second, *others) = segments(logs)
    second.unlink()
    assert drained(settings(tmp_path))[1].taken == lines_of(first, *others)


def test_a_foreign_file_of_ecs_lines_is_no_segment(tmp_path, logs):
    line = b'{"@timestamp":"2026-01-01T00:00:00Z","message":"audit-segment-start: success"}'
    append(logs / "a.log", line + b"\n" + block([1]) + b'{"n":2}')
    taken = drained(settings(tmp_path))[1].taken
    assert taken[0] == line
    assert numbers(taken[1:]) == [1, 2]
    assert [one.stream for one in read_positions(settings(tmp_path).registry_path)] == [""]
