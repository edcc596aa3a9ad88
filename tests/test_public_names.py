"""What `import shipper` gives, and what it does not load."""

import subprocess
import sys

import pytest

import shipper


@pytest.mark.parametrize("name", shipper.__all__)
def test_every_public_name_is_there(name):
    assert getattr(shipper, name).__name__ == name


def test_any_other_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = shipper.nonsense


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("import shipper; shipper.AuditHandler", "shipper.outputs"),
        ("import shipper; shipper.AuditHandler", "shipper.deliver"),
        ("import shipper; shipper.AuditHandler", "socket"),
        ("import shipper; shipper.AuditHandler", "watchdog"),
        ("import shipper.deliver.pipeline, shipper.outputs", "shipper.record.handler"),
        ("import shipper.deliver.pipeline, shipper.outputs", "shipper.catalog"),
        ("import shipper.deliver.pipeline, shipper.outputs", "elasticsearch"),
        ("import shipper.run.supervise, shipper.outputs.logstash.lane", "shipper.secrets.masker"),
    ],
)
def test_one_side_does_not_load_the_other(program, absent):
    check = f"{program}; import sys; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_secrets_compile_no_pattern_before_they_are_searched_for():
    program = """
import base64, html, json, re, shipper.record.formatter
import shipper.secrets.kinds  # reads the vendors' forms, with two small patterns
def compile(*_): raise AssertionError("compiled at import")
re.compile = compile
import shipper.secrets.tables, shipper.secrets.echoes, shipper.secrets.items
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


#: For the shipper and its commands alone, or as slow to import.
_CLIENT_LIBRARIES = {
    "confluent_kafka",
    "cysimdjson",
    "elastic_transport",
    "elasticsearch",
    "http.client",
    "isal",
    "prometheus_client",
    "psutil",
    "redis",
    "rich",
    "socket",
    "ssl",
    "urllib3",
    "watchdog",
}
#: Records an event, and formats a record of the application's own.
_RECORDING = """
import logging, sys, shipper
handler = shipper.AuditHandler(sys.argv[1])
event = shipper.create_tool_execution_event("alice", "search")
record = logging.makeLogRecord({"msg": event, "levelno": logging.INFO, "levelname": "INFO"})
handler.handle(record)
handler.close()
shipper.EcsFormatter().format(logging.makeLogRecord({"msg": "started"}))
"""
_LOADED = "print(*sys.modules)"


def _modules_of(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {*done.stdout.split()}


def test_recording_loads_no_client_library(tmp_path):
    assert not _modules_of(_RECORDING + _LOADED, tmp_path) & _CLIENT_LIBRARIES
    assert any(tmp_path.iterdir())


def test_instrument_loads_no_client_library_that_the_sdk_does_not():
    program = """
import sys
from mcp.server.lowlevel import Server
server = Server("orders")
before = {*sys.modules}
import shipper
shipper.instrument(server)
print(*{*sys.modules} - before)
"""
    assert not _modules_of(program) & _CLIENT_LIBRARIES
