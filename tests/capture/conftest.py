import logging
from itertools import product

import pytest

from shipper.capture.emit import FAILURES
from shipper.catalog import builtin
from shipper.catalog.check import ECS_TYPES
from shipper.record.event import Event

COMPUTED = {"success", "duration_ms"}


class Collector(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        if isinstance(record.msg, Event):
            self.records.append(record)


@pytest.fixture
def records():
    """Log records of the events of a test; each must fit the catalog, and none may be lost."""
    audit, collector, lost = logging.getLogger("mcp.audit"), Collector(), FAILURES.count
    audit.addHandler(collector)
    yield collector.records
    audit.removeHandler(collector)
    assert FAILURES.count == lost
    for record in collector.records:
        assert misfits(record.msg) == []


@pytest.fixture
def events(records):
    """The events of a test as they come in."""
    return Events(records)


class Events:
    def __init__(self, records):
        self._records = records

    def __iter__(self):
        return (record.msg for record in self._records)

    def of(self, method):
        """The requests of a client; a call within a call has a parent."""
        found = [event for event in self if event.fields.get("mcp.method.name") == method]
        return [event for event in found if "mcp.call.parent" not in event.fields]

    def within(self, request):
        """The fields of the calls that the server made itself, below this request."""
        above = request["mcp.call.id"]
        return [e.fields for e in self if e.fields.get("mcp.call.parent") == above]

    def only(self, method):
        (event,) = self.of(method)
        return event.fields

    def actions(self):
        return [event.fields["event.action"] for event in self]


def misfits(event):
    """Fields that the catalog does not name for this type, and ECS pairs that do not exist."""
    catalog = builtin()
    known = {*catalog.fields_of(event.type), *catalog.paths_by_alias(event.type), *COMPUTED}
    pairs = product(event.fields["event.category"], event.fields["event.type"])
    allowed = {
        kind for category in event.fields["event.category"] for kind in ECS_TYPES[category].split()
    }
    return [
        *(name for name in event.fields if name not in known),
        *((category, kind) for category, kind in pairs if kind not in allowed),
    ]
