"""Random tampering, each with the word that it gets."""

import os
import random
import shutil
from multiprocessing import get_context

import pytest

from shipper.evidence.verdict import PROVEN, Word
from tests.evidence.clean import clean_set
from tests.evidence.signed_record import SignedRecord, later
from tests.evidence.tampering import TAMPERINGS, WITH_ANOTHER_STREAM

#: How often each tampering is tried, and how many clean sets; `python -m tests.evidence` sets more.
ROUNDS = int(os.environ.get("EVIDENCE_ROUNDS", "60"))
CLEAN_SETS = int(os.environ.get("EVIDENCE_CLEAN_SETS", "28"))


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    made = SignedRecord(tmp_path_factory.mktemp("record"))
    made.write(24)
    made.write(15)
    made.sign()
    return made


@pytest.fixture
def tampered(record, tmp_path):
    yield record.copy_to(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy")


def streams_of(record):
    """The paths and lines of each stream's segments."""
    found = {}
    for path in record.segments():
        found.setdefault(path.name[:29], []).append((path, path.read_bytes().splitlines()))
    return found


def write(path, lines):
    """A line that ends with a zero is torn; a segment without lines is gone."""
    data = b"".join(line + b"\n" for line in lines)
    if data.endswith(b"\0\n"):
        data = data[:-2]
    path.write_bytes(data) if lines else path.unlink()


@pytest.mark.parametrize("tampering", [*TAMPERINGS, *WITH_ANOTHER_STREAM], ids=lambda f: f.__name__)
def test_random_tampering_gets_its_word(tampering, record, tampered):
    dice = random.Random(f"{tampering.__name__} 15")
    original = streams_of(tampered)
    wrong = []
    for number in range(ROUNDS):
        stream, other = dice.sample(list(original), 2)
        segments = [list(lines) for _, lines in original[stream]]
        more = [[lines for _, lines in original[other]]] if tampering in WITH_ANOTHER_STREAM else []
        words = tampering(segments, dice, *more)
        if words is None:
            continue
        for (path, _), lines in zip(original[stream], segments, strict=True):
            write(path, lines)
        verdicts = {one.stream: one for one in tampered.verdicts()}
        if stream not in verdicts or verdicts[stream].word not in words:
            wrong.append((number, words, verdicts.get(stream)))
        for path, lines in original[stream]:
            write(path, lines)
    assert wrong == []


@pytest.mark.parametrize("start", range(4))
def test_a_record_that_was_lawfully_handled_is_never_blamed(start, tmp_path):
    """Rotated, pruned, packed, copied, written by several processes, rewritten by Logstash."""
    for number in range(start, CLEAN_SETS, 4):
        record = clean_set(tmp_path / str(number), number)
        found = record.verdicts(now_s=later(1e6))
        assert found
        assert {one.word for one in found} <= PROVEN, (number, found)
        shutil.rmtree(record.home)


def _process(home, count):
    SignedRecord(home).write(count)


def test_the_streams_of_several_processes_are_never_blamed(tmp_path):
    record = SignedRecord(tmp_path)
    context = get_context("fork")
    processes = [context.Process(target=_process, args=(tmp_path, n * 7 + 1)) for n in range(8)]
    for one in processes:
        one.start()
    while any(one.is_alive() for one in processes):
        record.sign()
    record.sign()
    verdicts = record.verdicts()
    assert len(verdicts) == 8
    assert {one.word for one in verdicts} == {Word.INTACT_UNWITNESSED}


def test_a_writer_that_stops_without_a_word_makes_its_stream_stale(tmp_path):
    record = SignedRecord(tmp_path)
    recorder = record.write(5, close=False)
    record.sign()
    recorder.handler._recording._stream.abandon()
    assert record.verdict(now_s=later(130)).word is Word.STALE
