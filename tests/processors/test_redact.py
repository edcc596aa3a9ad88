"""`redact` finds in foreign lines what the record line finds in its own."""

import json
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shipper.record.event import create_event
from tests.processors.chains import chain, through
from tests.record.recorder import Recorder

CORPUS = yaml.safe_load(
    (Path(__file__).parent.parent / "record/secrets.yml")
    .read_text(encoding="utf-8")
    .replace("~", "")
)
PLACES = {
    "a field": lambda text: {"message": text},
    "a nested list": lambda text: {"o": {"list": [[text], 1]}},
    "a name": lambda text: {"o": {text: 1}},
    "JSON in a text": lambda text: {"message": json.dumps({"note": [text]})},
    "JSON in JSON in a text": lambda text: {"m": json.dumps({"n": json.dumps({"note": text})})},
}


@pytest.mark.parametrize("place", PLACES)
def test_no_planted_secret_passes(place):
    redact = chain("- redact:")
    left = {
        one["text"]
        for one in CORPUS
        for gone in one["gone"]
        if gone.encode() in redact.apply(json.dumps(PLACES[place](one["text"])).encode())
    }
    assert left == set()


def test_a_text_is_masked_as_in_the_record(tmp_path):
    recorder = Recorder(tmp_path)
    for one in CORPUS:
        event = {"tool_name": "t", "arguments": {"note": one["text"]}}
        recorder.log(create_event("mcp_tool_execution", event))
    events = recorder.events()
    recorder.close()
    recorded = [event["gen_ai"]["tool"]["call"]["arguments"]["note"] for event in events]
    texts = [one["text"] for one in CORPUS]
    assert [through("- redact:", {"note": text})["note"] for text in texts] == recorded


TEXTS = st.sampled_from(
    [
        *(one["text"] for one in CORPUS),
        *("plain", "", "--password", "Authorization", "2026", '{"password":"zzzz"}', "[1]", "{bad"),
    ]
)
KEYS = st.sampled_from(
    ["a", "password", "apiKey", "user", "name", "value", "headers", "pin", "total_tokens", "2026"]
)
ARGUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        TEXTS | st.none() | st.booleans() | st.sampled_from([7, 1.5, 2026, 4111111111111111]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_size=3,
)


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    one = Recorder(tmp_path_factory.mktemp("recorder"))
    yield one
    one.close()


@given(ARGUMENTS)
def test_an_object_is_masked_as_in_the_record(recorder, arguments):
    event = {"tool_name": "t", "arguments": arguments}
    recorded = recorder.log(create_event("mcp_tool_execution", event))["gen_ai"]["tool"]["call"]
    assert through("- redact:", {"arguments": arguments})["arguments"] == recorded["arguments"]


CASES = {
    "a value by its name": (
        {"user": {"password": "x", "apiKey": {"a": [1]}, "name": "bob"}},
        {"user": {"password": "[SECRET]", "apiKey": "[SECRET]", "name": "bob"}},
    ),
    "what says nothing": (
        {"password": "", "token": None, "secret": False, "max_tokens": 7, "total_tokens": "5"},
        {"password": "", "token": None, "secret": False, "max_tokens": 7, "total_tokens": "5"},
    ),
    "a labelled value": (
        {"headers": [{"name": "Authorization", "value": "x"}, {"name": "Accept", "value": "y"}]},
        {
            "headers": [
                {"name": "Authorization", "value": "[SECRET]"},
                {"name": "Accept", "value": "y"},
            ]
        },
    ),
    "what follows a flag": (
        {"argv": ["run", "--password", "x", "y", "--user", "bob"]},
        {"argv": ["run", "--password", "[SECRET]", "y", "--user", "bob"]},
    ),
    "a card as a number": (
        {"n": [4111111111111111, 4111111111111112, 4111111111111111.0]},
        {"n": ["[CARD]", 4111111111111112, "[CARD]"]},
    ),
    "JSON in a text by its names": (
        {"body": '{"password":"x","n":1.50}'},
        {"body": '{"password":"[SECRET]","n":1.50}'},
    ),
    "echoes, in whatever spelling": (
        {"token": 'cor"rect/horse', "m": 'got cor\\"rect/horse, cor%22rect%2Fhorse', "n": 1},
        {"token": "[SECRET]", "m": "got [SECRET], [SECRET]", "n": 1},
    ),
    "an echo as a number, never in the time": (
        {"@timestamp": "2026-11-24", "pin": "2026", "n": 2026, "x": "year 2026"},
        {"@timestamp": "2026-11-24", "pin": "[SECRET]", "n": "[SECRET]", "x": "year [SECRET]"},
    ),
    "no ordinary word that a masked object held": (
        {"auth": {"is": True, "was": None}, "m": "True is not None", "ok": True},
        {"auth": "[SECRET]", "m": "True is not None", "ok": True},
    ),
    "an echo in a name that is more than words": (
        {"token": "hunter2", "tries": {"hunter2": 1, "token": 2}},
        {"token": "[SECRET]", "tries": {"[SECRET]": 1, "token": "[SECRET]"}},
    ),
    "no name of words": (
        {"password": "message", "message": "my message"},
        {"password": "[SECRET]", "message": "my [SECRET]"},
    ),
    "two names that become one token": (
        {"bob@example.com": 1, "alice@example.com": 2},
        {"[EMAIL]": 1, "[EMAIL]_": 2},
    ),
    "nothing of a long text but the secret": (
        {"m": "x" * 5000 + " password=hunter2 " + "y" * 5000},
        {"m": "x" * 5000 + " password=[PASSWORD] " + "y" * 5000},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_masks(case):
    event, expected = CASES[case]
    assert through("- redact:", event) == expected


def test_it_masks_only_the_named_fields_nested_or_dotted():
    event = {"a": {"b": "bob@example.com"}, "c": "bob@example.com", "http.auth": "x", "http": {}}
    assert through("- redact: {fields: [a, http.auth, nothing]}", event) == {
        "a": {"b": "[EMAIL]"},
        "c": "bob@example.com",
        "http.auth": "[SECRET]",
        "http": {},
    }


@given(
    st.dictionaries(
        st.sampled_from(["message", "n", "o"]),
        st.recursive(
            st.integers(-(10**11), 10**11) | st.sampled_from(["plain words", "é", "{[", "a-b"]),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("x"), inner),
        ),
    )
)
def test_a_line_without_secrets_is_the_same_object(event):
    line = json.dumps(event).encode()
    assert chain("- redact:").apply(line) is line


@pytest.mark.parametrize(
    "piece", ["password=hunt)er2", "https://x.example/blob?sig=hunter2", "pin "]
)
def test_a_long_text_takes_time_in_proportion(piece):
    """A search from each name to the end of the text took a minute."""
    line = json.dumps({"m": piece * (400_000 // len(piece))}).encode()
    start = time.process_time()
    assert b"hunter2" not in chain("- redact:").apply(line)
    assert time.process_time() - start < 15


# --- ways around it

GHP = "ghp_aB3dE6gH9jaB3dE6gH9j"


@pytest.mark.parametrize(
    "line",
    [
        '{"message":"GHP","message":"ok"}',
        '{"message": "GHP", "message": "ok"}',
        '{"a":{"password":"GHP","password":""},"b":1}',
        '{"a":{"password":"GHP"},"a":{"b":1}}',
        '{"a":[{"b":"GHP","\\u0062":1}]}',
        '{"a":{"b":{"c":"GHP","c":":"}},"d":"\\u003a"}',
        '{"m":"{\\"password\\":\\"hunter2Zebra99\\",\\"password\\":\\"\\"}"}',
        r'{"m":"{\"name\":\"password\",\"value\":\"hunter2Zebra99\",\"value\":null}"}',
        '{"n":1.0,"n":1.50,"big":123456789012345678901234567890,"t":"GHP","t":""}',
        '{"@timestamp":{"password":"hunter2Zebra99"}}',
        '{"@timestamp":"GHP"}',
    ],
)
def test_nothing_passes_in_a_member_that_a_decoder_does_not_show(line):
    done = chain("- redact:").apply(line.replace("GHP", GHP).encode())
    assert GHP.encode() not in done
    assert b"hunter2Zebra99" not in done
    if "1.50" in line:
        assert b'"n":1.50' in done


@pytest.mark.parametrize(
    "time",
    [
        '"2026-11-25T04:44:30.408Z"',
        '"2026-11-25 04:44:30,408+0100"',
        "1764049680123",
        "1764049680.5",
    ],
)
def test_a_time_stays(time):
    line = b'{"@timestamp":%b,"message":"m"}' % time.encode()
    assert chain("- redact:").apply(line) is line


def test_a_line_without_secrets_keeps_its_bytes_however_it_is_written():
    line = b'{ "a" : [ { "b" : "\\u00e4" } , {"b": 1e400} ], "c": "" }'
    assert chain("- redact:").apply(line) is line
