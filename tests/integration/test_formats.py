"""Every event type to real receivers: rsyslog, with and without TLS, and a real collector."""

import json
from functools import partial
from typing import get_args

import pytest

from shipper.catalog import MCPEventType
from shipper.formats.codec import Codec, encoder
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED
from shipper.outputs.otlp.config import OtlpConfig
from shipper.outputs.otlp.output import Otlp
from shipper.outputs.syslog.config import SyslogConfig
from shipper.outputs.syslog.output import Syslog
from shipper.outputs.tls import TlsConfig
from shipper.sample import write_sample
from tests.conftest import real
from tests.real.collector import Collector
from tests.real.processes import wait_until
from tests.real.rsyslog import Rsyslog

#: Starting values that must survive: escapes of every layer, and text in two scripts.
AWKWARD = {
    "service": {"name": 'a "b" ]c\\ d', "version": "1]"},
    "message": 'bar | equals = back\\slash\nnext line "quoted" ünï 漢',
    "mcp": {"audit": {"type": "mcp_tool_execution"}},
}
WAIT_S = 60


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, days=3, end_s=1_795_530_600)
    found = [line for path in sorted(folder.iterdir()) for line in path.read_bytes().splitlines()]
    kinds = {json.loads(line)["mcp"]["audit"]["type"] for line in found}
    assert kinds == set(MCPEventType)
    return [*found, json.dumps(AWKWARD, ensure_ascii=False).encode()]


def delivered(output, lines):
    try:
        assert output.send(Lines.of(lines)) == [DELIVERED] * len(lines)
    finally:
        output.close()


@pytest.mark.parametrize("codec", get_args(Codec))
@pytest.mark.parametrize("tls", [False, True])
def test_rsyslog_reads_every_message_as_it_was_sent(lines, codec, tls):
    with real(partial(Rsyslog, tls=tls)) as server:
        ssl = TlsConfig(certificate_authorities=(server.authority,)) if tls else None
        config = SyslogConfig(
            hosts=(server.address,), codec=codec, ssl=ssl, max_message_bytes=65_536
        )
        delivered(Syslog(config), lines)
        wait_until(lambda: len(server.messages()) == len(lines), WAIT_S, "all messages are there")
        found = [json.loads(message) for message in server.messages()]
    for line, message in zip(lines, found, strict=True):
        event = json.loads(line)
        assert message["text"].removeprefix(" ").encode() == encoder(codec)(line)
        assert message["facility"] == "13"
        assert message["host"] == event.get("host", {}).get("name", message["host"])
        assert message["id"] == event.get("event", {}).get("action", "-")
    assert found[-1]["app"] == 'a_"b"_]c\\_d'
    assert found[-1]["data"] == r'[origin software="a \"b\" \]c\\ d" swVersion="1\]"]'


def test_a_collector_takes_every_line(lines):
    with real(Collector) as server:
        output = Otlp(OtlpConfig(url=server.url))
        assert output.probe() == f"{server.url} takes logs"
        delivered(output, lines)
        wait_until(lambda: server.records == len(lines), WAIT_S, "all records are there")
        found = server.log
    assert found.count("event.hash: Str(") == len(lines) - 1
    assert f"Body: Str({lines[0].decode()})" in found
    assert "SeverityText: FATAL" in found
    assert "service.name: Str(files)" in found
    assert "EventName: tool-call" in found
