"""An Elasticsearch with just enough APIs for shippers to start; it misbehaves by a script."""

import gzip
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any

import msgspec

from shipper.errors import BadInput, Problem
from shipper.faults.script import Action, Phase, Script
from shipper.faults.server import ANYWHERE, Ended, Link, Place, Server

#: The phases that `random` draws from: all that a request must survive, and as many good ones.
POOL = """
16x ok; 2x 429; 503; 500; 413; items 429 30%; items 503 1%; items 409 5%; full; empty; cut 20
lose; close; reset; reset at 10; reset at 50k; silence 1s; slow 200k; refuse
"""

#: A status and its body: an object to encode as JSON, or bytes.
Answer = tuple[int, object]
#: An action and its document.
_Pair = tuple[Mapping[str, Any], bytes]

_OK, _CREATED, _CONFLICT = 200, 201, 409
_ROOT = {
    "name": "faults",
    "cluster_name": "faults",
    "cluster_uuid": "mcp-shipper-faults-00",
    "version": {
        "number": "9.4.3",
        "build_flavor": "default",
        "build_type": "tar",
        "minimum_wire_compatibility_version": "8.19.0",
        "minimum_index_compatibility_version": "8.0.0",
    },
    "tagline": "You Know, for Search",
}
_LICENSE = {"license": {"status": "active", "uid": "0", "type": "basic", "mode": "basic"}}
_ERRORS = {
    400: ("document_parsing_exception", "failed to parse a field of the document"),
    401: ("security_exception", "missing authentication credentials"),
    403: ("security_exception", "action [indices:data/write/bulk] is unauthorized"),
    404: ("index_not_found_exception", "no such index"),
    409: ("version_conflict_engine_exception", "version conflict, document already exists"),
    413: ("content_too_long_exception", "entity content is too long"),
    429: ("es_rejected_execution_exception", "rejected execution of coordinating operation"),
}
#: Answers for every line, none of which is to blame: status, type and reason.
_FOR_EVERY_LINE = {
    "full": (
        *(429, "cluster_block_exception"),
        "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];",
    ),
    "readonly": (
        *(403, "cluster_block_exception"),
        "blocked by: [FORBIDDEN/8/index write (api)];",
    ),
    "denied": (
        *(403, "security_exception"),
        "action [indices:admin/auto_create] is unauthorized for API key id [x]",
    ),
    "shards": (
        *(400, "validation_exception"),
        "this action would add [2] shards, but there are [1000]/[1000] maximum normal shards open;",
    ),
    "no-pipeline": (
        *(400, "illegal_argument_exception"),
        "pipeline with id [p] does not exist",
    ),
    "no-index": (404, "index_not_found_exception", "no such index [x]"),
}


class BulkServer(Server):
    """Keeps the ids of documents, not the documents; `create` and `index` act on the ids."""

    def __init__(
        self,
        script: Script,
        kept: Callable[[Sequence[bytes]], object],
        *,
        poison: re.Pattern[bytes] | None = None,
        max_body_bytes: int = 100 << 20,
        place: Place = ANYWHERE,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`kept` is called with new documents; 400 refuses those that match `poison`."""
        super().__init__(script, place, report)
        self._kept, self._poison, self._max_body_bytes = kept, poison, max_body_bytes
        #: The `event.hash` of each document.
        self._ids: dict[tuple[str, str], str | None] = {}
        self._lock = Lock()
        self.url = f"{'https' if place.tls else 'http'}://{self.address}"

    def serve(self, link: Link) -> None:
        _Handler(link, link.socket.getpeername(), self)  # type: ignore[arg-type]  # not a BaseServer

    def saw(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Called with each request that the phase lets through; for subclasses."""

    def ask(self, link: Link, path: str) -> Answer:  # noqa: ARG002  # subclasses use it
        """The answer to any other request: an empty cluster that accepts everything."""
        if path == "/":
            return _OK, _ROOT
        return _OK, _LICENSE if path.startswith("/_license") else {"acknowledged": True}

    def bulk(self, link: Link, pairs: Sequence[_Pair], phase: Phase) -> Answer:
        """Act as the phase demands; returns the answer, if there is one."""
        answer: Answer = (_OK, {})
        for action in phase.actions:
            if action.name == "silence":
                link.pause(action.seconds)
            elif action.name in {"close", "reset"}:
                link.end(Phase((action,)))
            elif action.status is not None and action.name == "STATUS":
                answer = action.status, {"error": _error(action.status), "status": action.status}
            else:
                answer = _OK, self._take(pairs, action)
        if phase.find("lose"):
            raise Ended
        return answer

    def is_too_large(self, size: int) -> bool:
        return size > self._max_body_bytes

    def _take(self, pairs: Sequence[_Pair], action: Action) -> object:
        if action.name == "empty":
            return {"took": 1, "errors": True, "items": []}
        kept: list[bytes] = []
        items: list[dict[str, dict[str, object]]] = []
        with self._lock:
            for index, (asked, line) in enumerate(pairs):
                ((operation, target),) = asked.items()
                item = self._fault(action, index, line)
                # 409 pretends that an earlier attempt stored the line, so it is kept.
                if item is None or item["status"] == _CONFLICT:
                    stored = self._keep(operation, target, line)
                    kept += [line] if stored["status"] == _CREATED else []
                    item = item or stored
                items.append({operation: {"_index": target.get("_index"), **item}})
        self._kept(kept)
        is_bad = any("error" in item for made in items for item in made.values())
        return {"took": 1, "errors": is_bad, "items": items}

    def mget(self, body: bytes) -> Answer:
        """The answer to `_mget`: which documents there are, with their hashes."""
        asked = [(one["_index"], one["_id"]) for one in json.loads(body)["docs"]]
        with self._lock:
            return _OK, {"docs": [self._document(*one) for one in asked]}

    def _document(self, index: str, ident: str) -> dict[str, object]:
        known = (index, ident) in self._ids
        source = {"event": {"hash": self._ids.get((index, ident))}}
        return {
            "_index": index,
            "_id": ident,
            "found": known,
            **({"_source": source} if known else {}),
        }

    def _keep(self, operation: str, target: Mapping[str, Any], line: bytes) -> dict[str, object]:
        ident = target.get("_id") or f"auto-{len(self._ids)}"
        key = str(target.get("_index")), str(ident)
        is_known = key in self._ids
        if not is_known or operation == "index":
            self._ids[key] = _hash_of(line)
        if not is_known:
            return {"_id": ident, "result": "created", "status": _CREATED}
        if operation == "create":
            return {"_id": ident, "status": _CONFLICT, "error": _error(_CONFLICT)}
        return {"_id": ident, "result": "updated", "status": _OK}

    def _fault(self, action: Action, index: int, line: bytes) -> dict[str, object] | None:
        """The failure of this line, if it fails."""
        if self._poison is not None and self._poison.search(line):
            return {"status": 400, "error": _error(400)}
        if action.name in _FOR_EVERY_LINE:
            status, kind, reason = _FOR_EVERY_LINE[action.name]
            return {"status": status, "error": {"type": kind, "reason": reason}}
        if action.name != "items" or action.status is None:
            return None
        if action.pattern is not None:
            is_hit = action.pattern.search(line) is not None
        else:  # a share of the lines, evenly spread
            is_hit = action.count(index + 1) > action.count(index)
        return {"status": action.status, "error": _error(action.status)} if is_hit else None


class _Handler(BaseHTTPRequestHandler):
    """HTTP over a link."""

    protocol_version = "HTTP/1.1"
    server: BulkServer  # type: ignore[assignment]  # the handler never touches it

    def setup(self) -> None:
        self.link: Link = self.request
        self.connection = self.link.socket
        self.rfile = io.BufferedReader(self.link)
        self.wfile = self.connection.makefile("wb")

    def do_GET(self) -> None:
        self._read()
        self._say(self.server.ask(self.link, self.path))

    do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815  # http.server's names

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/_mget"):
            self._say(self.server.mget(self._read()[1]))
            return
        if not path.endswith("/_bulk"):
            self.do_GET()
            return
        phase = self.server.next_phase("request")
        self.link.begin(phase)
        size, body = self._read()
        if self.server.is_too_large(size):
            self._say((413, {"error": _error(413), "status": 413}))
            return
        try:
            pairs = read_pairs(body)
        except BadInput as error:
            what = {"type": "illegal_argument_exception", "reason": str(error)}
            self._say((400, {"error": what, "status": 400}))
            return
        cut = phase.find("cut")
        self._say(self.server.bulk(self.link, pairs, phase), cut.size if cut else None)

    def _read(self) -> tuple[int, bytes]:
        """The size of the body as sent, and the body itself, decompressed."""
        size = int(self.headers["content-length"] or 0)
        body = self.rfile.read(size)
        if len(body) < size:
            raise Ended
        is_gzip = self.headers.get("content-encoding") == "gzip"
        body = gzip.decompress(body) if is_gzip and body else body
        self.server.saw(self.path, dict(self.headers), body)
        return size, body

    def _say(self, answer: Answer, cut: int | None = None) -> None:
        """Send the answer, or its first `cut` bytes and then close the connection."""
        status, said = answer
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("X-elastic-product", "Elasticsearch")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:cut])
        self.wfile.flush()
        if cut is not None:
            raise Ended

    def log_message(self, *_: object) -> None:
        """Log nothing: the command reports the phases."""


def read_pairs(body: bytes) -> list[_Pair]:
    """The actions and documents of a bulk request."""
    *lines, rest = body.split(b"\n")
    if rest or len(lines) % 2:
        raise BadInput([Problem("bulk", "The bulk request must be terminated by a newline [\\n]")])
    decode = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode
    try:
        return [(decode(a), b) for a, b in zip(lines[::2], lines[1::2], strict=True)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput([Problem("bulk", f"Malformed action/metadata line: {error}")]) from error


def _hash_of(line: bytes) -> str | None:
    try:
        found = json.loads(line)["event"]["hash"]
    except (ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, str) else None


def _error(status: int) -> dict[str, str]:
    said = HTTPStatus(status).phrase.lower()
    kind, reason = _ERRORS.get(status, (said.replace(" ", "_"), said))
    return {"type": kind, "reason": reason}
