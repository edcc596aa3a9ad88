"""The syslog output on real sockets: framing, sizes, reconnection. A real rsyslog: test_formats."""

import socket
import threading
from contextlib import contextmanager

import pytest

from shipper.config import from_mapping
from shipper.errors import ConfigError, Refused, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Rejected
from shipper.outputs.syslog.config import SyslogConfig
from shipper.outputs.syslog.output import Syslog
from shipper.outputs.tls import TlsConfig

TWO = Lines.of([b'{"a":1}', b'{"b":2}'])
WAIT_S = 10


class Receiver:
    """Keeps the bytes of each connection."""

    def __init__(self, context=None):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.context, self.connections, self.got = context, [], []
        self.arrived = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server.getsockname()[1]}"

    def wait(self, *expected):
        with self.arrived:
            assert self.arrived.wait_for(
                lambda: [*map(messages, self.got)] == [*expected], WAIT_S
            ), self.got

    def hang_up(self):
        for one in self.connections:
            one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        while True:
            try:
                raw, _ = self.server.accept()
            except OSError:
                return
            try:
                one = self.context.wrap_socket(raw, server_side=True) if self.context else raw
            except OSError:  # ssl.SSLError is one
                raw.close()
                continue
            self.connections.append(one)
            self.got.append(b"")
            threading.Thread(target=self._read, args=(one, len(self.got) - 1), daemon=True).start()

    def _read(self, one, index):
        while data := self._data(one):
            with self.arrived:
                self.got[index] += data
                self.arrived.notify()

    def _data(self, one):
        try:
            return one.recv(65536)
        except OSError:
            return b""


def messages(data):
    """The messages of a connection, by their lengths; raises if a length is wrong."""
    found = []
    while data:
        size, _, rest = data.partition(b" ")
        assert len(rest) >= int(size)
        found.append(rest[: int(size)])
        data = rest[int(size) :]
    return [one.rpartition(b"] ")[2] for one in found]


@contextmanager
def receiver(context=None):
    server = Receiver(context)
    try:
        yield server
    finally:
        server.server.close()
        for one in server.connections:
            one.close()


@contextmanager
def syslog(*addresses, **settings):
    output = Syslog(SyslogConfig(hosts=addresses, **settings))
    try:
        yield output
    finally:
        output.close()


def test_each_message_has_its_length_in_front():
    with receiver() as server, syslog(server.address) as output:
        assert output.send(TWO) == [DELIVERED] * 2
        server.wait([b'{"a":1}', b'{"b":2}'])


def test_a_message_that_is_too_long_is_rejected_and_its_neighbours_arrive():
    lines = Lines.of([b'{"a":1}', b'{"a":"' + b"x" * 500 + b'"}', b'{"b":2}'])
    with receiver() as server, syslog(server.address, max_message_bytes=480) as output:
        first, long, last = output.send(lines)
        assert (first, last) == (DELIVERED, DELIVERED)
        assert isinstance(long, Rejected)
        assert "max_message_bytes is 480" in long.reason
        server.wait([b'{"a":1}', b'{"b":2}'])


def test_a_connection_that_the_receiver_has_closed_is_opened_again_before_anything_is_sent():
    with receiver() as server, syslog(server.address) as output:
        output.send(TWO)
        server.wait([b'{"a":1}', b'{"b":2}'])
        server.hang_up()
        assert output.send(TWO) == [DELIVERED] * 2
        server.wait([b'{"a":1}', b'{"b":2}'], [b'{"a":1}', b'{"b":2}'])


def test_a_receiver_that_is_down_is_unavailable_and_another_host_takes_over():
    with socket.create_server(("127.0.0.1", 0)) as held:
        gone = f"127.0.0.1:{held.getsockname()[1]}"
    with syslog(gone) as output, pytest.raises(Unavailable):
        output.send(TWO)
    with receiver() as server, syslog(gone, server.address) as output:
        assert output.send(TWO) == [DELIVERED] * 2
        server.wait([b'{"a":1}', b'{"b":2}'])


def test_a_receiver_with_an_unknown_authority_gets_nothing(authority, stranger):
    with receiver(authority.server()) as server:
        tls = TlsConfig(certificate_authorities=(stranger.file,))
        with syslog(server.address, ssl=tls) as output, pytest.raises(Refused, match="not trusted"):
            output.send(TWO)
        tls = TlsConfig(certificate_authorities=(authority.file,))
        with syslog(server.address, ssl=tls) as output:
            assert "TLSv1" in output.probe()
            output.send(TWO)
            server.wait([b'{"a":1}', b'{"b":2}'])


def test_the_section_of_a_configuration_is_checked():
    config = from_mapping({"output": {"syslog": {"hosts": ["a"], "codec": "cef", "facility": 10}}})
    assert config.outputs["syslog"].codec == "cef"
    with pytest.raises(ConfigError, match="codec"):
        from_mapping({"output": {"syslog": {"codec": "xml"}}})
    with pytest.raises(ConfigError, match="facility"):
        from_mapping({"output": {"syslog": {"facility": 24}}})
