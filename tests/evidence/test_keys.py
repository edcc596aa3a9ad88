"""Keys and policies by the command line."""

import pytest

from shipper.cli import main
from shipper.errors import ConfigError
from shipper.evidence.keys import signer_of_file
from shipper.evidence.policy import read_policy
from shipper.evidence.verdict import Word
from shipper.wire.note import Note, parse_note
from tests.evidence.signed_record import NAME, SignedRecord, later


@pytest.fixture
def record(tmp_path):
    """A signed record whose policy is made by `keys create`."""
    (tmp_path / "evidence.key").unlink(missing_ok=True)
    assert main([*keys(tmp_path, "create"), "--name", NAME]) == 0
    made = SignedRecord(tmp_path)
    made.write(10)
    made.sign()
    return made


def keys(home, command, what=None):
    return ["keys", command, str(what or home / "evidence.key"), "--policy", str(home / "policy")]


def verdict(record):
    return record.verdict(policy=read_policy(record.home / "policy"), now_s=later(1e6)).word


def test_a_created_key_is_in_the_policy(record):
    assert verdict(record) is Word.INTACT_UNWITNESSED


def test_create_does_not_replace_a_key(record, capsys):
    before = record.key.read_bytes()
    assert main([*keys(record.home, "create"), "--name", NAME]) == 1
    assert record.key.read_bytes() == before


def test_after_a_rotation_old_checkpoints_count_and_the_new_key_signs_them_again(record):
    old = record.signer.public
    assert main(keys(record.home, "rotate")) == 0
    assert verdict(record) is Word.INTACT_UNWITNESSED
    assert signer_of_file(record.key).public != old
    again = SignedRecord(record.home)
    again.sign()
    assert main(keys(record.home, "revoke", old.id.hex())) == 0
    assert verdict(record) is Word.INTACT_UNWITNESSED


def test_what_only_a_revoked_key_signed_does_not_count(record):
    assert main(keys(record.home, "revoke", record.signer.public.id.hex())) == 0
    assert verdict(record) is Word.WRONG_KEY
    assert record.signer.public in read_policy(record.home / "policy").revoked


def test_export_prints_the_public_key_and_never_the_private_one(record, capsys):
    capsys.readouterr()
    assert main(keys(record.home, "export")) == 0
    assert capsys.readouterr().out.strip() == str(record.signer.public)
    assert main(["keys", "export", "--policy", str(record.home / "policy")]) == 0
    assert capsys.readouterr().out.startswith(str(record.signer.public))


def test_a_quorum_of_witnesses_makes_a_stream_intact(record, tmp_path):
    """Two keys sign the same checkpoint; the policy takes one of them as the witness."""
    other = SignedRecord(tmp_path / "witness").signer
    (path,) = record.evidence.glob("*/checkpoint")
    note = parse_note(path.read_text())
    (_, cosignature) = other.note(note.checkpoint, 1_800_000_000).signatures
    policy = record.home / "policy"
    text = policy.read_text().replace("quorum none\n", "")
    text += f"witness W {other.public.cosigning()}\ngroup all-of-one all W\nquorum all-of-one\n"
    policy.write_text(text)
    assert verdict(record) is Word.INTACT_UNWITNESSED
    path.write_text(str(Note(note.checkpoint, (*note.signatures, cosignature))))
    assert verdict(record) is Word.INTACT


def test_every_problem_of_a_policy_is_reported(tmp_path):
    path = tmp_path / "policy"
    path.write_text("log x\nquorum W\nlogs y\ngroup none any W\n")
    with pytest.raises(ConfigError) as raised:
        read_policy(path)
    assert len(raised.value.problems) == 4
