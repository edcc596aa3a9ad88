"""The ledger: what it calls lost, duplicated, out of order, unknown, refused."""

import re
from dataclasses import asdict

import pytest

from shipper.faults.ledger import Ledger
from tests.deliver.lines import block, line


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, numbers in zip(paths, (range(5), range(5, 10)), strict=True):
        path.write_bytes(block(numbers))
    return paths


def report(ledger):
    made = asdict(ledger.report())
    return {name: value for name, value in made.items() if value and name != "expected"}


def test_all_of_each_file_in_its_order_is_complete_whichever_file_comes_first(files):
    ledger = Ledger("n", files)
    for first, second in zip(range(5, 10), range(5), strict=True):
        assert not ledger.is_complete
        ledger.take([line(first), line(second)])
    assert ledger.is_complete
    assert report(ledger) == {"acknowledged": 10}


def test_the_missing_are_lost_and_the_first_are_named(files):
    ledger = Ledger("n", files)
    ledger.take(map(line, [0, 9]))
    assert report(ledger) == {
        "acknowledged": 2,
        "lost": 8,
        "lost_keys": ["1", "2", "3", "4", "5"],
    }


def test_each_time_more_is_a_duplicate_and_no_disorder(files):
    ledger = Ledger("n", files)
    ledger.take(map(line, [*range(10), 3, 3, 4]))
    assert report(ledger) == {"acknowledged": 13, "duplicated": 3, "duplicated_keys": ["3", "4"]}


def test_a_line_behind_a_later_one_of_its_file_is_out_of_order(files):
    ledger = Ledger("n", files)
    ledger.take(map(line, [0, 2, 1, 3, 4, 9, 8, 7, 6, 5]))
    assert report(ledger) == {"acknowledged": 10, "out_of_order": 5}


def test_what_is_in_no_file_is_unknown(files):
    ledger = Ledger("n", files)
    ledger.take(map(line, [*range(10), 77]))
    assert report(ledger) == {"acknowledged": 11, "unknown": 1}


def test_lines_that_are_refused_are_not_expected(files):
    ledger = Ledger("n", files, re.compile(rb'"n": [37]'))
    ledger.take(map(line, [0, 1, 2, 4, 5, 6, 8, 9]))
    assert ledger.is_complete
    assert report(ledger) == {"acknowledged": 8, "refused": 2}


def test_a_field_may_lie_deep_and_a_line_without_it_stands_for_itself(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b'{"event":{"id":"x"}}\nplain text\n{"event":3}\n[1]\n\n')
    ledger = Ledger("event.id", [path])
    ledger.take([b'{"other":1,"event":{"id":"x"}}', b"plain text", b'{"event":3}', b"[1]"])
    assert report(ledger) == {"acknowledged": 4}
