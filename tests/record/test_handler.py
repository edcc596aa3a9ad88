"""The handler as applications meet it: configured, filtered, failing, printed."""

import io
import json
import logging
import logging.config
import re

import pytest

import shipper
from shipper import AuditHandler, create_compliance_event, create_tool_execution_event
from shipper.errors import BadInput, CatalogError
from shipper.record.event import create_event
from tests.record.recorder import assert_whole, documents, lines, segments, streams

CALL = create_tool_execution_event("bob", "query_db", {"limit": 1}, "ok", 12.5, session_id="s1")


def test_a_logged_event_is_on_disk_when_the_call_returns(recorder):
    document = recorder.log(CALL)
    assert document["user"]["id"] == "bob"
    assert document["gen_ai"]["tool"]["name"] == "query_db"
    assert document["event"]["duration"] == 12_500_000
    assert document["event"]["outcome"] == "success"
    assert recorder.handler.path == segments(recorder.directory)[0]


def test_it_is_configured_by_a_dict(tmp_path):
    name = f"test.handler.{tmp_path.name}"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "audit": {
                    "class": "shipper.AuditHandler",
                    "directory": str(tmp_path),
                    "audit_level": "basic",
                    "compliance_frameworks": ["gdpr"],
                    "retention_days": 100,
                    "namespace": "acme",
                    "service": {"name": "shop", "version": 1.5},
                    "catalog": {"event_types": {"orders": {"fields": ["user_id"]}}},
                    "durability": "each",
                }
            },
            "loggers": {name: {"handlers": ["audit"], "level": "INFO", "propagate": False}},
        }
    )
    logger = logging.getLogger(name)
    logger.info("x", extra={"event_type": "orders", "user_id": "bob"})
    (handler,) = logger.handlers
    handler.close()
    (order,) = (d for d in documents(tmp_path) if d["mcp"]["audit"]["type"] == "orders")
    assert order["service"] == {"name": "shop", "version": "1.5"}
    assert order["data_stream"] == {
        "type": "logs",
        "dataset": "mcp.orders",
        "namespace": "acme",
    }
    assert order["mcp"]["audit"]["retention_days"] == 2192
    assert order["user"]["id"] == "bob"


def test_an_extra_is_an_event_by_its_type(recorder):
    recorder.logger.info(
        "said to people",
        extra={
            "event_type": "mcp_authorization_decisions",
            "user_id": "bob",
            "event_data": {"decision": "deny", "policy_engine": "opa"},
        },
    )
    document = recorder.events()[-1]
    assert document["mcp"]["authz"] == {"decision": "deny", "engine": "opa"}
    assert document["event"]["outcome"] == "failure"


def test_records_that_are_no_events_are_ignored(recorder):
    recorder.logger.info("an ordinary line")
    assert segments(recorder.directory) == []
    assert (recorder.handler.counts.recorded, recorder.handler.counts.failed) == (0, 0)


@pytest.mark.parametrize(
    ("settings", "is_recorded"),
    [
        ({"audit_level": "basic"}, False),
        ({"audit_level": "standard"}, True),
        ({"audit_level": "basic", "compliance_frameworks": ["hipaa"]}, True),
        ({"audit_level": "basic", "compliance_frameworks": ["sox"]}, False),
    ],
)
def test_an_event_is_recorded_by_level_or_framework(settings, is_recorded, new_recorder):
    recorder = new_recorder(**settings)
    recorder.logger.info(shipper.create_resource_access_event("bob", "file", "file:///x"))
    counts = recorder.handler.counts
    assert (counts.recorded, counts.filtered) == ((1, 0) if is_recorded else (0, 1))


def test_what_the_record_says_of_itself_is_recorded_at_any_level(new_recorder):
    recorder = new_recorder(audit_level="basic")
    recorder.log(CALL)
    recorder.logger.info(create_compliance_event("export"))
    recorder.close()
    actions = [document["event"]["action"] for document in documents(recorder.directory)]
    assert actions == ["audit-segment-start", "tool-call", "audit-segment-end"]


def test_the_framework_that_asks_for_an_event_is_named_in_it(new_recorder):
    recorder = new_recorder(compliance_frameworks=["gdpr", "sox", "hipaa"])
    assert recorder.log(CALL)["mcp"]["audit"]["frameworks"] == ["sox"]


FORGED = {
    "@timestamp": "1970-01-01T00:00:00Z",
    "event.id": "mine",
    "event.sequence": 1,
    "event.hash": "0" * 64,
    "event.kind": "state",
    "event.module": "mine",
    "event.dataset": "mine",
    "event.outcome": "success",
    "event.severity": 0,
    "event.duration": 1,
    "log.level": "info",
    "data_stream.dataset": "mine",
    "data_stream.namespace": "mine",
    "ecs.version": "1",
    "mcp.audit.type": "mine",
    "mcp.audit.classification": "public",
    "mcp.audit.retention_days": 1,
    "mcp.audit.stream.id": "mine",
    "mcp.redaction.count": 0,
    "mcp.tool.arguments.hash": "mine",
    "message": "mine",
    "host.hostname": "mine",
    "host.name": "mine",
    "related.user": ["mine"],
    "related.hosts": ["mine"],
    "event.ingested": "1970-01-01T00:00:00Z",
    "process.pid": 1,
    "service.name": "mine",
}


def test_no_event_brings_what_only_the_record_may_say(new_recorder):
    recorder = new_recorder(service={"name": "shop"})
    honest = recorder.log(create_event("mcp_tool_execution", {"tool_name": "t"}, success=False))
    event = create_event("mcp_tool_execution", FORGED | {"tool_name": "t"}, success=False)
    forged = recorder.log(event)
    assert forged["mcp"]["audit"].pop("dropped_fields") == len(FORGED)
    for document in (honest, forged):
        del document["@timestamp"]
        for changing in ("id", "sequence", "hash"):
            del document["event"][changing]
    assert forged == honest


@pytest.mark.parametrize("action", ["segment-start", "segment-end", "records-lost", "call-lost"])
def test_no_event_states_what_only_the_record_states(action, recorder):
    events = [
        create_event("mcp_tool_execution", {"event.action": f"audit-{action}"}),
        create_event("mcp_tool_execution", {"event.action": ["add", f"audit-{action}"]}),
        create_compliance_event(action, records=5),
    ]
    for event in events:
        written = recorder.log(event)
        assert written["event"]["action"] != f"audit-{action}"
        assert written["mcp"]["audit"]["dropped_fields"] == 1


class Refuses:
    """Fails wherever it is looked at."""

    def __str__(self):
        raise ArithmeticError("a secret in an error")

    __repr__ = __hash__ = __eq__ = __len__ = __iter__ = __str__


FAILING = {
    "an unknown type": {"event_type": "mcp_tools"},
    "a type that cannot be read": {"event_type": Refuses()},
    "data that are no mapping": {"event_type": "mcp_tool_execution", "event_data": 5},
    "data that cannot be read": {"event_type": "mcp_tool_execution", "event_data": Refuses()},
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_failing_record_is_counted_and_told_of_by_the_next(kind, recorder, caplog):
    for _ in range(3):
        recorder.logger.info("x", extra=FAILING[kind])
    assert recorder.handler.counts.failed == 3
    assert "a secret in an error" not in caplog.text
    recorder.log(CALL)
    lost, call = recorder.events()
    assert lost["event"]["action"] == "audit-records-lost"
    assert lost["event"]["outcome"] == "failure"
    assert lost["mcp"]["compliance"]["records"] == 3
    assert call["event"]["action"] == "tool-call"


def test_the_operator_is_told_of_failures_when_they_begin_not_each_time(recorder, caplog):
    for _ in range(3):
        recorder.logger.info("x", extra={"event_type": "mcp_tools"})
    (warning,) = (record for record in caplog.records if record.name == "shipper.record")
    assert "unknown 'mcp_tools'; known: mcp_tool_execution, " in warning.getMessage()


def test_losses_are_told_of_when_no_event_follows_any_more(recorder):
    recorder.log(CALL)
    recorder.logger.info("x", extra={"event_type": "mcp_tools"})
    recorder.close()
    assert [document["event"]["action"] for document in documents(recorder.directory)] == [
        "audit-segment-start",
        "tool-call",
        "audit-records-lost",
        "audit-segment-end",
    ]


def test_a_value_that_refuses_to_be_looked_at_is_left_out_of_its_event(recorder):
    event = create_event("mcp_tool_execution", {"tool_name": "t", "arguments": {"a": Refuses()}})
    recorder.logger.info(event)
    assert recorder.handler.counts.failed == 0
    assert recorder.events()[-1]["gen_ai"]["tool"]["name"] == "t"


def test_the_secret_that_refuses_to_be_looked_at_is_left_out(recorder):
    event = create_event("mcp_tool_execution", {"arguments": {"password": Refuses()}})
    recorder.logger.info(event)
    assert recorder.handler.counts.failed == 0


def test_an_event_prints_its_type_and_nothing_else():
    event = create_tool_execution_event("bob", "login", {"password": "hunter2"}, "hunter2")
    for text in (str(event), repr(event), f"{event}", f"{event!r}", f"{[event]}"[1:-1]):
        assert text == "<Event mcp_tool_execution>"


def test_another_handler_on_the_same_logger_learns_nothing(recorder):
    output = io.StringIO()
    other = logging.StreamHandler(output)
    other.setFormatter(logging.Formatter("%(message)s %(args)s %(msg)s"))
    recorder.logger.addHandler(other)
    recorder.log(create_tool_execution_event("bob", "login", {"password": "hunter2"}, "hunter2"))
    recorder.logger.removeHandler(other)
    assert output.getvalue() == "<Event mcp_tool_execution> () <Event mcp_tool_execution>\n"


def test_an_event_recorded_outside_of_logging_gives_its_id(recorder):
    event_id = recorder.handler.record(CALL, 1_790_000_000.25)
    (document,) = recorder.events()
    assert document["event"]["id"] == event_id
    assert document["@timestamp"] == "2026-09-21T14:13:20.250000Z"


def test_an_event_of_an_inactive_type_recorded_outside_of_logging_gives_none(new_recorder):
    handler = new_recorder(audit_level="basic").handler
    assert handler.record(create_compliance_event("export"), 0.0) is None


def test_an_unknown_type_outside_of_logging_is_answered_with_the_known_ones(recorder):
    with pytest.raises(BadInput, match=r"event_type: unknown 'nope'; known: mcp_tool_execution, "):
        recorder.handler.record(create_event("nope"), 0.0)


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"audit_level": "all"}, "audit_level"),
        ({"compliance_frameworks": ["pci"]}, "compliance_frameworks"),
        ({"compliance_frameworks": "sox"}, "compliance_frameworks"),
        ({"retention_days": 0}, "retention_days"),
        ({"retention_days": "90"}, "retention_days"),
        ({"namespace": "Not-Allowed"}, "namespace"),
        ({"service": {"nam": "shop"}}, "service"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"max_age_s": "1d"}, "max_age_s"),
        ({"durability": "never"}, "durability"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_at_once(settings, where, tmp_path):
    with pytest.raises(BadInput) as caught:
        AuditHandler(tmp_path, **settings)
    assert [problem.where for problem in caught.value.problems] == [where]


def test_all_settings_that_cannot_be_used_are_told_at_once(tmp_path):
    with pytest.raises(BadInput) as caught:
        AuditHandler(tmp_path, audit_level="all", durability="never", max_bytes=-1)
    assert len(caught.value.problems) == 3


def test_a_catalog_that_cannot_be_used_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=re.escape("overlay.event_type: unknown key")):
        AuditHandler(tmp_path, catalog={"event_type": {}})


def test_a_handler_that_was_closed_goes_on_in_a_new_segment(recorder):
    recorder.log(CALL)
    recorder.handler.close()
    recorder.log(CALL)
    assert len(segments(recorder.directory)) == 2
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)


def test_the_services_name_needs_no_care_for_utf_8(new_recorder):
    document = new_recorder(service={"name": "caf\udce9"}).log(CALL)
    assert document["service"]["name"] == "caf?"


def test_every_line_is_one_object_with_its_members_in_order_and_the_event_last(recorder):
    recorder.log(CALL)
    for line in lines(recorder.directory):
        members = list(json.loads(line))
        assert members == [*sorted(set(members) - {"event"}), "event"]


def test_a_handler_that_could_not_be_made_breaks_no_later_configuration_of_logging(tmp_path):
    with pytest.raises((BadInput, CatalogError, ValueError)) as kept:
        AuditHandler(tmp_path, durability="never")
    logging.shutdown([ref for ref in logging._handlerList if isinstance(ref(), AuditHandler)])
    assert "durability" in str(kept.value)
