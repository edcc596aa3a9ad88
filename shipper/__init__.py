"""Audit logging for MCP applications, native to the ELK stack."""

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

__all__ = [
    "AuditHandler",
    "AuditLevel",
    "EcsFormatter",
    "MCPEventType",
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
]
