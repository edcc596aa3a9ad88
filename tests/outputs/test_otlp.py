"""The OTLP output against a scripted server. A real collector: test_formats."""

import gzip
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shipper.config import from_mapping
from shipper.errors import ConfigError, ProtocolError, Refused, TooLarge, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Rejected
from shipper.outputs.otlp.config import OtlpConfig
from shipper.outputs.otlp.output import Otlp
from shipper.outputs.secret import Secret

TWO = Lines.of([b'{"a":1}', b'{"b":2}'])
ONE = Lines.of([b'{"a":1}'])
PARTIAL = b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"bad time"}}'


@contextmanager
def collector(*answers):
    """A server that gives these answers (status, body), and then 200; what it got."""
    got, left = [], [*answers]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            got.append((self.path, dict(self.headers), json.loads(body)))
            status, answer = left.pop(0) if left else (200, b"{}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def otlp(url, **settings):
    output = Otlp(OtlpConfig(url=url, **settings))
    try:
        yield output
    finally:
        output.close()


def sent(lines, *answers):
    with collector(*answers) as (url, _), otlp(url) as output:
        return output.send(lines)


def test_lines_are_bodies_of_records_at_the_usual_path():
    with collector() as (url, got), otlp(url, headers={"X-Token": Secret("t")}) as output:
        assert output.send(TWO) == [DELIVERED] * 2
    ((path, headers, body),) = got
    assert path == "/v1/logs"
    assert headers["X-Token"] == "t"
    assert headers["Content-Type"] == "application/json"
    records = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert [one["body"]["stringValue"] for one in records] == ['{"a":1}', '{"b":2}']


def test_a_path_of_its_own_is_kept():
    with collector() as (url, got), otlp(f"{url}/otlp/logs", compression_level=0) as output:
        output.send(TWO)
    assert got[0][0] == "/otlp/logs"


def test_records_that_are_refused_are_found_by_halves():
    with pytest.raises(TooLarge, match="bad time"):
        sent(TWO, (200, PARTIAL))
    (outcome,) = sent(ONE, (200, PARTIAL))
    assert isinstance(outcome, Rejected)
    assert "bad time" in outcome.reason


@pytest.mark.parametrize("status", [400, 413])
def test_a_request_that_is_refused_is_sent_in_halves(status):
    with pytest.raises(TooLarge, match=str(status)):
        sent(TWO, (status, b""))
    assert isinstance(sent(ONE, (status, b""))[0], Rejected)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_collector_that_cannot_take_records_now_gets_them_again(status):
    with pytest.raises(Unavailable, match=str(status)):
        sent(TWO, (status, b""))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_address_or_token_is_for_a_person(status):
    with pytest.raises(Refused, match=r"check output\.otlp\.url"):
        sent(TWO, (status, b""))


def test_a_warning_without_refused_records_is_success():
    answer = b'{"partialSuccess":{"errorMessage":"slow down"}}'
    assert sent(TWO, (200, answer)) == [DELIVERED] * 2
    assert sent(TWO, (200, b"")) == [DELIVERED] * 2


@pytest.mark.parametrize(
    "answer", [b"<html>", b"[]", b'{"partialSuccess":{"rejectedLogRecords":"x"}}']
)
def test_an_answer_that_is_not_otlps_is_no_success(answer):
    with pytest.raises(ProtocolError, match="not OTLP"):
        sent(TWO, (200, answer))


def test_the_address_is_checked_and_holds_no_password():
    assert from_mapping({"output": {"otlp": {"url": "https://c:4318"}}}).outputs["otlp"].url
    for url in ("c:4318", "http://me:S3CRET@c:4318"):
        with pytest.raises(ConfigError, match="login belongs to headers") as caught:
            Otlp(OtlpConfig(url=url))
        assert "S3CRET" not in str(caught.value)
