"""Nothing secret reaches the disk, and what is not secret does."""

import base64
import html
import json
from collections import namedtuple
from pathlib import Path
from random import Random
from urllib.parse import quote, quote_plus

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shipper import (
    create_policy_violation_event,
    create_resource_access_event,
    create_security_threat_event,
    create_tool_execution_event,
)
from shipper.record.event import create_event
from tests.record.recorder import Recorder, lines

CORPUS = yaml.safe_load(
    Path(__file__).with_name("secrets.yml").read_text(encoding="utf-8").replace("~", "")
)
TOOL = "mcp_tool_execution"


def tool(arguments=None, result=None, **fields):
    return create_event(TOOL, {"tool_name": "t", "arguments": arguments, "result": result} | fields)


#: Where a text can come in from outside.
PLACES = {
    "an argument": lambda text: tool({"note": text}),
    "a list in arguments": lambda text: tool({"notes": [{"deep": [text]}]}),
    "the name of an argument": lambda text: tool({text: 1}),
    "a member of a set": lambda text: tool({"notes": {text}}),
    "an object of a class": lambda text: tool({"note": ValueError(text)}),
    "JSON in an argument": lambda text: tool({"body": json.dumps({"note": text})}),
    "JSON in JSON in an argument": lambda text: tool(
        {"body": json.dumps({"inner": json.dumps([{"note": text}])})}
    ),
    "a result": lambda text: tool(result=text),
    "a result as JSON": lambda text: tool(result=json.dumps({"note": [text]})),
    "a result as an object": lambda text: tool(result={"note": [text]}),
    "an error message": lambda text: tool(**{"error.message": text}),
    "an error's type": lambda text: tool(**{"error.type": text}),
    "a reason": lambda text: tool(failure_reason=text),
    "the tool's name": lambda text: create_tool_execution_event("bob", text),
    "a resource's URI": lambda text: create_resource_access_event("bob", "file", text),
    "a resource's action": lambda text: create_resource_access_event("bob", "file", "x", text),
    "the user agent": lambda text: tool(user_agent=text),
    "the correlation id": lambda text: tool(correlation_id=text),
    "the endpoint": lambda text: tool(mcp_endpoint=text),
    "details": lambda text: create_policy_violation_event("bob", "x", "high", text),
    "indicators": lambda text: create_security_threat_event("bob", "x", 0.5, [text]),
    "a field that holds our own words": lambda text: tool(**{"network.transport": text}),
    "a list of words": lambda text: tool(**{"mcp.tool.result.content_types": [text]}),
    "a severity": lambda text: tool(severity=text),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_planted_secret_is_found_on_disk_after_it_came_in_as(place, recorder):
    leaked = []
    for entry in CORPUS:
        recorder.log(PLACES[place](entry["text"]))
        line = lines(recorder.directory)[-1].decode()
        leaked += [(entry["text"], line) for gone in entry["gone"] if gone in line]
    assert leaked == []
    assert recorder.handler.counts.recorded == len(CORPUS)


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry["text"][:40])
def test_a_masked_value_is_counted_under_its_kind(entry, recorder):
    document = recorder.log(tool(result=f"first line\n{entry['text']}"))
    assert document["mcp"]["redaction"] == {"count": 1, "types": [entry["kind"]]}


SECRET_KEYS = """
    password Password PASSWORD passwd pwd pass db_pass dbPass passphrase password2 password_hash
    new-password userPassword passwordConfirmation user[password] secret client_secret clientSecret
    secret_key secretKey api_key apikey API-KEY x-api-key private_key access_key accessKeyId
    signing_key credential credentials creds Authorization proxy-authorization auth basic_auth
    cookie set-cookie token access_token refreshToken id_token bearer bearer_token csrf_token
    jwt otp totp mfa_code security_code cvv cvc2 pin user_pin card_number cardNumber
    account_number ssn social_security_number iban connection_string session_id JSESSIONID
    code_verifier auth_code authorization_code recovery_codes X-Amz-Signature sig seed_phrase
""".split()  # noqa: SIM905 - reads better than seventy quoted words


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_value_is_masked_for_the_name(key, recorder):
    planted = {"a": [{key: "zq7w-plain"}, {"b": {key: {"x": ["zq8w-deep"]}}}], "other": "kept"}
    document = recorder.log(tool(planted, json.dumps({key: "zq9w-in-json"})))
    line = lines(recorder.directory)[-1].decode()
    assert "zq7w" not in line
    assert "zq8w" not in line
    assert "zq9w" not in line
    assert document["gen_ai"]["tool"]["call"]["arguments"]["other"] == "kept"
    assert document["mcp"]["redaction"] == {"count": 3, "types": ["secret"]}


HARMLESS_KEYS = """
    max_tokens maxTokens max_completion_tokens max_new_tokens prompt_tokens cache_read_input_tokens
    next_page_token nextPageToken pageToken continuation_token sync_token progressToken eos_token
    token_count token_type monkey keyboard passenger compass bypass passage passport
    author authority authors primary_key public_key sort_key key keys hotkey secretary
    cookies_enabled_count password_policy pinned spin mapping shipping encoding code
    status_code oauth signature_version tokenizer tokenize session sessions card cards account
    iban_country description
""".split()  # noqa: SIM905 - as above


@pytest.mark.parametrize("key", HARMLESS_KEYS)
def test_a_value_is_kept_for_the_name(key, recorder):
    arguments = {key: "some words", "nested": [{key: 512}]}
    document = recorder.log(tool(arguments, f"{key}: 512 and {key} = words"))
    assert document["gen_ai"]["tool"]["call"]["arguments"] == arguments
    assert document["mcp"]["tool"]["result"]["text"] == f"{key}: 512 and {key} = words"
    assert "redaction" not in document["mcp"]


def test_a_number_of_tokens_is_no_secret_but_a_token_in_digits_is(recorder):
    arguments = {"tokens": 512, "token": 839201}
    document = recorder.log(tool(arguments))
    assert document["gen_ai"]["tool"]["call"]["arguments"] == {"tokens": 512, "token": "[SECRET]"}


def test_a_value_that_tells_nothing_is_not_masked(recorder):
    arguments = {"password": "", "token": None, "secret": False, "api_key": True}
    document = recorder.log(tool(arguments))
    assert document["gen_ai"]["tool"]["call"]["arguments"] == arguments


def test_a_value_labelled_by_its_neighbour_is_masked(recorder):
    headers = [{"name": "Authorization", "value": "zq7w"}, {"name": "Accept", "value": "text/html"}]
    document = recorder.log(tool({"headers": headers, "body": json.dumps(headers)}))
    arguments = document["gen_ai"]["tool"]["call"]["arguments"]
    assert arguments["headers"] == [
        {"name": "Authorization", "value": "[SECRET]"},
        {"name": "Accept", "value": "text/html"},
    ]
    assert "zq7w" not in arguments["body"]


def test_what_follows_a_secret_option_is_masked(recorder):
    document = recorder.log(tool({"argv": ["mysql", "--password", "zq7w", "--host", "db"]}))
    argv = document["gen_ai"]["tool"]["call"]["arguments"]["argv"]
    assert argv == ["mysql", "--password", "[SECRET]", "--host", "db"]


#: Texts in which only somebody who looks at words instead of meaning sees a secret.
CLEAN = (
    "42 rows returned from table t in the database main",
    "password is required",
    "The token was revoked; ask for a new one",
    "bearer authentication failed: bearer token missing",
    "a basic understanding of basic arithmetic",
    "max_tokens: 512, next_page_token=abc",
    "the key is under the mat, the code is short",
    "at 2026-11-24T10:11:12.123456Z took 0.4111111111111111 s, id 1763953200123",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b, uuid 123e4567-e89b-12d3-a456-426614174000",
    "version 1.2.3, build 030 1234567, 2026-11-24 - 2026-12-24",
    "see https://example.com:8080/a/b?page=2&sort=asc#top and file:///tmp/x",
    "grüße, 東京, \u202eright to left, emoji 🎉, tab\tand\nnew line",
    '{"rows": [1, 2, 3], "next": null, "price": 12.50}',
    "task-force, disk-usage, desk-lamp, risk-averse, sk-i",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
)


@pytest.mark.parametrize("text", CLEAN)
def test_a_clean_text_is_written_as_it_came(text, recorder):
    document = recorder.log(tool({"text": text}, text, **{"error.message": text}))
    assert document["gen_ai"]["tool"]["call"]["arguments"] == {"text": text}
    assert document["mcp"]["tool"]["result"]["text"] == text
    assert document["error"]["message"] == text
    assert "redaction" not in document["mcp"]


def test_card_numbers_are_known_as_numbers_too(recorder):
    arguments = {
        "whole": 4111111111111111,
        "negative": -4111111111111111,
        "real": 4111111111111111.0,
        "time": 1763953200123,
        "other": 4111111111111112,
        "rate": 1e15,
    }
    document = recorder.log(tool(arguments))
    assert document["gen_ai"]["tool"]["call"]["arguments"] == {
        "whole": "[CARD]",
        "negative": "[CARD]",
        "real": "[CARD]",
        "time": 1763953200123,
        "other": 4111111111111112,
        "rate": 1e15,
    }
    assert document["mcp"]["redaction"] == {"count": 3, "types": ["card"]}


@pytest.mark.parametrize(
    ("secret", "repeated"),
    [
        ("correct horse", "wrong: correct horse!"),
        ('hun"ter\\2', 'said {"p": "hun\\"ter\\\\2"}'),
        ("pässwörd", 'said {"p": "p\\u00e4ssw\\u00f6rd"}'),
        ("p@ss/w:rd", "GET /login/p%40ss%2Fw%3Ard"),
        (48151623, "code 48151623 was wrong"),
        (["first-one", {"x": "second-one"}], "got first-one and second-one"),
        (b"raw-bytes", "got raw-bytes"),
        ("x" * 900 + "end", "got " + "x" * 900 + "end"),
    ],
)
@pytest.mark.parametrize("first", ["arguments", "result"])
def test_the_echo_of_a_masked_value_is_masked(secret, repeated, first, recorder):
    """In whatever order the fields come: a caller of `create_event` chooses it."""
    fields = {"arguments": {"again": [repeated], "password": secret}, "result": repeated}
    if first == "result":
        fields = dict(reversed(fields.items()))
    fields |= {"error.message": repeated, "failure_reason": repeated, "tool_name": "login"}
    document = recorder.log(create_event(TOOL, fields))
    assert document["gen_ai"]["tool"]["call"]["arguments"]["again"] == [repeated]
    texts = [
        document["mcp"]["tool"]["result"]["text"],
        document["error"]["message"],
        document["event"]["reason"],
    ]
    assert [text for text in texts if "[SECRET]" not in text] == []
    assert "echo" in document["mcp"]["redaction"]["types"]


def test_a_masked_object_does_not_make_a_secret_of_true_or_none(recorder):
    event = tool({"auth": {"is_on": True, "since": None}}, result="True is not None")
    document = recorder.log(event)
    assert document["mcp"]["tool"]["result"]["text"] == "True is not None"


def test_no_argument_vanishes_because_another_one_repeats_it(recorder):
    document = recorder.log(tool({"password": "DROP TABLE users", "sql": "DROP TABLE users"}))
    arguments = document["gen_ai"]["tool"]["call"]["arguments"]
    assert arguments == {"password": "[SECRET]", "sql": "DROP TABLE users"}


ECHOED = "Zeb/ra 99+x'y\"z"


@pytest.mark.parametrize(
    "spell",
    [
        quote,
        quote_plus,
        lambda text: quote(text, safe="").lower(),
        html.escape,
        repr,
        str.upper,
        lambda text: text[::-1],
        lambda text: text.encode().hex(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(b"bob:" + text.encode()).decode(),
        lambda text: base64.b64encode(b"ab:" + text.encode() + b"!").decode(),
        lambda text: json.dumps(json.dumps(json.dumps(text))),
        str.strip,
    ],
)
def test_an_echo_is_masked_in_every_spelling(spell, recorder):
    document = recorder.log(tool({"password": f"{ECHOED}\r\n"}, f"got <{spell(ECHOED)}>"))
    written = document["mcp"]["tool"]["result"]["text"]
    assert "[SECRET]" in written
    assert "ebra" not in written.lower().replace("/", "")
    assert document["mcp"]["redaction"]["types"][0] == "echo"


def test_an_echo_of_one_line_of_a_secret_is_masked(recorder):
    key = {"ssh_key": "first-line-1\nsecond-line-2\n"}
    document = recorder.log(tool(key, "bad: second-line-2"))
    assert document["mcp"]["tool"]["result"]["text"] == "bad: [SECRET]"


@pytest.mark.parametrize("length", [1100, 1900, 5000])
def test_no_part_of_a_long_echo_is_written(length, recorder):
    secret = "".join(Random(length).choices("abcdefghij0123456789", k=length))
    recorder.log(tool({"password": secret}, f"got {secret} and more"))
    line = lines(recorder.directory)[-1].decode()
    assert [at for at in range(0, length - 20, 10) if secret[at : at + 20] in line] == []


def test_a_short_secret_echoes_as_a_word_only(recorder):
    document = recorder.log(tool({"pin": "a1b"}, "a1b, not a1bc"))
    assert document["mcp"]["tool"]["result"]["text"] == "[SECRET], not a1bc"


def test_a_caller_cannot_blot_out_what_was_called_by_passing_it_as_a_password(recorder):
    event = create_tool_execution_event(
        "mallory", "delete_everything", {"password": "delete_everything"}, user_agent="agent"
    )
    document = recorder.log(event)
    assert document["gen_ai"]["tool"]["name"] == "delete_everything"
    assert document["message"] == "mallory called delete_everything: succeeded"


def test_secrets_made_to_breed_in_each_others_tokens_do_not(recorder):
    """Each is part of `[SECRET]`: replaced one after the other they would double the text."""
    token = "[SECRET]"
    pieces = [token[a:b] for a in range(8) for b in range(a + 4, 9)]
    document = recorder.log(tool({"passwords": pieces}, "SECR " * 150))
    assert document["mcp"]["tool"]["result"]["text"] == "[SECRET] " * 150


def test_with_more_secrets_than_are_remembered_a_result_is_not_written(recorder):
    arguments = {"users": [{"name": f"u{n}", "password": f"zq7w-{n:04d}"} for n in range(100)]}
    document = recorder.log(tool(arguments, "the last was zq7w-0099"))
    assert document["mcp"]["tool"]["result"]["text"] == "[SECRET]"
    assert document["gen_ai"]["tool"]["call"]["arguments"]["users"][99]["name"] == "u99"
    assert b"zq7w" not in lines(recorder.directory)[-1]


@pytest.mark.parametrize("start", [*range(960, 1001, 4)])
@pytest.mark.parametrize("entry", CORPUS[::3], ids=lambda entry: entry["text"][:30])
def test_a_secret_across_the_cut_is_not_half_written(entry, start, recorder):
    text = ("lorem ipsum " * 100)[: start - 1] + " " + entry["text"] + " dolor" * 300
    document = recorder.log(tool({"text": text}, text, **{"error.message": text}))
    written = lines(recorder.directory)[-1].decode()
    for gone in entry["gone"]:
        longest_piece = gone[:6]
        assert longest_piece not in written
    assert document["mcp"]["tool"]["result"]["size"] == len(text)
    assert document["mcp"]["tool"]["result"]["truncated"] is True


@pytest.mark.parametrize("start", range(980, 1001, 5))
def test_an_echo_across_the_cut_is_not_half_written(start, recorder):
    secret = "zq7w-correct-horse-battery-staple"
    text = "x" * start + secret + "y" * 3000
    recorder.log(create_event(TOOL, {"result": text, "arguments": {"password": secret}}))
    assert b"zq7w" not in lines(recorder.directory)[-1]


@pytest.mark.parametrize(
    ("secret", "half"),
    [
        ("4111 1111 1111 1111", "b 4111"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "b ghp_"),
    ],
)
def test_text_that_moves_before_the_cut_brings_no_half_secret_with_it(secret, half, recorder):
    """A masked key is shorter than it was: what was read last, half a secret, is not written."""
    pem = "-----BEGIN PRIVATE KEY-----\n" + "A" * 1240 + "\n-----END PRIVATE KEY-----"
    text = pem + "b" * (2015 - len(pem)) + f" {secret} " + "c" * 2000
    document = recorder.log(tool(result=text))
    written = document["mcp"]["tool"]["result"]["text"]
    assert "…[CUT" in written
    assert half not in written


def test_a_long_text_says_how_long_it_was(recorder):
    document = recorder.log(tool(result="0123456789" * 1000))
    text = document["mcp"]["tool"]["result"]["text"]
    assert text.startswith("0123456789" * 100 + "…[CUT 10000 characters, sha256 ")
    assert document["mcp"]["tool"]["result"]["size"] == 10_000


@pytest.mark.parametrize("beside", ["NaN", "[Infinity]", '"\\ud800"', '"\ud800"'])
def test_a_secret_in_json_that_only_python_reads_is_masked(recorder, beside):
    recorder.log(tool(result=f'{{"card_number": "hunter2", "beside": {beside}}}'))
    assert b"hunter2" not in b"".join(lines(recorder.directory))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
MARK = "zq7wMARKzq7w"


def bury(value, path):
    """The value, with a secret put under a secret's name somewhere in it."""
    for step in path:
        value = [value, step] if isinstance(step, int) else {step: value, "beside": 1}
    return value


@given(
    key=st.sampled_from(SECRET_KEYS),
    secret=st.just(MARK) | JSON.map(lambda value: {"x": [value, MARK]}),
    path=st.lists(st.integers(0, 9) | st.text(max_size=8), max_size=12),
    beside=JSON,
    encode=st.booleans(),
)
def test_no_value_under_a_secret_name_is_written_at_any_depth(
    tmp_path_factory, key, secret, path, beside, encode
):
    buried = bury({key: secret, "beside": beside}, path)
    planted = json.dumps(buried) if encode else buried
    recorder = Recorder(tmp_path_factory.mktemp("audit"))
    recorder.log(tool({"data": planted}, planted))
    recorder.close()
    assert MARK.encode() not in b"\n".join(lines(recorder.directory))
    assert recorder.handler.counts.failed == 0


def test_a_secret_in_json_whose_member_comes_twice_is_masked(recorder):
    text = '{"name":"password","value":"hunter2Zebra99","value":null}'
    recorder.log(tool(result=text))
    assert b"hunter2" not in b"".join(lines(recorder.directory))


def test_the_fields_of_a_named_tuple_are_names(recorder):
    Login = namedtuple("Login", ["user", "password"])  # noqa: PYI024 - as callers have it
    event = recorder.log(create_event(TOOL, {"result": [Login("ada", "hunter2Zebra99")]}))
    assert "hunter2" not in json.dumps(event)
    assert "ada" in json.dumps(event)
