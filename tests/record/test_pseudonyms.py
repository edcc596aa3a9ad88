"""With keys of persons, no identifier is written, and forgetting one is forgetting the person."""

import json
import stat
from multiprocessing import get_context

import pytest

from shipper.record.calls import Begun
from shipper.record.event import create_event
from shipper.record.persons import Persons
from tests.record.recorder import lines

ALICE = {
    "user_id": "alice@example.com",
    "user_name": "Alice A.",
    "client_id": "client-7",
    "source_ip": "203.0.113.7",
    "session_id": "session-9",
    "tool_name": "read_mail",
}
IDENTIFIERS = ("alice@example.com", "Alice A.", "client-7", "203.0.113.7", "session-9")


@pytest.fixture
def keys(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def recorder(new_recorder, keys):
    return new_recorder(catalog={"pseudonyms": str(keys)})


def call(**fields):
    return create_event("mcp_tool_execution", {**ALICE, **fields})


def test_no_identifier_is_in_any_line(recorder, tmp_path):
    document = recorder.log(call())
    written = b"\n".join(lines(tmp_path / "audit")).decode()
    assert [one for one in IDENTIFIERS if one in written] == []
    user, name = document["user"]["id"], document["user"]["name"]
    assert user.startswith("p_")
    assert name.startswith("p_")
    assert user != name
    assert document["related"]["user"] == [user, name]
    assert document["message"].startswith(f"{name} called read_mail from fd70:")


def test_an_address_remains_an_address_for_elasticsearch(recorder):
    document = recorder.log(call())
    assert document["source"]["ip"].startswith("fd70:7365:7564:")
    assert document["related"]["ip"] == [document["source"]["ip"]]


def test_one_identifier_of_a_subject_has_one_pseudonym(recorder):
    one, other = recorder.log(call()), recorder.log(call())
    assert one["user"] == other["user"]
    assert one["source"] == other["source"]


def test_an_identifier_has_another_pseudonym_under_another_subject(recorder):
    one, other = recorder.log(call()), recorder.log(call(user_id="bob"))
    assert one["source"]["ip"] != other["source"]["ip"]


def test_an_address_without_a_user_is_its_own_subject(recorder):
    """So a search for one address with several failed users finds them."""
    made = [
        recorder.log(create_event("mcp_tool_execution", {"source_ip": "203.0.113.7"}))
        for _ in range(2)
    ]
    assert made[0]["source"]["ip"] == made[1]["source"]["ip"]


def test_who_approved_is_another_subject(recorder, keys):
    fields = {"user_id": "alice@example.com", "approver": "carol", "resource": "r"}
    document = recorder.log(create_event("mcp_authorization_decisions", fields))
    approver = document["mcp"]["authz"]["approval"]["approver"]
    assert Persons(keys).reveal(approver) == ("carol", "carol")
    assert approver in document["related"]["user"]


@pytest.mark.parametrize("path", ["user.id", "user.name", "source.ip", "mcp.session.id"])
def test_a_pseudonym_is_revealed_with_the_key(recorder, keys, path):
    document = recorder.log(call())
    for name in path.split("."):
        document = document[name]
    subject, value = Persons(keys).reveal(document)
    assert subject == "alice@example.com"
    assert value in IDENTIFIERS


def test_a_forgotten_subject_cannot_be_revealed_and_gets_another_key_in_the_same_process(
    recorder, keys
):
    before = recorder.log(call())
    persons = Persons(keys)
    assert persons.forget("alice@example.com") == before["user"]["id"]
    after = recorder.log(call())
    assert persons.reveal(before["user"]["id"]) is None
    assert persons.reveal(before["source"]["ip"]) is None
    assert after["user"]["id"] != before["user"]["id"]
    assert persons.reveal(after["user"]["id"]) == ("alice@example.com", "alice@example.com")


def test_nothing_of_a_forgotten_subject_is_left_in_the_folder(recorder, keys):
    recorder.log(call())
    Persons(keys).forget("alice@example.com")
    left = b"".join(path.read_bytes() for path in keys.iterdir())
    assert [one for one in IDENTIFIERS if one.encode() in left] == []


def test_other_subjects_keep_their_keys(recorder, keys):
    bob = recorder.log(call(user_id="bob"))
    recorder.log(call())
    Persons(keys).forget("alice@example.com")
    assert recorder.log(call(user_id="bob"))["user"] == bob["user"]


def test_keys_survive_the_process(new_recorder, keys):
    settings = {"catalog": {"pseudonyms": str(keys)}}
    one = new_recorder(**settings).log(call())
    other = new_recorder(keys.with_name("other"), **settings).log(call())
    assert one["user"]["id"] == other["user"]["id"]


def test_the_keys_are_for_their_own_user_only(recorder, keys):
    recorder.log(call())
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}


def test_a_line_that_a_crash_cut_short_hides_no_other(recorder, keys):
    recorder.log(call())
    (file,) = keys.glob("*.person")
    with file.open("ab") as end:
        end.write(b'\n"192.0')
    document = recorder.log(call(source_ip="192.0.2.9"))
    assert Persons(keys).reveal(document["source"]["ip"]) == ("alice@example.com", "192.0.2.9")


def test_without_its_keys_an_event_is_written_without_persons_and_counts_them(
    new_recorder, tmp_path
):
    """An identifier in clear could never be taken back."""
    (tmp_path / "file").write_text("")
    recorder = new_recorder(catalog={"pseudonyms": str(tmp_path / "file")})
    document = recorder.log(call())
    assert "user" not in document
    assert document["mcp"]["audit"]["dropped_fields"] == 5
    assert not any(one in json.dumps(document) for one in IDENTIFIERS)


def test_more_subjects_than_fit_in_memory_keep_their_pseudonyms(recorder, monkeypatch):
    monkeypatch.setattr("shipper.record.pseudonyms._MOST_SUBJECTS", 2)
    monkeypatch.setattr("shipper.record.pseudonyms._MOST_VALUES", 2)
    users = [f"user-{number}" for number in range(5)]
    one = [recorder.log(call(user_id=user))["user"]["id"] for user in users]
    assert one == [recorder.log(call(user_id=user))["user"]["id"] for user in users]


def _pseudonyms(folder, results):
    persons = Persons(folder)
    results.put([persons.of(f"user-{number}").pseudonym("x") for number in range(50)])


def test_eight_processes_agree_on_the_keys(keys):
    context = get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=_pseudonyms, args=(keys, results)) for _ in range(8)]
    for one in processes:
        one.start()
    made = [results.get(timeout=60) for _ in processes]
    for one in processes:
        one.join()
    assert all(one == made[0] for one in made)
    assert len(set(made[0])) == 50


def test_an_open_call_is_noted_without_its_user(recorder, tmp_path):
    """The note is not redacted, and outlives a process that is killed."""
    begun = Begun(0.0, "tools/call", 1, "read_mail", None, "alice@example.com")
    assert recorder.handler.begin(begun)
    noted = b"".join(path.read_bytes() for path in (tmp_path / "audit").glob("*.open"))
    assert b"read_mail" in noted
    assert b"alice" not in noted
