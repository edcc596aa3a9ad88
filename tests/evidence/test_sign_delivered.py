"""The signer takes the hashes of the lines that delivery has checked, and reads the others."""

import os

import pytest

from shipper.evidence.sign import Refusal, Rules, Signing
from shipper.evidence.store import Store
from shipper.evidence.verdict import Word
from shipper.follow.discover import Found
from shipper.follow.handle import Handle
from shipper.follow.inputs import InputConfig
from shipper.follow.reader import Limits, Reader, Unread
from shipper.follow.verified import Verified
from shipper.forms.ndjson import Ndjson
from shipper.forms.sealed import Sealed
from shipper.record.format import streams_in
from shipper.record.seal import GENESIS, seal
from tests.evidence.signed_record import SignedRecord


class Delivered(SignedRecord):
    """A signed record, and the part of a pipeline that reads it."""

    def __init__(self, home, **rules):
        self.verified = Verified()
        self.rules = rules
        super().__init__(home)

    def new_signing(self):
        directories, store = (lambda: [self.audit]), Store(self.evidence)
        return Signing(directories, store, self.signer, Rules(**self.rules))

    def sign(self, *, at_close=False):
        return list(self.signing.tick(self.verified.take(), at_close=at_close))

    def deliver(self, path, start=0, lines=1000):
        """Read some lines of a segment as a pipeline does; where they end."""
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            form = Sealed(Ndjson())
            unread = Unread(Handle(file.fileno()), str(path), form, start, about.st_size)
            chunk = Reader().read(unread, Limits(lines, 1 << 20, 1 << 20)).chunk
        config = InputConfig(paths=(str(path),))
        place = (str(path), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
        self.verified.note(Found(*place, config), chunk)
        return chunk.end

    def lines(self):
        return sum(len(path.read_bytes().splitlines()) for path in self.segments())


def changed(path):
    """Change one byte of the second line."""
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"bob"', b'"eve"', 1))


def test_what_was_delivered_is_signed_and_not_what_the_file_holds_later(tmp_path):
    record = Delivered(tmp_path)
    record.write()
    for path in record.segments():
        record.deliver(path)
    changed(record.segments()[0])
    (found,) = record.sign(at_close=True)
    assert found.last == record.lines()
    assert record.verdict().word is Word.EDITED


def test_the_lines_of_a_block_that_was_cut_are_signed_once(tmp_path):
    record = Delivered(tmp_path)
    record.write()
    for path in record.segments():
        end = record.deliver(path, lines=3)
        record.deliver(path, end)
    changed(record.segments()[0])  # so that a signer who reads them refuses
    (found,) = record.sign(at_close=True)
    assert (found.first, found.last) == (1, record.lines())


def test_lines_that_delivery_left_out_are_read(tmp_path):
    record = Delivered(tmp_path)
    record.write()
    first, *others = record.segments()
    end = record.deliver(first, lines=2)
    with first.open("rb") as file:
        file.seek(end)
        after = end + len(file.readline())
    record.deliver(first, after)
    for path in others[1:]:
        record.deliver(path)
    (found,) = record.sign(at_close=True)
    assert found.last == record.lines()
    assert record.verdict().word is Word.INTACT_UNWITNESSED


def test_lines_that_follow_from_others_than_the_signed_ones_are_refused(tmp_path):
    record = Delivered(tmp_path)
    recorder = record.write(3, close=False)
    record.sign()
    recorder.handler._recording._stream.abandon()
    other = Delivered(tmp_path / "other")
    other.write(9)
    record.segments()[0].write_bytes(other.segments()[0].read_bytes())
    record.deliver(record.segments()[0])
    (found,) = record.sign(at_close=True)
    assert isinstance(found, Refusal)


@pytest.mark.parametrize("is_delivered", [True, False])
def test_lines_with_another_number_than_theirs_are_refused(tmp_path, is_delivered):
    record = Delivered(tmp_path)
    recorder = record.write(3, close=False)
    record.sign()
    recorder.handler._recording._stream.abandon()
    (path,) = record.segments()
    body = b'{"@timestamp":"2026-11-30T12:00:00.000000Z","event":{"sequence":9}}'
    head = bytes.fromhex(path.read_bytes()[-68:-4].decode())
    start = path.stat().st_size
    with path.open("ab") as file:
        file.write(seal(body, head)[0] + b"\n")
    if is_delivered:
        record.deliver(path, start)
    (found,) = record.sign(at_close=True)
    assert isinstance(found, Refusal)
    assert "sequence 9" in found.why


def test_a_line_that_is_sealed_to_another_one_is_refused(tmp_path):
    record = Delivered(tmp_path)
    recorder = record.write(3, close=False)
    (signed,) = record.sign()
    recorder.handler._recording._stream.abandon()
    body = b'{"@timestamp":"2026-11-30T12:00:00.000000Z","event":{"sequence":%d}}'
    with record.segments()[0].open("ab") as file:
        file.write(seal(body % (signed.last + 1), GENESIS)[0] + b"\n")
    (found,) = record.sign(at_close=True)
    assert isinstance(found, Refusal)


def test_a_stream_waits_for_delivery_while_others_are_delivered_but_not_for_ever(tmp_path):
    record = Delivered(tmp_path, interval_s=3600)
    record.write()
    record.write()
    one, other = (paths for _, paths in sorted(streams_in(record.audit).items()))
    for path in one:
        record.deliver(path)
    assert {found.stream for found in record.sign()} == {stream_of(one)}
    # Nothing is being delivered now.
    assert {found.stream for found in record.sign()} == {stream_of(other)}


def test_no_stream_waits_longer_than_the_interval(tmp_path):
    record = Delivered(tmp_path, interval_s=0)
    record.write()
    record.write()
    one, _ = (paths for _, paths in sorted(streams_in(record.audit).items()))
    for path in one:
        record.deliver(path)
    assert len(record.sign()) == 2


def test_what_no_signer_takes_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("shipper.follow.verified._MOST", 2)
    record = Delivered(tmp_path)
    record.write()
    for path in record.segments():
        record.deliver(path)
    assert sum(len(chains) for chains in record.verified.take().values()) == 1
    assert record.verified.take() == {}


def stream_of(paths):
    return paths[0].name.rpartition("-")[0]
