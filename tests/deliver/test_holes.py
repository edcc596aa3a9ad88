"""Files with holes: cut by copytruncate while their program writes on where it was."""

import json
import os
import shutil

import pytest

from shipper.deliver.pipeline import PipelineConfig
from shipper.follow.inputs import InputConfig
from tests.deliver.lines import block, config, dead_letters, drained, line, numbers
from tests.forms.forms import form

MIB = 1 << 20


def cut_and_written_on(path, offset, data, *, is_sparse=True):
    path.write_bytes(b"")
    with path.open("r+b") as file:
        if not is_sparse:
            file.write(bytes(offset))
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize("is_sparse", [True, False])
@pytest.mark.parametrize("size", [1, 1000, 5 * MIB, 12 * MIB, 70 * MIB])
def test_the_lines_behind_a_hole_arrive_each_once(logs, passes, size, is_sparse):
    path = logs / "a.log"
    cut_and_written_on(path, size, block([60]), is_sparse=is_sparse)
    assert passes() == [60]
    with path.open("ab") as writer:
        writer.write(bytes(size) + block([61]))
    assert passes() == [61]
    assert passes() == []


def test_copytruncate_of_a_program_that_does_not_append_loses_nothing(logs, passes):
    path = logs / "app.log"
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    for rotation in range(4):
        for n in range(3):
            os.write(file, line(10 * rotation + n, 200_000) + b"\n")
        assert passes() == [10 * rotation + n for n in range(3)]
        shutil.copyfile(path, logs / f"app.log.{9 - rotation}")
        assert passes() == []
        os.truncate(path, 0)
    os.close(file)


def test_zeros_at_the_end_of_a_file_are_room_for_what_is_written_there_later(logs, passes):
    path = logs / "a.log"
    path.write_bytes(bytes(2 * MIB))
    expected = []
    with path.open("r+b", buffering=0) as file:
        for n in range(5):
            assert passes() == []
            file.write(block([n]))
            assert passes() == [n]
            expected.append(n)


def test_text_behind_a_hole_is_flagged_and_has_its_own_offset(tmp_path, logs):
    settings = PipelineConfig(
        name="test",
        inputs=(InputConfig(paths=(str(logs / "*"),), form=form()),),
        data_path=tmp_path / "data",
    )
    cut_and_written_on(logs / "a.log", 12 * MIB, b"line 60\nline 61\n\0\0\0line 62\n")
    events = [json.loads(one) for one in drained(settings)[1].taken]
    assert [(one["message"], one["log"].get("flags")) for one in events] == [
        ("line 60", ["hole"]),
        ("line 61", None),
        ("line 62", ["hole"]),
    ]
    assert [one["log"]["offset"] - 12 * MIB for one in events] == [0, 8, 19]


def test_a_line_over_the_limit_behind_a_hole_is_rejected_and_the_next_one_arrives(tmp_path, logs):
    settings = config(tmp_path, max_line_bytes=2 * MIB)
    cut_and_written_on(logs / "a.log", 3 * MIB, b"x" * (4 * MIB) + b"\n" + block([1]))
    assert numbers(drained(settings)[1].taken) == [1]
    (letter,) = dead_letters(settings)
    assert letter["length"] == 4 * MIB
