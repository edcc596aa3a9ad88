"""What a server was seen to do before: its tools, and who has its sessions, calls and tasks."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

from shipper.capture.values import text

_K = TypeVar("_K")
_V = TypeVar("_V")
#: Views of the tools, sessions and calls that are remembered; the one unused longest gives way.
_MAX_VIEWS, _MAX_SESSIONS, _MAX_CALLS = 256, 4096, 4096
#: Tools of one view, and tools of one answer that are looked at.
_MAX_TOOLS = 2000

#: Who sees the tools, in which version of the protocol: a server may show each its own.
View = tuple[str | None, ...]
#: Whom a token names: domain, user, client.
Principal = tuple[str | None, ...]


class Change(NamedTuple):
    """A tool whose definition is not what it was, with both fingerprints."""

    tool: str
    before: str
    now: str


class Begun(NamedTuple):
    """A call that a single request does not end: its id, its last round, and what it called."""

    id: str
    round: int
    tool: str | None
    principal: Principal


class Memory:
    """Of one server; a bounded part of what was seen, for one process."""

    def __init__(self) -> None:
        self._tools: OrderedDict[View, dict[str, str]] = OrderedDict()
        self._principals: OrderedDict[str, Principal] = OrderedDict()
        self._calls: OrderedDict[str, Begun] = OrderedDict()

    def changed(self, view: View, tools: list[object]) -> Iterator[Change]:
        """The tools of a listing that were defined otherwise when this view was last listed."""
        known = _entry(self._tools, view, {}, _MAX_VIEWS)
        for tool in tools[:_MAX_TOOLS]:
            name = text(tool.get("name")) if isinstance(tool, dict) else None
            now = _fingerprint(tool) if name and isinstance(tool, dict) else None
            if not name or not now:
                continue
            before = known.get(name)
            if before is not None or len(known) < _MAX_TOOLS:
                known[name] = now
            if before not in (None, now):
                yield Change(name, str(before), now)

    def is_taken_over(self, session: str, principal: Principal) -> bool:
        """Whether another than before now uses this session."""
        before = _entry(self._principals, session, principal, _MAX_SESSIONS)
        self._principals[session] = principal
        return before != principal

    def keep(self, key: str, call: Begun) -> None:
        """Remember a call by its task or by the state that its next round will carry."""
        _entry(self._calls, key, call, _MAX_CALLS)
        self._calls[key] = call

    def kept(self, key: str) -> Begun | None:
        return self._calls.get(key)


def _entry(of: OrderedDict[_K, _V], key: _K, new: _V, most: int) -> _V:
    found = of.setdefault(key, new)
    of.move_to_end(key)
    if len(of) > most:
        of.popitem(last=False)
    return found


def _fingerprint(tool: Mapping[str, object]) -> str | None:
    """The SHA-256 of a definition as canonical JSON; None if it has none.

    Keys are sorted. `_meta` is left out: it is about the answer, and no model reads it.
    """
    defined = {key: value for key, value in tool.items() if key != "_meta"}
    try:
        written = json.dumps(defined, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
