"""The public face, as an application with strict type checks uses it. Read by mypy, never run."""

import logging
from pathlib import Path
from typing import assert_type

from shipper import (
    AuditHandler,
    AuditLevel,
    EcsFormatter,
    MCPEventType,
    create_authentication_event,
    create_authorization_event,
    create_compliance_event,
    create_policy_violation_event,
    create_prompt_request_event,
    create_rate_limiting_event,
    create_resource_access_event,
    create_security_threat_event,
    create_token_usage_event,
    create_tool_execution_event,
)
from shipper.record.event import Event
from shipper.record.recording import Counts

handler: logging.Handler = AuditHandler("audit")
audit = AuditHandler(
    Path("audit"),
    audit_level=AuditLevel.ENTERPRISE,
    compliance_frameworks=["sox", "gdpr"],
    retention_days=365,
    catalog={"event_types": {"orders": {"fields": ["user_id"]}}},
    namespace="acme",
    service={"name": "shop"},
    max_bytes=1 << 20,
    max_age_s=3600,
    durability="each",
)
assert_type(audit.counts, Counts)
assert_type(audit.path, Path | None)

event = create_tool_execution_event(
    "bob", "query_db", {"limit": 1}, [1, 2], 12.5, 0.002, success=None, session_id="s1"
)
assert_type(event, Event)
assert_type(audit.record(event, 0.0), str | None)

events: list[Event] = [
    create_resource_access_event("bob", "file", "file:///x", "read", 5, success=False),
    create_prompt_request_event("bob", "greet"),
    create_authentication_event(None, None, "client_credentials", success=False),
    create_authorization_event("bob", "tools/call", "opa", "deny", 0.9, approval_required=True),
    create_policy_violation_event("bob", "pii", "high", correlation_id="x1"),
    create_token_usage_event("bob", "c1", scopes=["a"]),
    create_rate_limiting_event("bob", "calls", 10, 60.0),
    create_security_threat_event("eve", "x", 0.5, blocked=True, source_ip="10.0.0.1"),
    create_compliance_event("export", records=5),
]
kind: str = MCPEventType.TOOL_EXECUTION

stream = logging.StreamHandler()
stream.setFormatter(EcsFormatter(service_name="shop", environment="test"))
logger = logging.getLogger("mcp.audit")
logger.addHandler(audit)
logger.info(event)

create_tool_execution_event("bob")  # type: ignore[call-arg]  # a tool has a name
create_authentication_event("bob", None, None)  # type: ignore[call-arg]  # and a login an outcome
create_tool_execution_event("bob", "t", {}, None, 1.0, 1.0, True)  # type: ignore[call-arg]
AuditHandler("audit", "basic")  # type: ignore[call-arg]  # settings go by name
