"""Whatever a caller sends, the line stays small, strict JSON, and quickly made."""

import json
import time
import tracemalloc
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.record.event import create_event
from shipper.secrets.gates import plain_search_of, search_of
from shipper.secrets.masker import KINDS, masker
from tests.record.recorder import Recorder, lines

TOOL = "mcp_tool_execution"


def tool(arguments=None, result=None, **fields):
    return create_event(TOOL, {"tool_name": "t", "arguments": arguments, "result": result} | fields)


def arguments_of(document):
    return document["gen_ai"]["tool"]["call"]["arguments"]


class Unprintable:
    def __str__(self):
        raise ArithmeticError("no text of me")


class Text(str):
    __slots__ = ()


def circle():
    round_and_round = {"n": 1}
    round_and_round["password"] = round_and_round
    round_and_round["again"] = [round_and_round]
    return round_and_round


def deep(levels):
    value = "bottom"
    for _ in range(levels):
        value = {"down": [value]}
    return value


AWKWARD = {
    "a circle": circle(),
    "a hundred thousand levels": deep(100_000),
    "lone surrogates": {"a\ud800": "b\udfff", "ok": "\ud83d\ude00"},
    "numbers that JSON has not": {"a": float("nan"), "b": float("inf"), "c": -float("inf")},
    "a number of 10,000 digits": {"a": 10**10_000, "b": -(10**10_000)},
    "a number of 30 digits": {"a": 10**30, "b": -(10**30)},
    "bytes": {"a": b"\xff\x00", "b": bytearray(5), "c": memoryview(b"abc")},
    "sets": {"a": {1}, "b": frozenset({"x"})},
    "names that are no text": {1: "a", None: "b", (1, 2): "c", False: "d", b"k": "e", 1.5: "f"},
    "names that are empty or NUL": {"": 1, "\0": 2, "a\0b": 3},
    "a name of a megabyte": {"n" * (1 << 20): 1},
    "a text of ten megabytes": {"a": "x" * (10 << 20)},
    "a text that looks like deep JSON": {"a": "[" * 1900, "b": '{"a":' * 300},
    "a text that is broken JSON": {"a": '{"password": "x', "b": "[1,]"},
    "ten thousand values": {"a": list(range(10_000)), "b": {str(n): n for n in range(10_000)}},
    "a megabyte of texts": {"a": ["x" * 1000] * 1000},
    "subclasses of what JSON has": {"a": Text("x"), "b": type("Whole", (int,), {})(3)},
    "a mapping that is no dict": MappingProxyType({"a": 1}),
}


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("field", ["arguments", "result", "tool_name", "user_id", "error.message"])
def test_one_bounded_line_of_strict_json_comes_of(kind, field, recorder):
    document = recorder.log(create_event(TOOL, {field: AWKWARD[kind]}))
    line = lines(recorder.directory)[-1]
    assert document["mcp"]["audit"]["type"] == TOOL
    assert len(line) < 512 << 10
    json.loads(line, parse_constant=pytest.fail)
    assert recorder.handler.counts.failed == 0


def test_what_cannot_be_looked_at_is_left_out_and_counted_and_the_rest_is_written(recorder):
    document = recorder.log(
        tool({"a": Unprintable()}, "fine", correlation_id=Unprintable(), source_ip="nowhere")
    )
    assert "arguments" not in document["gen_ai"]["tool"].get("call", {})
    assert document["mcp"]["tool"]["result"]["text"] == "fine"
    assert document["mcp"]["audit"]["dropped_fields"] == 3


def test_fields_that_the_catalog_does_not_name_are_counted_with_those_that_do_not_fit(recorder):
    document = recorder.log(tool(bogus=1, other=2, source_ip="nowhere"))
    assert document["mcp"]["audit"]["dropped_fields"] == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration_ms", float("nan")),
        ("duration_ms", float("inf")),
        ("duration_ms", 10**400),
        ("duration_ms", "12"),
        ("cost", float("nan")),
        ("cost", "a lot"),
        ("cost", 10**400),
        ("http.response.status_code", 1 << 63),
        ("http.response.status_code", "teapot"),
        ("mcp.tool.is_error", "yes"),
        ("source_ip", "10.0.0.256"),
        ("source_ip", "10.0.0.1:80"),
    ],
)
def test_a_value_that_elasticsearch_would_refuse_is_left_out(field, value, new_recorder):
    catalog = {
        "event_types": {
            TOOL: {
                "fields": [
                    "gen_ai.tool.name",
                    "http.response.status_code",
                    "mcp.tool.is_error",
                    "mcp.cost.amount",
                ]
            }
        }
    }
    document = new_recorder(catalog=catalog).log(create_event(TOOL, {field: value}))
    assert document["mcp"]["audit"]["dropped_fields"] == 1


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_written_as_elasticsearch_takes_it(given, written, recorder):
    assert recorder.log(tool(source_ip=given))["source"]["ip"] == written


def test_what_is_too_deep_or_too_much_is_cut_visibly(recorder):
    arguments = arguments_of(recorder.log(tool({"deep": deep(30), "many": list(range(2000))})))
    assert "[CUT]" in json.dumps(arguments["deep"])
    assert arguments["many"][-1] == "[CUT]"
    assert arguments["many"][:3] == [0, 1, 2]


def test_padding_does_not_push_out_short_arguments(recorder):
    padding = {f"padding_{number}": "x " * 500 for number in range(200)}
    document = recorder.log(tool(padding | {"account": "11-4711", "amount": "100.00"}))
    arguments = arguments_of(document)
    assert (arguments["account"], arguments["amount"]) == ("11-4711", "100.00")
    assert arguments["padding_199"] == "[CUT]"
    assert document["message"].startswith("somebody called t: ")


@pytest.mark.parametrize("length", [1000, 1001])
def test_what_is_text_only_when_asked_is_written_without_quotes_however_long(length, recorder):
    class Answer:
        def __str__(self):
            return "a" * length

    written = recorder.log(tool(result=Answer()))["mcp"]["tool"]["result"]["text"]
    assert written.partition("…")[0] == "a" * 1000


def test_long_texts_take_no_memory_beyond_what_is_read_of_them(recorder):
    text = "a " * 500_000
    tracemalloc.start()
    recorder.log(tool(arguments={"texts": [text] * 100}))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 5 * len(text)


def test_the_arguments_hash_tells_repeated_calls_from_others(recorder):
    def hash_of(arguments):
        return recorder.log(tool(arguments))["mcp"]["tool"]["arguments"]["hash"]

    assert hash_of({"a": 1, "b": [2]}) == hash_of({"b": [2], "a": 1})
    assert hash_of({"a": 1, "b": [2]}) != hash_of({"a": 1, "b": [3]})


@pytest.mark.parametrize("value", [["a", 1], "words", 5, None])
def test_arguments_that_are_no_object_are_put_in_one(value, recorder):
    document = recorder.log(create_event(TOOL, {"arguments": value, "tool_name": "t"}))
    if value is None:
        assert "call" not in document["gen_ai"]["tool"]
    else:
        assert arguments_of(document) == {"values": value}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=20)
    | st.text(st.characters(), max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(), max_size=9) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            *("tool_name", "arguments", "result", "cost", "user_id", "session_id", "source_ip"),
            *("error.message", "failure_reason", "mcp.result.count", "duration_ms", "severity"),
            *("event.action", "event.type", "success", "mcp.tool.is_error", "bogus", "user_agent"),
        ]
    ),
    VALUES,
    max_size=8,
)


@given(fields=FIELDS)
def test_any_values_in_any_fields_become_one_line_of_strict_json(tmp_path_factory, fields):
    recorder = Recorder(tmp_path_factory.mktemp("audit"))
    recorder.log(create_event(TOOL, fields))
    recorder.close()
    for line in lines(recorder.directory):
        json.loads(line, parse_constant=pytest.fail)
    assert recorder.handler.counts.recorded == 1


#: Pieces of secrets, of what announces them, and of neither.
PIECES = """
    pass word pw pwd secret SECRET token Token key api_ API- creds credential cookie auth Auth otp
    cvv cvc pin ssn sig PHPSESSID jsessionid = : => > -- ' " hunter2 x Xy @ %40 . a.b :// bearer
    Basic Ym9iOmh1bnRlcjI= eyJ hbGciOiJIUzI1NiJ9 AKIA AIza EAAC IOSFODNN7EXAMPLE ghp_ glpat-
    github_pat_
    xoxb- xapp- sk- sk_live_ rk_test_ whsec_ npm_ hf_ dop_v1_ shpat_ pypi- sq0atp- key- SG. hvs.
    ya29. 16C7e42F292c6912E7710c838347 -----BEGIN -----END PRIVATE KEY ----- 4111 1111 41 1 - DE89
    gb29 NWBK 6016 1331 9268 19 3704 0044 0532 0130 00 078-05-1120 1763953200123 [SECRET] é İ
""".split()  # noqa: SIM905 - reads better than eighty quoted words
TEXTS = st.lists(st.sampled_from(PIECES) | st.sampled_from(["", " ", "\n", " is "]), max_size=14)


GATES = sorted({gate for kind in KINDS for gate in kind.gates})
PLAIN, FAST = plain_search_of(GATES), search_of(GATES)


@settings(max_examples=500)
@given(pieces=TEXTS)
def test_the_search_without_a_library_finds_the_same_literals(pieces):
    text = "".join(pieces).lower()
    assert sorted(PLAIN(text)) == sorted(FAST(text))


@settings(max_examples=1000)
@given(texts=st.lists(TEXTS.map("".join), max_size=4))
def test_a_text_is_masked_alike_alone_and_among_others(texts):
    found = masker().found_in(texts)
    for text in texts:
        assert found.get(text, []) == masker().spans(text)


#: Texts on which a pattern may try again and again.
ADVERSARIAL = {
    "one letter": "a",
    "an address without an end": "a@",
    "dots": "a.",
    "percents": "%40",
    "passwords": "pass",
    "a name without an end": "password-",
    "assignments of nothing": "password= ",
    "assignments": "password=a,",
    "assignments of marks": "password=,,,,;;;;",
    "quotes": "password='",
    "backslashes": 'token=\\"',
    "brackets": "secret:[",
    "braces": '{"secret":{',
    "prose": "password is a ",
    "options": "--token ",
    "keys": "-----BEGIN PRIVATE KEY-----",
    "ends of keys": "-----BEGIN PRIVATE KEY-----END ",
    "token starts": "eyJ",
    "tokens": "eyJhbGciOiJIUzI1NiJ9.",
    "prefixes": "sk-ghp_xoxb-AKIA",
    "bearers": "bearer ",
    "basics": "basic YWJjZA ",
    "schemes": "://a:",
    "users": "://a:b@",
    "backslashed schemes": "://" + "\\" * 9,
    "digits": "4",
    "digits apart": "4 5 ",
    "groups": "4111 ",
    "groups of two": "41-",
    "digits and blanks": "4" + " " * 30,
    "dotted": "4111.",
    "bank accounts": "DE89 3704 ",
    "bank accounts without blanks": "DE11",
    "social security": "123-45-",
    "cookies": "cookie: a=b;",
    "commands": "mysql ",
    "codes of URLs": "%41",
    "entities": "&#65;",
    "base64": "QUFB",
    "no width": "a\u200b",
    "forms": 'name="password"',
    "pairs": '"key": "token", "value": ',
    "rows of SQL": "insert into t (password) values ('a'),",
    "rows of a table": "a,password\n",
    "manifests": "kind: Secret\ndata:\n",
    "blocks": "password: |\n  a\n",
    "telephones": "phone: ",
    "taxes": "tax ",
    "random texts": "token Zx81jsKq02mmA1aa ",
    "words": "seed phrase abandon abandon ",
    "password files": ":5432:",
}
#: Some ten times what the worst of them takes here, so that only another order of growth fails.
BUDGET_S = 0.020
LONGEST_READ = 2048  # of one text


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_no_pattern_can_be_made_to_run_long_by(name):
    """Eight times the text may take eight times as long, but not its square."""

    def seconds(length):
        text = (ADVERSARIAL[name] * length)[:length]
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            masker().mask(text, lambda *_: None)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(LONGEST_READ) < BUDGET_S
    assert seconds(8 * LONGEST_READ) < 8 * BUDGET_S


def test_an_event_that_is_nothing_but_names_of_secrets_is_soon_written(recorder):
    texts = ["password= " * 100] * 130
    start = time.process_time()
    document = recorder.log(tool({"texts": texts, "target": "db-1"}))
    assert time.process_time() - start < 0.2
    assert arguments_of(document)["target"] == "db-1"


def test_a_caller_that_invents_names_does_not_fill_the_memory(recorder):
    def invent(numbers):
        for n in numbers:
            recorder.handler.record_self_audit(create_event(TOOL, {f"invented_{n}": n}))

    invent(range(1000))
    tracemalloc.start()
    try:
        invent(range(1000, 4000))
        grown_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown_bytes < 3 << 19, "3,000 shapes take megabytes"


@pytest.mark.parametrize("time_s", [-1.0, 1e12, float("nan"), float("inf")])
def test_an_event_of_a_time_that_no_date_has_gets_the_time_of_its_writing(time_s, recorder):
    before = datetime.now(UTC)
    recorder.handler.record(create_event(TOOL), time_s)
    (event,) = recorder.events()
    assert before <= datetime.fromisoformat(event["@timestamp"]) <= datetime.now(UTC)
