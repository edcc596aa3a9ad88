"""`verify --sql`: the statement, run by the engine that it is for."""

import gzip
import random
import shutil

import duckdb
import pytest

from shipper.cli import main
from shipper.evidence.sql import statement
from shipper.evidence.verdict import PROVEN, Word
from tests.evidence import tampering
from tests.evidence.clean import clean_set
from tests.evidence.signed_record import SignedRecord
from tests.evidence.test_tampering import streams_of, write

ROUNDS = 8
#: The statement reads lines in the order of their sequences, so their order in files is not seen.
BY_ORDER = (tampering.swap, tampering.move)
SEEN = [one for one in tampering.TAMPERINGS if one not in BY_ORDER]


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    made = SignedRecord(tmp_path_factory.mktemp("record"))
    made.write(24)
    made.write(15)
    made.sign()
    return made


def words(record):
    rows = duckdb.sql(statement([record.audit], record.trust())).fetchall()
    return {stream: (word, sequence) for stream, _, _, word, sequence in rows}


def test_a_clean_record_is_intact_also_when_it_was_pruned_and_packed(tmp_path):
    for number in (1, 2, 3, 5):
        record = clean_set(tmp_path / str(number), number)
        shutil.rmtree(record.audit / "backup", ignore_errors=True)  # a copy is a duplicate here
        for path in record.audit.glob("*.gz"):
            path.with_suffix("").unlink(missing_ok=True)
        assert {one.word for one in record.verdicts()} <= PROVEN
        assert {word for word, _ in words(record).values()} == {"intact"}


def test_the_end_that_is_not_signed_is_named(record, tmp_path):
    copy = record.copy_to(tmp_path)
    copy.write(3)
    assert sorted(word for word, _ in words(copy).values()) == ["intact", "intact", "unsigned-tail"]


@pytest.mark.parametrize("how", [*SEEN, *tampering.WITH_ANOTHER_STREAM], ids=lambda f: f.__name__)
def test_the_statement_finds_every_tampering_but_the_order_of_lines(how, record, tmp_path):
    copy = record.copy_to(tmp_path)
    dice, original, wrong = random.Random(how.__name__), streams_of(copy), []
    for number in range(ROUNDS):
        stream, other = dice.sample(list(original), 2)
        segments = [list(lines) for _, lines in original[stream]]
        more = [[lines for _, lines in original[other]]]
        done = how(segments, dice, *(more if how in tampering.WITH_ANOTHER_STREAM else ()))
        if done is None:
            continue
        for (path, _), lines in zip(original[stream], segments, strict=True):
            write(path, lines)
        found = words(copy)
        if all(word == "intact" for word, _ in found.values()):
            wrong.append((number, done, found))
        for path, lines in original[stream]:
            write(path, lines)
    assert wrong == []


def test_the_first_bad_event_is_the_one_that_verify_names(record, tmp_path):
    copy = record.copy_to(tmp_path)
    path = copy.segments()[1]
    path.write_bytes(path.read_bytes().replace(b'"pid":', b'"pid":1', 1))
    (bad,) = [one for one in copy.verdicts() if one.word is Word.EDITED]
    assert words(copy)[bad.stream] == ("edited", bad.sequence)


def test_archives_and_names_with_quotes_are_read(record, tmp_path):
    copy = record.copy_to(tmp_path / "it's")
    for path in copy.segments():
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert {word for word, _ in words(copy).values()} == {"intact"}


def test_a_history_that_was_written_again_without_the_key_is_found_by_the_signed_heads(
    record, tmp_path
):
    copy = record.copy_to(tmp_path)
    stream = next(iter(streams_of(copy)))
    rows = streams_of(copy)[stream]
    segments = [lines for _, lines in rows]
    segments[0][2] = segments[0][2].replace(b'"pid":', b'"pid":1', 1)
    tampering.chain(segments)
    for (path, _), lines in zip(rows, segments, strict=True):
        write(path, lines)
    assert words(copy)[stream][0] == "edited"


def test_the_command_prints_the_statement(record, capsys):
    options = ["--evidence", str(record.evidence), "--sql", "duckdb"]
    assert main(["verify", str(record.audit), *options]) == 0
    rows = duckdb.sql(capsys.readouterr().out).fetchall()
    assert len(rows) == 2
