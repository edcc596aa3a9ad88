"""Audit logging for MCP applications, native to the ELK stack."""

from typing import TYPE_CHECKING, Any

from shipper.capture import audit_asgi, instrument
from shipper.catalog import AuditLevel, MCPEventType
from shipper.record.event import (
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
from shipper.record.formatter import EcsFormatter
from shipper.record.handler import AuditHandler

if TYPE_CHECKING:
    from shipper.operations import process

__all__ = [
    "AuditHandler",
    "AuditLevel",
    "EcsFormatter",
    "MCPEventType",
    "audit_asgi",
    "create_authentication_event",
    "create_authorization_event",
    "create_compliance_event",
    "create_policy_violation_event",
    "create_prompt_request_event",
    "create_rate_limiting_event",
    "create_resource_access_event",
    "create_security_threat_event",
    "create_token_usage_event",
    "create_tool_execution_event",
    "instrument",
    "process",
]


def __getattr__(name: str) -> Any:
    """`process` is loaded when it is asked for: an app that records needs no shipper in memory."""
    if name == "process":
        from shipper.operations import process

        return process
    raise AttributeError(f"module 'shipper' has no attribute {name!r}")
