"""RFC 5424 by its grammar."""

import json
import re

from hypothesis import example, given
from hypothesis import strategies as st

from shipper.formats.syslog import framed, syslog

#: The ABNF of RFC 5424, section 6, for what is used of it.
_MESSAGE = re.compile(
    rb"<(?P<pri>\d{1,3})>1 "
    rb"(?P<time>-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)) "
    rb"(?P<host>[\x21-\x7e]{1,255}) (?P<app>[\x21-\x7e]{1,48}) (?P<pid>[\x21-\x7e]{1,128}) "
    rb"(?P<id>[\x21-\x7e]{1,32}) "
    rb'(?P<data>\[origin( [a-zA-Z]{1,32}="(?:[^"\\\]]|\\["\\\]])*")+\]) '
    rb"(?P<text>.*)",
    re.DOTALL,
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=300)


def parts(event, facility=13):
    line = json.dumps(event).encode()
    found = _MESSAGE.fullmatch(syslog(line, bytes, facility))
    assert found, syslog(line, bytes, facility)
    assert found["text"] == line
    return {name: value.decode() for name, value in found.groupdict().items()}


@given(TEXT, TEXT, TEXT, TEXT)
@example('a"]\\', "]", " ", "é")
def test_any_names_give_a_message_of_the_grammar(service, version, host, action):
    found = parts(
        {
            "service": {"name": service, "version": version},
            "host": {"name": host},
            "event": {"action": action},
        }
    )
    values = re.findall(r'="((?:[^"\\\]]|\\.)*)"', found["data"])
    assert re.sub(r"\\(.)", r"\1", values[0]) == service[:48]


def test_the_header_has_what_the_event_has():
    found = parts(
        {
            "@timestamp": "2026-11-30T10:00:00.123456Z",
            "host": {"name": "web-1"},
            "service": {"name": "files", "version": "3.1"},
            "process": {"pid": 7},
            "event": {"action": "tool-call", "severity": 99},
        },
        facility=10,
    )
    assert found["pri"] == str(10 * 8 + 2)
    assert found["time"] == "2026-11-30T10:00:00.123456+00:00"
    assert [found[key] for key in ("host", "app", "pid", "id")] == [
        "web-1",
        "files",
        "7",
        "tool-call",
    ]
    assert found["data"] == '[origin software="files" swVersion="3.1"]'


def test_what_a_line_lacks_is_nil():
    found = parts({})
    assert [found[key] for key in ("time", "host", "app", "pid", "id")] == ["-"] * 5
    assert found["pri"] == str(13 * 8 + 6)


def test_a_frame_begins_with_the_number_of_bytes():
    assert framed("ü\n".encode()) == b"3 \xc3\xbc\n"
