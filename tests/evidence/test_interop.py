"""What Go's own libraries for notes and trees make of what is written."""

import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from shipper.cli import main
from shipper.record.seal import unseal
from tests.conftest import real
from tests.evidence.signed_record import SignedRecord
from tests.real.golang import go_program

REAL = Path(__file__).parents[1] / "real"
#: More than one tile of tiles would take 65,536 events; this has two tiles and a partial one.
EVENTS = 600


@pytest.fixture(scope="module")
def notary():
    return runner("notary")


@pytest.fixture(scope="module")
def fsck():
    return runner("fsck")


def runner(name):
    with real(lambda: nullcontext(go_program(REAL / name))) as built:
        program = built

    def run(*arguments):
        command = [program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0

    return run


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    made = SignedRecord(tmp_path_factory.mktemp("record"))
    recorder = made.write(100, close=False)
    made.sign(at_close=True)
    for _ in range(2):
        made.write(EVENTS // 3)
    recorder.close()
    made.write(EVENTS)
    made.sign()
    return made


@pytest.fixture
def exported(record, tmp_path):
    assert main(["export", "tiles", str(tmp_path), "--evidence", str(record.evidence)]) == 0
    return sorted(path for path in tmp_path.iterdir() if (path / "checkpoint").exists())


def test_go_accepts_every_checkpoint_tile_entry_and_proof_in_them(record, exported, notary):
    assert exported
    for folder in exported:
        assert notary(record.signer.public, folder)


def test_the_fsck_of_tessera_accepts_every_stream(record, exported, fsck):
    for folder in exported:
        assert fsck(record.signer.public, folder)


def test_the_fsck_of_tessera_refuses_one_changed_byte_in_any_file(record, exported, fsck):
    folder = exported[-1]
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        at = len(data) // 3
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert not fsck(record.signer.public, folder), path
        path.write_bytes(data)
    assert fsck(record.signer.public, folder)


def test_go_refuses_a_checkpoint_a_tile_or_an_entry_with_one_changed_byte(record, exported, notary):
    folder = exported[-1]
    files = [folder / "checkpoint", *folder.glob("tile/0/*"), *folder.glob("tile/entries/*")]
    for path in (path for path in files if path.is_file()):
        data = path.read_bytes()
        at = len(data) // 3
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert not notary(record.signer.public, folder), path
        path.write_bytes(data)
    assert notary(record.signer.public, folder)


def test_go_accepts_the_proof_of_an_event_and_of_no_other(record, tmp_path, notary, capsys):
    lines = [line for path in record.segments() for line in path.read_bytes().splitlines()]
    line, other = lines[-300], lines[-299]
    event_id = line.partition(b'"id":"')[2]  # the stream's
    sequence = line.partition(b'"sequence":')[2].partition(b",")[0].decode()
    stream = event_id.partition(b'"')[0].decode()
    assert main(["prove", f"{stream}-{sequence}", "--evidence", str(record.evidence)]) == 0
    proof = tmp_path / "event.tlog-proof"
    proof.write_text(capsys.readouterr().out)
    digest, another = unseal(line)[1].hex(), unseal(other)[1].hex()
    assert notary(record.signer.public, tmp_path, proof, digest)
    assert not notary(record.signer.public, tmp_path, proof, another)


def test_an_event_that_is_not_signed_has_no_proof(record, capsys):
    stream = record.segments()[0].name[:29]
    assert main(["prove", f"{stream}-99999", "--evidence", str(record.evidence)]) == 1
    assert "is not signed yet" in capsys.readouterr().err
