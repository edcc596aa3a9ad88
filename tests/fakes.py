"""Fake servers on real sockets that follow a script, and outputs that do so without a server."""

import json
import threading
from collections import deque
from contextlib import contextmanager

from shipper.faults.bulk import BulkServer
from shipper.faults.lumberjack import LumberjackServer
from shipper.faults.script import Script
from shipper.faults.server import Ended, Place
from shipper.outputs.base import DELIVERED
from shipper.wire.lumberjack import ack

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


class FakeLogstash(LumberjackServer):
    """Keeps the complete windows, and every fault."""

    def __init__(
        self, *answers, tls=None, host="127.0.0.1", closes_on=lambda payload: False, empties=()
    ):
        super().__init__(Script(), lambda window: None, place=Place(host=host, tls=tls))
        self.answers, self._empties = deque(answers), deque(empties)
        self.windows = []
        self._closes_on = closes_on

    @property
    def events(self):
        """Every payload that came, as an object, in the order of arrival."""
        return [json.loads(payload) for window in self.windows for payload in window]

    def answer(self, link, window, phase):
        self.windows.append(window)
        if any(map(self._closes_on, window)):
            raise Ended
        script = self.answers if window else self._empties
        answer = script.popleft() if script else acknowledge
        for step in answer(len(window)):
            if step is RESET:
                link.abort()
            if step is RESET or step is HANG_UP:
                raise Ended
            if step is SILENCE:
                link.pause(None)
            elif isinstance(step, float):
                link.pause(step)
            else:
                link.socket.sendall(step)


# --- Elasticsearch ------------------------------------------------------------------------------
# An answer takes the actions and lines of a request and gives (status, body) or raw bytes.


class FakeElasticsearch(BulkServer):
    """A bulk API that keeps documents by index and id, as `create` does."""

    def __init__(self, *answers, tls=None):
        super().__init__(Script(), lambda lines: None, place=Place(tls=tls))
        self.answers = deque(answers)
        self.documents, self.requests = {}, []

    def saw(self, path, headers, body):
        self.requests.append((path, headers, body))

    def ask(self, link, path):
        return self._answer(link, ()) if self.answers else super().ask(link, path)

    def bulk(self, link, pairs, phase):
        return self._answer(link, pairs) if self.answers else self.create(pairs)

    def _answer(self, link, pairs):
        answer = self.answers.popleft()(pairs)
        if isinstance(answer, bytes):
            link.socket.sendall(answer)
            raise Ended
        return answer

    def mget(self, body):
        """The answer to `_mget`."""
        self.requests.append(("_mget", {}, body))
        asked = [(one["_index"], one["_id"]) for one in json.loads(body)["docs"]]
        docs = [{"_id": one[1], "found": one in self.documents} for one in asked]
        for doc, one in zip(docs, asked, strict=True):
            if doc["found"]:
                doc["_source"] = json.loads(self.documents[one])
        return 200, {"docs": docs}

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


class Killed(BaseException):
    """The process dies here."""


def killed_after(batches, *, is_taken=False):
    """An output that dies at the batch after `batches`; it takes that one first, or not."""

    def takes(lines):
        return [DELIVERED] * len(lines)

    def dies(lines):
        if is_taken:
            output.taken += lines
        raise Killed

    output = ScriptedOutput(*[takes] * batches, dies)
    return output


@contextmanager
def running(pipeline):
    """`run` in its own thread, stopped at the end; its errors are raised here."""
    failures = []

    def run():
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001  # handed over below
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        pipeline.stop()
        thread.join(WAIT_S)
    assert not thread.is_alive()
    if failures:
        raise failures[0]
