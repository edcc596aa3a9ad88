"""Event types, fields, frameworks, and the catalog that holds them, as values."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated

from msgspec import Struct, field

from shipper.bounds import INNER, Count
from shipper.catalog.payloads import PayloadRule
from shipper.catalog.secrets import Secrets
from shipper.yaml.node import YamlNode

#: Elasticsearch types that compare by size.
NUMBERS = frozenset({"double", "float", "long"})
DATES = frozenset({"date"})
#: Elasticsearch types that can be grouped by value: all but texts and free-form objects.
GROUPS = NUMBERS | DATES | {"boolean", "constant_keyword", "ip", "keyword"}


class AuditLevel(StrEnum):
    """The amount of recording; each level includes the levels before it."""

    BASIC = "basic"
    STANDARD = "standard"
    ENTERPRISE = "enterprise"

    def includes(self, other: "AuditLevel") -> bool:
        order = list(AuditLevel)
        return order.index(other) <= order.index(self)


class MCPEventType(StrEnum):
    """The ten built-in event types."""

    TOOL_EXECUTION = "mcp_tool_execution"
    RESOURCE_ACCESS = "mcp_resource_access"
    PROMPT_REQUEST = "mcp_prompt_request"
    AUTHENTICATION = "mcp_authentication_events"
    AUTHORIZATION = "mcp_authorization_decisions"
    POLICY_VIOLATION = "mcp_policy_violations"
    OAUTH2_TOKEN_USAGE = "mcp_oauth2_token_usage"  # noqa: S105 - a name, not a password
    RATE_LIMITING = "mcp_rate_limiting_events"
    SECURITY_THREAT = "mcp_security_threats"
    COMPLIANCE = "mcp_compliance_events"


class Sensitivity(StrEnum):
    """The kind of content of a field, which decides how it is redacted."""

    NONE = "none"  # mcp-shipper's own words and numbers: written unchanged
    PERSONAL = "personal"  # identifies a person, on purpose
    PAYLOAD = "payload"  # foreign content: masked by key, scanned, cut
    SECRET = "secret"  # noqa: S105 - a word; never written: replaced by a token


class Classification(StrEnum):
    """The classification of an event type: who may read its events."""

    INTERNAL = "internal"
    RESTRICTED = "restricted"
    CONFIDENTIAL = "confidential"


class OnFailure(StrEnum):
    """What becomes of a call whose event cannot be written."""

    CONTINUE = "continue"
    BLOCK = "block"


class Field(Struct, frozen=True):
    """One field: its ECS or `mcp.*` path, its Elasticsearch type, its sensitivity."""

    path: Annotated[str, INNER]
    type: str
    sensitivity: Sensitivity = Sensitivity.NONE
    meaning: str = ""
    alias: str | None = None  # the name callers use for it, where it differs from the path


class EventType(Struct, frozen=True):
    """One row of the catalog."""

    name: Annotated[str, INNER]
    dataset: str
    index: str
    retention_days: Count
    classification: Classification
    level: AuditLevel
    kind: str
    category: tuple[str, ...]
    type: tuple[str, ...]
    action: str
    fields: tuple[str, ...]
    meaning: str
    on_failure: OnFailure = OnFailure.CONTINUE


class ShownBy(StrEnum):
    """Where the answer to a clause is found."""

    EVENTS = "events"
    INTEGRITY = "integrity"
    RETENTION = "retention"
    #: A record cannot show it.
    NOTHING = "nothing"


class Clause(Struct, frozen=True):
    """A question that a framework asks of the record."""

    asks: str
    #: The part of the framework that asks it.
    reference: str = ""
    #: The events that answer it, in Kibana's language.
    query: str = ""
    shown_by: ShownBy = ShownBy.EVENTS


class Framework(Struct, frozen=True):
    """The requirements of a framework; `basis` states the source of its period: it is not law."""

    name: Annotated[str, INNER]
    title: str
    retention_days: Count
    requires: tuple[str, ...]
    basis: str = ""
    #: Whether the basis is known from other sources than the text itself.
    second_hand: bool = False
    #: Whether the compliance dashboard has a panel for it, selected or not.
    panel: bool = True
    clauses: Mapping[str, Clause] = field(default_factory=dict)


class Catalog(Struct, frozen=True):
    """The complete catalog: the source of classification, redaction, mappings, policies and docs.

    `common` names the fields that every event type may carry.
    """

    ecs_version: str
    fields: Mapping[str, Field]
    common: tuple[str, ...]
    event_types: Mapping[str, EventType]
    frameworks: Mapping[str, Framework]
    payloads: tuple[PayloadRule, ...] = ()
    secrets: Secrets = field(default_factory=Secrets)
    #: The folder of the keys of persons: with it, identifiers are written as pseudonyms.
    pseudonyms: str = ""
    #: The operator's rows of alerts, which `alerts_of` reads.
    alert_rows: YamlNode | None = None

    def fields_of(self, event_type: str) -> dict[str, Field]:
        """Every field an event of this type may carry, by path, in catalog order."""
        wanted = {*self.common, *self.event_types[event_type].fields}
        return {path: row for path, row in self.fields.items() if path in wanted}

    def paths_by_alias(self, event_type: str) -> dict[str, str]:
        """The callers' names for the fields of this type, with the path each stands for."""
        return {row.alias: path for path, row in self.fields_of(event_type).items() if row.alias}


class IndexStrategy(StrEnum):
    """The kind of index in which the events of a type are stored."""

    DATA_STREAM = "data_stream"  # logs-mcp.tools-default
    ROLLOVER_ALIAS = "rollover_alias"  # mcp-tools, an alias of mcp-tools-2026-11-000001
    MONTHLY = "monthly"  # mcp-tools-2026-11


class Scope(Struct, frozen=True, kw_only=True):
    """The operator's choice of events to record, their retention and their indices.

    `retention_days` is a floor: no type is kept for less. Types in `always` are active at any
    level.
    """

    level: AuditLevel = AuditLevel.STANDARD
    frameworks: tuple[str, ...] = ()
    retention_days: int | None = None
    always: frozenset[str] = field(default_factory=frozenset)
    index_strategy: IndexStrategy = IndexStrategy.DATA_STREAM

    def active(self, catalog: Catalog) -> list[str]:
        """Names of the active types: by level, by a chosen framework, or by `always`."""
        required = {name for key in self.frameworks for name in catalog.frameworks[key].requires}
        return [
            name
            for name, row in catalog.event_types.items()
            if self.level.includes(row.level) or name in required or name in self.always
        ]

    def retention_days_of(self, event_type: str, catalog: Catalog) -> int:
        """The longest retention of the type, the floor and the chosen frameworks, in days."""
        return max(self._retentions(event_type, catalog))

    def _retentions(self, event_type: str, catalog: Catalog) -> Iterable[int]:
        yield catalog.event_types[event_type].retention_days
        yield self.retention_days or 0
        yield from (catalog.frameworks[name].retention_days for name in self.frameworks)
