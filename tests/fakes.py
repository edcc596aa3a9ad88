"""Fake servers on real sockets that do what a script says, and outputs that do so without one."""

import gzip
import json
import socket
import ssl
import struct
import threading
from collections import deque
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shipper.errors import ProtocolError
from shipper.outputs.base import DELIVERED
from shipper.wire.lumberjack import Receiver, ack

WAIT_S = 20


# --- Lumberjack ---------------------------------------------------------------------------------
# An answer takes a window's size and yields what the server does: bytes to send, seconds to let
# pass as a float, or HANG_UP, RESET, SILENCE. A window without an answer left is acknowledged.

HANG_UP, RESET, SILENCE = object(), object(), object()


def acknowledge(size):
    yield ack(size)


def hang_up(size):
    yield HANG_UP


def reset(size):
    yield RESET


def says(*steps):
    """These steps, whatever the window; a number is acknowledged."""
    return lambda size: (ack(step) if type(step) is int else step for step in steps)


class FakeLogstash:
    """A strict Lumberjack server; keeps the windows that came whole, and what went wrong."""

    def __init__(self, *answers, tls=None, host="127.0.0.1", closes_on=lambda payload: False):
        self.answers = deque(answers)
        self.windows, self.faults, self.connections = [], [], 0
        self._tls, self._closes_on = tls, closes_on
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        port = self._listener.getsockname()[1]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._open, self._over = set(), threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    @property
    def is_idle(self):
        """Whether every connection is closed."""
        return not self._open

    @property
    def events(self):
        """Every payload that came, as an object, in the order of arrival."""
        return [json.loads(payload) for window in self.windows for payload in window]

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.add(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection):
        raw = connection
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            receiver = Receiver()
            while data := connection.recv(1 << 16):
                for window in receiver.receive(data):
                    self.windows.append(window)
                    if not self._answer(connection, window):
                        return
        except (OSError, ssl.SSLError, ProtocolError) as fault:
            self.faults.append(fault)
        finally:
            connection.close()
            self._open.discard(raw)

    def _answer(self, connection, window):
        """Whether the connection goes on."""
        if any(map(self._closes_on, window)):
            return False
        answer = self.answers.popleft() if self.answers and window else acknowledge
        for step in answer(len(window)):
            if step is HANG_UP:
                return False
            if step is RESET:  # no linger: the peer sees "connection reset"
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
            if step is SILENCE:
                self._over.wait()
            elif isinstance(step, float):
                self._over.wait(step)
            else:
                connection.sendall(step)
        return True


# --- Elasticsearch ------------------------------------------------------------------------------
# An answer takes the actions and lines of a request and gives (status, body) or raw bytes.


class FakeElasticsearch:
    """A bulk API that keeps documents by index and id, as `create` does."""

    def __init__(self, *answers, tls=None):
        self.answers = deque(answers)
        self.documents, self.requests = {}, []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _BulkHandler)
        self._server.fake = self
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.port = self._server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT_S)

    def create(self, pairs):
        """Elasticsearch's answer to these actions and lines."""
        return 200, {"errors": False, "items": [{"create": self._create(*p)} for p in pairs]}

    def _create(self, action, line):
        target = action["create"]
        ident = target.get("_id", f"auto-{len(self.documents)}")
        key = target["_index"], ident
        if key in self.documents:
            error = {"type": "version_conflict_engine_exception", "reason": "document exists"}
            return {"status": 409, "error": error}
        self.documents[key] = line
        return {"status": 201}


def items(*outcomes):
    """An answer with these items; a number is a status without more to say."""
    made = [one if isinstance(one, dict) else {"status": one} for one in outcomes]
    return lambda pairs: (200, {"items": [{"create": one} for one in made]})


def status(code, body=None):
    """An answer with this HTTP status."""
    return lambda pairs: (code, {} if body is None else body)


class _BulkHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        fake = self.server.fake
        fake.requests.append((self.path, dict(self.headers), b""))
        root = {"cluster_name": "fake", "version": {"number": "9.4.3"}}
        self._send(fake.answers.popleft()(()) if fake.answers else (200, root))

    def do_POST(self):
        fake = self.server.fake
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        fake.requests.append((self.path, dict(self.headers), body))
        lines = body.splitlines()
        pairs = [(json.loads(a), b) for a, b in zip(lines[::2], lines[1::2], strict=True)]
        self._send((fake.answers.popleft() if fake.answers else fake.create)(pairs))

    def _send(self, answer):
        if isinstance(answer, bytes):
            self.wfile.write(answer)
            self.close_connection = True
            return
        code, body = answer
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


# --- outputs ------------------------------------------------------------------------------------


class ScriptedOutput:
    """An output that answers from a list, then takes everything; an exception is raised."""

    def __init__(self, *answers):
        self.answers = deque(answers)
        self.sent, self.taken = [], []

    def send(self, lines):
        lines = list(lines)
        self.sent.append(lines)
        answer = self.answers.popleft() if self.answers else [DELIVERED] * len(lines)
        if isinstance(answer, BaseException):
            raise answer
        outcomes = answer(lines) if callable(answer) else answer
        self.taken += [line for line, one in zip(lines, outcomes, strict=True) if one is DELIVERED]
        return outcomes

    def probe(self):
        return "scripted"

    def close(self):
        pass


@contextmanager
def running(pipeline):
    """`run` in a thread of its own, stopped at the end; what it raised is raised here."""
    failures = []

    def run():
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001  # handed over below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        pipeline.stop()
        thread.join(WAIT_S)
    assert not thread.is_alive()
    if failures:
        raise failures[0]
