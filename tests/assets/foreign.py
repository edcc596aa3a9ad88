"""Lines from other programs, as wild as JSON allows, for properties that hold for all of them."""

import json
from pathlib import Path

import yaml
from hypothesis import strategies as st

from shipper.catalog.methods import methods

SECRETS = yaml.safe_load(
    (Path(__file__).parent.parent / "record/secrets.yml")
    .read_text(encoding="utf-8")
    .replace("~", "")
)
KEYS = st.sampled_from(
    [
        *("a", "name", "arguments", "x.y", "a[b]", "[a]", "", "@timestamp", "password", "apiKey"),
        *("n" * 200, "ключ", "id", "type", "text", "event", "_id", "value", "%{x}", "\0k"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["ß" * 1500, "%{foo}", "${HOME}", '{"a":1}', "[1]", "1e5", "\u2028", "\\", "'"]
    ),
    st.sampled_from([row["text"] for row in SECRETS]),
)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
JSON = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.none(), st.booleans()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
METHODS = st.sampled_from([*methods().requests, *methods().from_server, "x/custom", ""])


def _object(**members):
    """An object with some of the members, each with a valid or an invalid value."""
    return st.fixed_dictionaries({}, optional={name: one | JSON for name, one in members.items()})


PARAMS = _object(name=TEXTS, arguments=st.dictionaries(KEYS, JSON), uri=TEXTS, level=TEXTS)
RESULTS = _object(content=st.lists(_object(type=TEXTS, text=TEXTS)), isError=st.booleans())
ERRORS = _object(code=st.integers(-32700, 0), message=TEXTS)
RPC = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0")},
    optional={
        "id": st.integers() | JSON,
        "method": METHODS | JSON,
        "params": PARAMS | JSON,
        "result": RESULTS | JSON,
        "error": ERRORS | JSON,
    },
)
BESIDE = st.dictionaries(
    st.sampled_from(
        [
            *("timestamp", "user_id", "session_id", "client_ip", "duration_ms", "trace_id", "host"),
            *("log", "event", "tags", "data_stream", "fields", "agent", "level", "type", "outcome"),
            *("loggedAt", "action", "resource_type", "threat_score", "mcp.method.name", "mcp"),
        ]
    ),
    st.sampled_from(["2026-11-24T08:30:00Z", 1795509000.5, "1.2.3.4:9", "12.5ms"]) | JSON,
    max_size=4,
)
LINES = st.one_of(
    RPC,
    st.builds(lambda beside, rpc: {**beside, **rpc}, BESIDE, RPC),
    st.builds(lambda beside, rpc: {**beside, "message": json.dumps(rpc)}, BESIDE, RPC),
    st.builds(
        lambda beside, rpc, to: {**beside, "message": json.dumps(rpc)[:to]},
        BESIDE,
        RPC,
        st.integers(0, 200),
    ),
    st.builds(lambda beside, message: {**beside, "message": message}, BESIDE, JSON),
    BESIDE,
)


def planted(row):
    """A secret in each place of a log: a request, result, error, log line, or half a line."""
    text = row["text"]
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a"}}
    blocks = {"content": [{"type": "text", "text": text}]}
    return [
        {**call, "params": {"name": "a", "arguments": {"note": text}}},
        {"message": json.dumps({**call, "result": blocks})},
        {**call, "error": {"code": -1, "message": text}},
        {"message": f"log line: {text}"},
        {"message": f'{{"jsonrpc": "2.0", "x": {json.dumps(text)} cut'},
        {"level": "info", "note": text},
    ]


def leaks(results):
    """The secrets that are still readable in the results of all planted lines, in order."""
    rows = [row for row in SECRETS for _ in planted(row)]
    found = []
    for row, result in zip(rows, results, strict=True):
        text = json.dumps(result, ensure_ascii=False)
        found += [(row["text"], gone) for gone in row["gone"] if gone in text]
    return found


PLANTED = [line for row in SECRETS for line in planted(row)]
