"""What only a hook inside a wrapped server sees, on its way to the recorder beside the server.

The recorder has each message byte by byte, but neither the exception behind a failed call nor the
tools that a tool calls. The hook sends its events, one JSON line each, through a named pipe. An
event arrives before the answer that it explains, because the hook writes before the server answers.
The recorder joins the two, so a call is still one event.
"""

import fcntl
import logging
import os
import select
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from shipper.record.calls import Begun, OpenCalls
from shipper.record.event import Event
from shipper.record.logger import EventHandler

#: A pipe takes no more than this in one piece.
_MAX_LINE = select.PIPE_BUF
_MAX_MESSAGE = 1000
#: Bytes that wait in the pipe for a recorder that is behind.
_PIPE_SIZE = 1 << 20
#: Events whose answer has not passed yet; the oldest one gives way.
_MAX_WAITING = 1024
#: Methods whose handlers may call tools.
_MAY_NEST = frozenset({"tools/call", "resources/read", "prompts/get"})
#: The fields by which an event of the hook and one of the recorder are of the same request.
_SAME = ("mcp.request.id", "mcp.method.name", "gen_ai.tool.name")
#: The tools that the called tool called, and the id that their events have in common.
_OF_NESTED = frozenset({"mcp.call.id", "mcp.tool.nested"})
#: How a request ended, as the hook knows it better.
_OUTCOME = frozenset(
    {
        *("event.action", "event.category", "event.reason", "event.type"),
        *("error.type", "error.message", "error.code", "success"),
        *("mcp.authz.engine", "mcp.authz.decision"),
        *("mcp.oauth.scopes.required", "mcp.oauth.scopes.granted"),
        *("mcp.violation.type", "mcp.violation.action_taken"),
        *_OF_NESTED,
    }
)
#: What SDK 1.x sends for an exception that has no code.
_NO_CODE = "0"
_Key = tuple[object, ...]


def make_pipe(folder: Path) -> tuple[Path, int]:
    """Make the named pipe; its path, and the descriptor that the recorder reads from."""
    path = folder / "inside"
    os.mkfifo(path, 0o600)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # a writer finds a reader from now on
    with suppress(AttributeError, OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    return path, descriptor


class ToRecorder(EventHandler):
    """Sends what the hook saw to the recorder; never waits for it.

    Raises `OSError` if there is no recorder, `BlockingIOError` if another process has the pipe: a
    server that starts other servers is the one that the recorder follows.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        fcntl.flock(self._pipe, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def emit(self, record: logging.LogRecord) -> None:
        event = record.msg
        if isinstance(event, Event) and _is_told(event) and (line := _line(event)):
            with suppress(OSError):  # the recorder has ended, or is far behind
                os.write(self._pipe, line)

    def begin(self, call: Begun) -> tuple[OpenCalls, int] | None:
        """Nothing: the recorder notes the call."""

    def suppressed(self) -> None:
        """Nothing: the recorder has the call."""

    def require(self, event_type: str) -> None:
        """Nothing: a wrapped server serves with or without a record."""

    def finish(self) -> None:
        """Nothing: the recorder ends after the server."""


class FromServer:
    """The recorder's end: a filter of its logger that completes events by what the hook sent."""

    def __init__(self, pipe: int, pass_on: Callable[[Event], None]) -> None:
        self._pipe = pipe
        self._pass_on = pass_on
        self._rest = b""
        self._waiting: OrderedDict[_Key, Event] = OrderedDict()
        self._within: dict[object, list[Event]] = {}

    def read(self) -> None:
        """Take up what the hook has sent until now."""
        with suppress(BlockingIOError):
            while block := os.read(self._pipe, _PIPE_SIZE):
                *lines, self._rest = (self._rest + block).split(b"\n")
                for line in lines:
                    self._take(line)

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the outcome that the hook saw into the event of the request that it is of.

        The calls within it are passed on before it.
        """
        event = record.msg
        if not isinstance(event, Event) or "mcp.call.parent" in event.fields:
            return True
        if event.fields.get("mcp.method.name") in _MAY_NEST:
            for inner in self._within.pop(event.fields.get("mcp.request.id"), ()):
                self._pass_on(inner)
        if seen := self._waiting.pop(_key(event), None):
            is_failed = seen.fields.get("success") is False
            record.msg = _joined(event, seen, _OUTCOME if is_failed else _OF_NESTED)
            if is_failed:
                record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True

    def _take(self, line: bytes) -> None:
        try:
            event = msgspec.json.decode(line, type=Event)
        except msgspec.MsgspecError:
            return
        if "mcp.call.parent" in event.fields:  # a tool that a tool called: no message shows it
            inner = self._within.setdefault(event.fields.get("mcp.request.id"), [])
            keep = inner.append if len(inner) < _MAX_WAITING else self._pass_on
            keep(event)
            return
        self._waiting[_key(event)] = event
        if len(self._waiting) > _MAX_WAITING:
            self._waiting.popitem(last=False)

    def finish(self) -> None:
        """Pass on the calls within requests that no message showed."""
        for inner in self._within.values():
            for event in inner:
                self._pass_on(event)
        self._within.clear()


def _is_told(event: Event) -> bool:
    """Whether it has what no message shows. Drift and misuse the recorder finds itself."""
    fields = event.fields
    is_of_pipe = fields.get("network.transport") == "pipe"
    return is_of_pipe and not fields.keys().isdisjoint(
        {"error.type", "event.reason", "mcp.tool.nested", "mcp.call.parent"}
    )


def _line(event: Event) -> bytes | None:
    """The event in one line; without its arguments and the end of its message if it is long."""
    fields = {name: value for name, value in event.fields.items() if name != "mcp.tool.result.text"}
    if isinstance(message := fields.get("error.message"), str):
        fields["error.message"] = message[:_MAX_MESSAGE]
    line = _encoded(event, fields)
    if line and len(line) > _MAX_LINE and fields.pop("gen_ai.tool.call.arguments", None):
        line = _encoded(event, {**fields, "mcp.request.size": len(line)})
    return line if line and len(line) <= _MAX_LINE else None


def _encoded(event: Event, fields: dict[str, object]) -> bytes | None:
    try:
        return msgspec.json.encode(Event(event.type, fields)) + b"\n"
    except (TypeError, ValueError, RecursionError):  # a value that JSON does not have
        return None


def _joined(event: Event, seen: Event, names: Collection[str]) -> Event:
    """The event as the messages show it, with these fields as the server saw them."""
    known = {name: value for name, value in seen.fields.items() if name in names}
    if (code := event.fields.get("error.code")) not in {None, _NO_CODE}:
        known.setdefault("error.code", code)
    kept = {name: value for name, value in event.fields.items() if name not in names}
    return Event(event.type if names is _OF_NESTED else seen.type, {**kept, **known})


def _key(event: Event) -> _Key:
    return tuple(event.fields.get(name) for name in _SAME)
