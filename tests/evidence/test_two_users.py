"""The application's user against the sidecar's: the key, the evidence, and the record itself."""

import shutil

import pytest

from shipper.evidence.verdict import Word
from shipper.record.seal import GENESIS, seal, unseal
from tests.evidence.signed_record import SignedRecord
from tests.users import as_nobody, needs_root, open_directory

pytestmark = needs_root


@pytest.fixture
def record(tmp_path):
    """The application, nobody, owns the record; the sidecar, root, owns key and evidence."""
    SignedRecord(tmp_path).write(1)  # loads what nobody may not read
    home = open_directory()
    made = SignedRecord(home / "sidecar")
    made.home.chmod(0o755)
    made.audit = home / "audit"
    made.audit.mkdir()
    made.audit.chmod(0o755)
    shutil.chown(made.audit, "nobody")
    made.key.chmod(0o400)
    made.signing = made.new_signing()
    assert as_nobody(lambda: _log(made)) == (0, "")
    made.sign()
    yield made
    shutil.rmtree(home)


def _log(record):
    record.write(10)
    return 0


def _raises_permission_error(work):
    try:
        work()
    except PermissionError:
        return 0
    return 1


def test_the_application_cannot_read_the_key_or_write_the_evidence(record):
    (note,) = record.evidence.glob("*/checkpoint")
    code, output = as_nobody(lambda: _raises_permission_error(record.key.read_bytes))
    assert (code, output) == (0, "")
    code, output = as_nobody(lambda: _raises_permission_error(lambda: note.write_bytes(b"x")))
    assert (code, output) == (0, "")
    code, output = as_nobody(lambda: _raises_permission_error(note.unlink))
    assert (code, output) == (0, "")


def _rewrite(record):
    """Change an event, and give all later ones the hashes that fit."""
    (path, *_), head, made = record.segments(), GENESIS, []
    for line in path.read_bytes().splitlines():
        sealed, head = seal(unseal(line.replace(b'"n":3', b'"n":4'))[0], head)
        made.append(sealed + b"\n")
    path.write_bytes(b"".join(made))
    for later in record.segments()[1:]:
        later.unlink()
    return 0


def test_what_the_application_writes_again_is_found(record):
    assert record.verdict().word is Word.INTACT_UNWITNESSED
    assert as_nobody(lambda: _rewrite(record)) == (0, "")
    assert record.verdict().word in {Word.EDITED, Word.CUT}


def test_the_owner_of_the_segment_is_in_the_checkpoint(record):
    assert as_nobody(lambda: _log(record)) == (0, "")
    (found,) = record.sign(at_close=True)
    assert found.uid == 65534
