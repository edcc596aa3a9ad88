"""OTLP requests, read strictly with the official types."""

import json

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from shipper.catalog import builtin
from shipper.formats.fields import table
from shipper.formats.otlp import request


def parsed(lines):
    """The request; raises for an unknown member or a value of another type."""
    return Parse(request(lines), ExportLogsServiceRequest())


def records_of(found):
    return [
        record
        for resource in found.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def attributes(holder):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in holder.attributes}


def test_every_line_of_every_event_type_is_the_body_of_a_record(lines):
    found = parsed(lines)
    records = records_of(found)
    assert sorted(record.body.string_value.encode() for record in records) == sorted(lines)
    assert {attributes(one.resource)["service.name"] for one in found.resource_logs} == {
        json.loads(line)["service"]["name"] for line in lines
    }
    for record in records:
        event = json.loads(record.body.string_value)
        assert attributes(record)["event.id"] == event["event"]["id"]
        assert attributes(record)["event.sequence"] == event["event"]["sequence"]
        assert record.time_unix_nano % 1000 == 0
        assert record.event_name == event["event"]["action"]


def test_lines_of_one_service_stay_in_order(lines):
    for resource in parsed(lines).resource_logs:
        by_stream = {}
        for record in resource.scope_logs[0].log_records:
            found = attributes(record)
            assert by_stream.get(found["mcp.audit.stream.id"], 0) < found["event.sequence"]
            by_stream[found["mcp.audit.stream.id"]] = found["event.sequence"]


def test_a_trace_id_is_taken_only_if_it_is_one():
    good, bad = {"trace": {"id": "ab" * 16}, "span": {"id": "cd" * 8}}, {"trace": {"id": "x" * 32}}
    one, other = records_of(parsed([json.dumps(event).encode() for event in (good, bad)]))
    assert (one.trace_id, one.span_id) != (b"", b"")
    assert (other.trace_id, other.span_id) == (b"", b"")


def test_a_line_that_is_no_event_is_a_record_without_a_time():
    (record,) = records_of(parsed([b'{"http":{"response":{"status_code":200}},"user":{"id":1.5}}']))
    assert (record.time_unix_nano, record.severity_number) == (0, 0)
    assert attributes(record) == {"http.response.status_code": 200, "user.id": 1.5}


def test_every_row_names_a_field_of_the_catalog():
    rows = table("otlp")
    assert {*rows["resource"].values(), *rows["attributes"].values()} <= set(builtin().fields)
