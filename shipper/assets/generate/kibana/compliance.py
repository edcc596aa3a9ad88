"""MCP Compliance: which evidence exists, its retention, and whether the record is complete.

It never says "compliant": people judge that.
"""

from shipper.assets.generate.kibana.model import (
    BAD,
    BYTES,
    GOOD,
    MILLISECONDS,
    PLAIN,
    WARN,
    Dashboard,
    Metric,
    Panel,
    PanelRow,
    Saved,
    Series,
    Share,
    Table,
    cases,
    count,
    highest,
    newest,
    over_time,
    percentile,
    row,
    top,
    total,
    unique,
)
from shipper.assets.generate.kibana.navigation import COMPLIANCE, TITLES, strip
from shipper.assets.generate.kibana.saved import DELAY
from shipper.catalog import Catalog, Framework

_OPERATION = "mcp.compliance.operation"
_OPENED, _CLOSED = f"{_OPERATION} : segment-start", f"{_OPERATION} : segment-end"
_LOST = f"{_OPERATION} : records-lost"
_LOST_RECORDS = ("Records lost", "mcp.compliance.records", _LOST)
_DECISION = "mcp.authz.decision"
_OTHER_DECISION = f"{_DECISION} : * and not {_DECISION} : (allow or deny or ask)"
#: Values of the operation: what somebody does who reads the record, and what happens by itself.
_READS = (
    "alerts or drill or export or reconcile or report or reveal or search or stream or summary"
    " or verify"
)
_BY_ITSELF = "checkpoint* or lines-* or records-* or segment-*"
_IN_A_ROW = 2

_SUMMARY = (
    Panel("Events", Metric(count("Events"), "recorded")),
    Panel("Event types", Metric(unique("Event types", "mcp.audit.type"), "with events")),
    Panel("Streams", Metric(unique("Streams", "mcp.audit.stream.id"), "one per process")),
    Panel("Segments opened", Metric(count("Segments opened", _OPENED), "files started")),
    Panel("Segments closed", Metric(count("Segments closed", _CLOSED), "files completed")),
    Panel("Records lost", Metric(total(*_LOST_RECORDS), "as reported by handlers", alarm=BAD)),
    Panel(
        "Values redacted",
        Metric(total("Values redacted", "mcp.redaction.count"), "before the disk"),
    ),
    Panel(
        "Fields left out",
        Metric(total("Fields left out", "mcp.audit.dropped_fields"), "unknown ones", alarm=WARN),
    ),
)

_RETENTION = (
    Panel(
        "Retention in force",
        Table(
            (row("Event type", "event.dataset", 30), row("Class", "mcp.audit.classification", 1)),
            (
                count("Events"),
                highest("Days kept", "mcp.audit.retention_days"),
                newest("Newest event"),
            ),
        ),
        width=32,
    ),
    Panel(
        "Events by classification", Share(top("Class", "mcp.audit.classification"), count("Events"))
    ),
)

_DECISIONS = (
    Panel(
        "Decisions",
        Series(
            "bar_stacked",
            over_time(),
            (
                count("Allowed", f"{_DECISION} : allow", GOOD),
                count("Denied", f"{_DECISION} : deny", BAD),
                count("Asked", f"{_DECISION} : ask", WARN),
                count("Other", _OTHER_DECISION, PLAIN),
            ),
        ),
        where="event.dataset : mcp.authz",
    ),
    Panel(
        "Approvals by a person",
        Table(
            (
                row("Approver", "mcp.authz.approval.approver", 20),
                row("Decision", _DECISION, 3),
            ),
            (count("Decisions"), unique("Users", "user.id"), newest("Last")),
        ),
        where="mcp.authz.approval.required : true",
    ),
)

_DATA = (
    Panel(
        "Resources read",
        Table(
            (row("Resource", "mcp.resource.uri", 50),),
            (
                count("Accesses"),
                unique("Users", "user.id"),
                total("Bytes", "mcp.resource.size", shown=BYTES),
                newest("Last access"),
            ),
        ),
        where="event.dataset : mcp.resources",
        width=28,
    ),
    Panel(
        "Redactions by kind",
        Series(
            "bar_stacked",
            over_time(),
            (count("Events"),),
            top("Kind", "mcp.redaction.types", 6),
        ),
        where="mcp.redaction.count > 0",
    ),
)

_WHOLE = (
    Panel(
        "Is the record complete?",
        Table(
            (
                cases(
                    "What was seen",
                    {
                        "Verified, intact": f"{_OPERATION} : verify and event.outcome : success",
                        "Verified, damaged": f"{_OPERATION} : verify and event.outcome : failure",
                        "Checkpoints signed": f"{_OPERATION} : checkpoint",
                        "Checkpoints refused or failed": (
                            f"{_OPERATION} : (checkpoint-failed or checkpoint-refused)"
                        ),
                        "Checkpoints overdue": "mcp.threat.rule : checkpoint_overdue",
                        "Gaps in a sequence": "mcp.threat.rule : sequence_gap",
                        "Records lost": _LOST,
                        "Dead letters": f"{_OPERATION} : lines-quarantined",
                    },
                ),
            ),
            (count("Times"), total("Records", "mcp.compliance.records"), newest("Last")),
        ),
        width=28,
    ),
    Panel(
        "From the event to Elasticsearch",
        Series(
            "line",
            over_time(),
            (
                percentile("Half within", DELAY, 50, GOOD, shown=MILLISECONDS),
                percentile("99 percent within", DELAY, 99, BAD, shown=MILLISECONDS),
            ),
        ),
    ),
)

_WHO = (
    Panel(
        "Who read the record",
        Table(
            (row("User", "user.id", 20), row("Operation", _OPERATION, 10)),
            (count("Times"), total("Records", "mcp.compliance.records"), newest("Last")),
        ),
        where=f"{_OPERATION} : ({_READS})",
    ),
    Panel(
        "Who changed the record or its settings",
        Table(
            (row("User", "user.id", 20), row("Operation", _OPERATION, 20)),
            (count("Times"), newest("Last")),
        ),
        where=f"{_OPERATION} : * and not {_OPERATION} : ({_READS} or {_BY_ITSELF})",
    ),
)

_HEALTH = (
    Panel(
        "Recording by host and service",
        Table(
            (row("Host", "host.name", 20), row("Service", "service.name", 10)),
            (
                count("Events"),
                unique("Streams", "mcp.audit.stream.id"),
                count("Opened", _OPENED),
                count("Closed", _CLOSED),
                total(*_LOST_RECORDS),
                newest("Newest event"),
            ),
        ),
        width=28,
    ),
    Panel(
        "Events about the record",
        Table(
            (row("Operation", _OPERATION, 20),),
            (count("Events"), total("Records", "mcp.compliance.records"), newest("Last")),
        ),
        where="event.dataset : mcp.compliance",
    ),
)


def dashboard(catalog: Catalog) -> Dashboard:
    """The dashboard, with a panel for each framework of the catalog, also the operator's own."""
    coverage = [_coverage(row, catalog) for row in catalog.frameworks.values() if row.panel]
    rows = [
        PanelRow(9, tuple(coverage[n : n + _IN_A_ROW])) for n in range(0, len(coverage), _IN_A_ROW)
    ]
    return Dashboard(
        COMPLIANCE,
        f"[MCP] {TITLES[COMPLIANCE]}",
        "Which evidence exists, how long it is kept, and whether the record is complete.",
        "30d",
        (
            strip(),
            PanelRow(6, _SUMMARY),
            *rows,
            PanelRow(16, _RETENTION),
            PanelRow(14, _WHOLE),
            PanelRow(12, _WHO),
            PanelRow(11, _DECISIONS),
            PanelRow(16, _DATA),
            PanelRow(11, _HEALTH),
            PanelRow(13, (Panel("Losses in the record", Saved("mcp-losses")),)),
        ),
    )


def _coverage(framework: Framework, catalog: Catalog) -> Panel:
    """The events that a framework requires; a row without events is missing evidence."""
    datasets = [catalog.event_types[name].dataset for name in framework.requires]
    required = {dataset: f"event.dataset : {dataset}" for dataset in datasets}
    return Panel(
        f"Evidence for {framework.name.upper()}",
        Table(
            (cases("Required events", required),),
            (count("Events"), unique("Users", "user.id"), newest("Newest")),
        ),
    )
