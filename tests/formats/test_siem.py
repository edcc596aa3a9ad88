"""CEF and LEEF: read back by parsers written from the formats' own documents."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shipper.catalog import MCPEventType, builtin
from shipper.formats.fields import table
from shipper.formats.siem import cef, leef

_KEY = re.compile(r"(?:^|(?<= ))([A-Za-z0-9]+)=")
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
NASTY = "a|b\\c=d\ne\rf\tg  x=1 \\n\\"


def read_cef(text):
    """Header and pairs, unescaped, by ArcSight's rules."""
    assert "\n" not in text
    assert "\r" not in text
    *header, body = split_header(text, 7)
    pairs = {}
    # A key begins where a space precedes a word and an equals sign that is not escaped.
    found = [one for one in _KEY.finditer(body) if not is_escaped(body, one.end() - 1)]
    for one, after in zip(found, [*found[1:], None], strict=True):
        value = body[one.end() : after.start() - 1 if after else len(body)]
        pairs[one[1]] = unescaped(value, {"\\": "\\", "=": "=", "n": "\n", "r": "\r"})
    return [unescaped(one, {"\\": "\\", "|": "|"}) for one in header], pairs


def split_header(text, bars):
    parts, at, begin = [], 0, 0
    while len(parts) < bars:
        if text[at] == "\\":
            at += 1
        elif text[at] == "|":
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return [*parts, text[begin:]]


def is_escaped(text, at):
    return (at - len(text[:at].rstrip("\\"))) % 2 == 1


def unescaped(text, escapes):
    """Raises KeyError for an escape that the format does not have."""
    return re.sub(r"\\(.?)", lambda found: escapes[found[1]], text)


def read_leef(text):
    version, _, _, _, event, delimiter, body = text.split("|", 6)
    assert (version, delimiter) == ("LEEF:2.0", "x09")
    return event, dict(pair.split("=", 1) for pair in body.split("\t"))


def event(**changes):
    base = {
        "@timestamp": "2026-11-30T10:00:00.250Z",
        "mcp": {"audit": {"type": "mcp_tool_execution"}},
        "event": {"action": "tool-call", "severity": 73},
    }
    return json.dumps({**base, **changes}).encode()


@given(TEXT, TEXT)
@example(NASTY, NASTY)
def test_what_cef_escapes_is_read_back_unchanged(name, message):
    header, pairs = read_cef(cef(event(user={"name": name}, message=message)).decode())
    assert pairs["suser"] == name
    assert pairs["msg"] == message
    assert header[0] == "CEF:0"
    assert header[4:] == ["mcp_tool_execution", "tool-call", "8"]
    assert pairs["rt"] == "1796032800250"


@given(TEXT)
@example(NASTY)
def test_a_name_in_the_header_of_cef_stays_in_its_place(action):
    header, _ = read_cef(cef(event(event={"action": action})).decode())
    assert header[5] == re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", action)
    assert len(header) == 7


@given(TEXT, TEXT)
@example(NASTY, NASTY)
def test_no_value_of_leef_makes_another_pair_or_another_line(action, message):
    text = leef(event(event={"action": action}, message=message)).decode()
    assert text.isprintable() or not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text)
    found, pairs = read_leef(text)
    assert found == re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", action).replace("|", "_")
    assert set(pairs) == {"devTime", "sev", "msg"}
    assert pairs["msg"] == re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", message)


@pytest.mark.parametrize("encode", [cef, leef])
def test_the_size_of_a_message_is_bounded(encode):
    fields = {row["field"]: "=" * 100_000 for row in table(encode.__name__)}
    line = json.dumps({"event.action": "|" * 100_000, **fields, "x": "y" * 100_000}).encode()
    most = sum(row["most"] for row in table(encode.__name__))
    assert len(encode(line)) < 2 * most + 3_000


@pytest.mark.parametrize(("severity", "number"), [(0, 1), (21, 3), (47, 5), (73, 8), (99, 10)])
def test_severities_follow_the_events(severity, number):
    line = event(event={"severity": severity})
    assert read_cef(cef(line).decode())[0][6] == str(number)
    assert read_leef(leef(line).decode())[1]["sev"] == str(number)


@pytest.mark.parametrize("encode", [cef, leef])
def test_a_line_that_is_no_event_is_a_line(encode):
    text = encode(b'{"a":"b","n":1}').decode()
    read = read_cef if encode is cef else read_leef
    assert "|line|" in text
    assert read(text)[1]["msg"] == '{"a":"b","n":1}'


def test_every_line_of_every_event_type_is_read_back(lines):
    for line in lines:
        found = json.loads(line)
        header, pairs = read_cef(cef(line).decode())
        assert header[4] in set(MCPEventType)
        assert pairs["externalId"] == found["event"]["id"]
        assert pairs["cs6"] == found["event"]["hash"]
        action, pairs = read_leef(leef(line).decode())
        assert action == found["event"]["action"]
        assert pairs["eventId"] == found["event"]["id"]


@pytest.mark.parametrize("form", ["cef", "leef"])
def test_every_row_names_a_field_of_the_catalog_once(form):
    rows = table(form)
    assert {row["field"] for row in rows} <= set(builtin().fields)
    assert len({row["name"] for row in rows}) == len(rows)
