"""Where a payload is masked: in the record, by `redact`, in the scripts for foreign logs."""

import json
import logging

from shipper import AuditHandler
from shipper.record.event import create_event
from tests.processors.chains import chain

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def by_handler(cases, folder):
    """The payload of each case as the handler writes it: arguments and the result's text."""
    logger = logging.getLogger("tests.secrets")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = AuditHandler(folder, audit_level="enterprise")
    logger.addHandler(handler)
    try:
        for case in cases:
            logger.info(create_event("mcp_tool_execution", {"tool_name": "t", **case.payload}))
    finally:
        logger.removeHandler(handler)
        handler.close()
    return [of_document(row) for row in _rows(folder) if "segment" not in row["mcp"]["audit"]]


def _rows(folder):
    for path in sorted(folder.rglob("*.jsonl")):
        yield from map(json.loads, path.read_bytes().splitlines())


def of_document(document):
    """The payload in a document of the record, or of a script."""
    tool = document["mcp"].get("tool", {})
    return {
        "arguments": document["gen_ai"]["tool"].get("call", {}).get("arguments"),
        "result": tool.get("result", {}).get("text"),
        "masked": document["mcp"].get("redaction", {}).get("count", 0),
    }


def by_redact(cases):
    """The payload of each case after the processor `redact`."""
    redact = chain("- redact:")
    return [json.loads(redact.apply(json.dumps(case.payload).encode())) for case in cases]


def messages(case):
    """The case as a raw MCP log has it: one message, with arguments and result."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    message["params"] = {"name": "t", "arguments": case.payload.get("arguments", {})}
    if "result" in case.payload:
        result = case.payload["result"]
        text = result if isinstance(result, str) else _COMPACT.encode(result)
        message["result"] = {"content": [{"type": "text", "text": text}], "isError": False}
    return message
