"""Witnesses cosign what extends the history that they have seen, and no other history."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from base64 import b64decode
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial

import pytest

from shipper.cli import main
from shipper.evidence.cosign import Cosigned, Cosigning, NotWitnessed
from shipper.evidence.keys import create_key, signer_of_file
from shipper.evidence.policy import origin_of, read_policy
from shipper.evidence.prove import latest_note, prove
from shipper.evidence.store import WITNESSED, Store
from shipper.evidence.verdict import Word
from shipper.evidence.witness import Witness
from shipper.run.witness import WitnessServer
from shipper.wire.note import Checkpoint, Note, parse_note
from shipper.wire.tlog import consistency_proof, leaf_hash, root_by_proof
from shipper.wire.witness import AddCheckpoint
from tests.conftest import real
from tests.evidence.signed_record import SignedRecord, later
from tests.integration.line import SHIPPER
from tests.real.golang import go_program
from tests.real.processes import free_ports
from tests.real.witness_server import SOURCE as WITNESS
from tests.real.witness_server import litewitness
from tests.record.recorder import documents


@pytest.fixture
def record(tmp_path):
    made = SignedRecord(tmp_path)
    made.recorder = made.write(30, close=False)
    made.sign()
    yield made
    made.recorder.close()


@pytest.fixture
def witness(record):
    """The address of a witness of the record's key, which the policy asks for."""
    create_key(record.home / "witness.key", "witness.example")
    with serving(record, record.home / "seen") as url:
        named(record, url)
        yield url


@contextmanager
def serving(record, folder):
    known = Witness(folder, signer_of_file(record.home / "witness.key"), [record.signer.public])
    with WitnessServer("127.0.0.1", 0, known) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def named(record, url):
    """A policy that asks for the witness at that address."""
    key = signer_of_file(record.home / "witness.key").public.cosigning()
    lines = f"log {record.signer.public}\nwitness w {key} {url}\nquorum w\n"
    (record.home / "policy").write_text(lines)


def ask(record):
    cosigning = Cosigning(Store(record.evidence), read_policy(record.home / "policy"))
    return list(cosigning.tick())


def grow(record, count=20):
    for number in range(count):
        record.recorder.logger.info(
            "a call",
            extra={"event_type": "mcp_tool_execution", "event_data": {"tool_name": f"t{number}"}},
        )
    record.sign(at_close=True)


def word(record):
    policy = read_policy(record.home / "policy")
    return record.verdict(policy=policy, now_s=later(0)).word


def test_a_stream_is_intact_once_the_witness_of_the_policy_has_signed(record, witness):
    assert word(record) is Word.INTACT_UNWITNESSED
    (found,) = ask(record)
    assert isinstance(found, Cosigned)
    assert word(record) is Word.INTACT
    assert ask(record) == []


def test_silence_that_is_signed_again_is_still_witnessed(record, witness):
    ask(record)
    record.sign(at_close=True)
    assert word(record) is Word.INTACT
    assert ask(record) == []


def test_a_stream_that_grows_is_witnessed_again_with_a_proof(record, witness):
    for count in (1, 2, 5, 300):
        ask(record)
        grow(record, count)
        assert word(record) is Word.INTACT_UNWITNESSED
        (found,) = ask(record)
        assert isinstance(found, Cosigned)
        assert word(record) is Word.INTACT


def test_a_second_history_is_not_witnessed(record, witness, tmp_path_factory):
    """The key signs both: whoever has it can fork the stream, but not with this witness."""
    fork = SignedRecord(shutil.copytree(record.home, tmp_path_factory.mktemp("fork") / "home"))
    grow(record)
    assert isinstance(ask(record)[0], Cosigned)
    rewrite(fork)
    (found,) = ask(fork)
    assert isinstance(found, NotWitnessed)
    assert "another history" in str(found)
    assert not [*fork.evidence.glob(f"*/{WITNESSED}")]


def rewrite(fork):
    """Sign another history of the same stream, as long as the real one or longer."""
    (stream,) = Store(fork.evidence).streams()
    name, entries = stream.folder.name, [os.urandom(32) for _ in range(500)]
    shutil.rmtree(stream.folder)
    made = Store(fork.evidence).stream(name)
    made.grow(0, entries)
    root = made.range(500, 500).root()
    checkpoint = checkpoint_of(fork, name, 500, root)
    made.publish(fork.signer.note(checkpoint, 1_800_000_000), 0)


def checkpoint_of(record, stream, size, root):
    return Checkpoint(origin_of(record.signer.public, stream), size, root)


def test_an_old_history_that_is_put_back_is_not_witnessed(record, witness, tmp_path_factory):
    old = shutil.copytree(record.home, tmp_path_factory.mktemp("old") / "home")
    grow(record)
    ask(record)
    (found,) = ask(SignedRecord(old))
    assert isinstance(found, NotWitnessed)
    assert "another history" in str(found)


def test_a_witness_knows_after_a_restart_what_it_has_seen(record, tmp_path_factory):
    create_key(record.home / "witness.key", "witness.example")
    with serving(record, record.home / "seen") as url:
        named(record, url)
        fork = shutil.copytree(record.home, tmp_path_factory.mktemp("fork") / "home")
        ask(record)
    with serving(record, record.home / "seen") as url:
        forked = SignedRecord(fork)
        rewrite(forked)
        named(forked, url)
        assert isinstance(ask(forked)[0], NotWitnessed)
        named(record, url)
        grow(record)
        assert isinstance(ask(record)[0], Cosigned)


def post(url, body):
    request = urllib.request.Request(f"{url}/add-checkpoint", body)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_witness_answers_as_c2sp_says(record, witness):
    (stream,) = Store(record.evidence).streams()
    note = parse_note(stream.text("checkpoint"))
    size = note.checkpoint.size

    def status(old, proof, found):
        return post(witness, str(AddCheckpoint(old, proof, found)).encode())[0]

    stranger = Note(checkpoint_of(record, "x", size, note.checkpoint.root), note.signatures)
    elsewhere = parse_note(str(note).replace("orders-7f3a.sidecar", "other"))
    assert status(0, (), elsewhere) == 404
    assert status(0, (), stranger) == 403
    assert status(size + 1, (), note) == 400
    assert post(witness, b"old 0\n")[0] == 400
    assert post(witness, b"old 0\n\n" + b"\xff" * 9)[0] == 400
    assert post(witness, b"x" * (1 << 17))[0] == 413
    assert status(3, (), note) == 409
    assert status(0, (bytes(32),), note) == 422
    assert status(0, (), note) == 200
    assert post(witness, str(AddCheckpoint(1, (), note)).encode()) == (409, f"{size}\n".encode())
    assert status(size, (), note) == 200
    grow(record)
    later_note = parse_note(stream.text("checkpoint"))
    proof = consistency_proof(
        size, later_note.checkpoint.size, partial(stream.node, size=later_note.checkpoint.size)
    )
    assert status(size, proof[:-1], later_note) == 422
    assert status(size, [*proof[:-1], bytes(32)], later_note) == 422
    assert status(size, proof, later_note) == 200


def test_idle_connections_do_not_keep_the_witness_from_answering(record, witness):
    host, port = witness.removeprefix("http://").split(":")
    with ExitStack() as idle:
        for _ in range(100):
            idle.enter_context(socket.create_connection((host, int(port))))
        assert isinstance(ask(record)[0], Cosigned)
    assert word(record) is Word.INTACT


def test_requests_at_once_get_one_history(record, witness):
    """Eight threads, each with a history of its own, signed with the stolen key."""
    name = Store(record.evidence).streams()[0].folder.name
    notes = [
        record.signer.note(checkpoint_of(record, name, 7, os.urandom(32)), 1_800_000_000)
        for _ in range(8)
    ]
    answers = []
    threads = [
        threading.Thread(
            target=lambda one=one: answers.append(
                post(witness, str(AddCheckpoint(0, (), one)).encode())[0]
            )
        )
        for one in notes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, *[409] * 7]


def test_a_stream_with_a_damaged_checkpoint_does_not_keep_others_from_the_witness(record, witness):
    damaged = Store(record.evidence).stream("0")
    damaged.folder.mkdir()
    (damaged.folder / "checkpoint").write_text("x")
    first, second = ask(record)
    assert "0/checkpoint" in str(first)
    assert isinstance(second, Cosigned)


def test_a_witness_that_is_down_or_lies_is_reported_and_does_not_count(record, witness):
    named(record, f"http://127.0.0.1:{free_ports(1)[0]}")
    (found,) = ask(record)
    assert "cannot be reached" in str(found)
    create_key(record.home / "other.key", "witness.example")
    (record.home / "other.key").replace(record.home / "witness.key")
    named(record, witness)
    (found,) = ask(record)
    assert "without a cosignature" in str(found)
    assert word(record) is Word.INTACT_UNWITNESSED


@contextmanager
def running_witness(home, port):
    words = [*SHIPPER, "witness", home / "seen", "--key", home / "witness.key"]
    words += ["--policy", home / "policy", "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("witness witness.example ")
            yield process
        finally:
            process.kill()


def test_a_run_is_witnessed_to_its_end_by_the_command_which_a_kill_does_not_harm(record):
    record.recorder.close()
    create_key(record.home / "witness.key", "witness.example")
    (port,) = free_ports(1)
    named(record, f"http://127.0.0.1:{port}")
    evidence = record.home / "data" / "evidence"
    evidence.mkdir(parents=True)
    shutil.copy(record.home / "policy", evidence)
    settings = {
        "path": {"home": str(record.home), "data": str(record.home / "data")},
        "inputs": [{"paths": [f"{record.audit}/*.jsonl"]}],
        "output": {"file": {"path": str(record.home / "out"), "filename": "events"}},
        "evidence": {"key": str(record.key)},
    }
    config = record.home / "c.yml"
    config.write_text(json.dumps(settings))
    with running_witness(record.home, port) as process:
        assert main(["-c", str(config), "run", "--once"]) == 0
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running_witness(record.home, port):
        assert main(["-c", str(config), "run", "--once"]) == 0
    record.evidence = evidence
    assert word(record) is Word.INTACT
    found = [one["event"]["action"] for one in documents(record.home / "data" / "audit")]
    assert found.count("audit-checkpoint-witnessed") >= 2
    assert "audit-witness-failed" not in found


def test_a_real_witness_cosigns_a_stream_that_grows_and_no_second_history(record, tmp_path_factory):
    (stream,) = Store(record.evidence).streams()
    public = record.signer.public
    log = {origin_of(public, stream.folder.name): str(public)}
    home = tmp_path_factory.mktemp("litewitness")
    with real(lambda: litewitness(home, log)) as (url, key):
        (record.home / "policy").write_text(f"log {public}\nwitness w {key} {url}\nquorum w\n")
        fork = shutil.copytree(record.home, tmp_path_factory.mktemp("fork") / "home")
        for count in (1, 70, 300):
            assert isinstance(ask(record)[0], Cosigned)
            assert word(record) is Word.INTACT
            grow(record, count)
            assert word(record) is Word.INTACT_UNWITNESSED
        forked = SignedRecord(fork)
        rewrite(forked)
        assert "another history" in str(ask(forked)[0])


def test_go_accepts_the_cosignature_of_the_witness_and_of_no_other(record, witness):
    (found,) = ask(record)
    with real(lambda: nullcontext(go_program(WITNESS))) as program:

        def accepts(key):
            text = str(found.note).encode()
            return not subprocess.run([program, str(key)], input=text, check=False).returncode

        assert accepts(signer_of_file(record.home / "witness.key").public)
        assert not accepts(create_key(record.home / "other.key", "witness.example"))


def test_a_proof_has_the_cosignature_also_after_the_stream_has_grown(record, witness):
    (found,) = ask(record)
    grow(record, 300)
    (stream,) = Store(record.evidence).streams()
    latest = latest_note(stream).checkpoint
    for sequence, covering in ((7, found.note.checkpoint), (300, latest)):
        text, entry = prove(Store(record.evidence), f"{stream.folder.name}-{sequence}")
        lines, _, note = text.partition("\n\n")
        proof = [b64decode(line) for line in lines.splitlines()[2:]]
        shown = parse_note(note).checkpoint
        assert root_by_proof(sequence - 1, shown.size, leaf_hash(entry), proof) == shown.root
        assert (shown, "witness.example" in note) == (covering, covering != latest)


def test_two_witnesses_do_not_share_a_folder(record):
    create_key(record.home / "witness.key", "witness.example")
    (port,) = free_ports(1)
    named(record, f"http://127.0.0.1:{port}")
    with running_witness(record.home, port):
        words = ["witness", str(record.home / "seen"), "--key", str(record.home / "witness.key")]
        assert main([*words, "--policy", str(record.home / "policy"), "--listen", "[::1]:0"]) != 0
