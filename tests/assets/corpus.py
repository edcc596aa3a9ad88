"""The same-document corpus: calls, their messages at every entrance, and their documents."""

import json
import logging
from pathlib import Path

from shipper import AuditHandler
from shipper.assets.generate.foreign import in_ruby
from shipper.capture.call import Call, Http, Identity, ended_by_response
from shipper.capture.emit import open_logger
from shipper.capture.pending import begin, end
from shipper.catalog import AuditLevel, Scope, builtin
from shipper.catalog.methods import methods
from tests.real.ruby import run_ruby

FOLDER = Path(__file__).parent.parent / "corpus"
SHIM = Path(__file__).parent / "ruby" / "logstash.rb"
SCOPE = Scope(level=AuditLevel.ENTERPRISE)
#: Fields about the record itself, and fields that only the server of a call can know: foreign logs
#: have neither.
ONLY_OURS = {
    *("event.hash", "event.id", "event.sequence", "event.duration", "host.hostname"),
    *("host.name", "mcp.redaction.cuts", "related.hosts"),
    *("mcp.audit.stream.id", "process.pid", "service.name", "service.environment"),
    *("service.version", "user.domain", "network.transport"),
    *("mcp.protocol.version", "@timestamp"),
}
#: The number of masked values: where several rules match, each language counts in its own way.
COUNTS = {"mcp.redaction.count", "mcp.redaction.types"}
#: Fields that Logstash and Elasticsearch add.
ADDED = {"@version", "@timestamp", "event.id", "event.ingested"}


def cases(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def flat(document, outer=""):
    """Values by path; a free-form object is one value."""
    found = {}
    for name, value in document.items():
        path = f"{outer}{name}"
        if isinstance(value, dict) and path not in FREE:
            found |= flat(value, f"{path}.")
        else:
            found[path] = value
    return found


FREE = {path for path, row in builtin().fields.items() if row.type == "flattened"}


def by_handler(messages, folder):
    """The documents that capture and the handler make of the same calls."""
    logger = logging.getLogger("mcp.audit")
    handler = AuditHandler(folder, audit_level="enterprise")
    logger.addHandler(handler)
    open_logger()
    try:
        for message in messages:
            _record(message)
    finally:
        logger.removeHandler(handler)
        handler.close()
    files = sorted(folder.rglob("*.jsonl"))
    lines = [line for path in files for line in path.read_bytes().splitlines()]
    documents = [json.loads(line) for line in lines]
    return [row for row in documents if "segment" not in row["mcp"]["audit"]]


def _record(message):
    method, params = message["method"], message.get("params")
    is_from_server = method in methods().from_server
    user, name, address = (message.get(key) for key in ("user_id", "user_name", "source_ip"))
    call = Call(
        method,
        params,
        message.get("id"),
        server_name=message.get("server"),
        identity=Identity(user, name=name),
        http=Http(address) if address else None,
        from_server=is_from_server,
    )
    pending = begin(lambda: call)
    end(pending, lambda: ended_by_response(message))


def by_ruby(ruby, events, folder):
    """The results of the Logstash script, with their metadata."""
    script = folder / "mcp_normalise.rb"
    script.write_text(in_ruby(builtin(), SCOPE), encoding="ascii")
    lines = "".join(f"{json.dumps(event)}\n" for event in events)
    done = run_ruby(ruby, SHIM, script, "filter", given=lines.encode())
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]
