"""Filters, queues and other handlers on the audit logger cost no event."""

import logging
import logging.handlers
import multiprocessing
import pickle
import queue

import pytest

from shipper import AuditHandler, create_tool_execution_event
from shipper.record.logger import NAME, AuditLogger
from tests.record.recorder import documents

EVENT = create_tool_execution_event("bob", "add", {"a": 1})


@pytest.fixture
def handler(tmp_path):
    made = AuditHandler(tmp_path)
    yield made
    made.close()


@pytest.fixture
def audit():
    return AuditLogger(NAME)


def tools(directory):
    found = (document.get("gen_ai", {}).get("tool") for document in documents(directory))
    return [tool["name"] for tool in found if tool]


def becomes_text(record):
    record.msg, record.args = record.getMessage(), None
    return True


def fails(record):
    raise LookupError(record.name)


class Other(logging.Handler):
    """A handler of others, which does `act` with each record."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def emit(self, record):
        self.act(record)


@pytest.mark.parametrize("act", [becomes_text, fails])
def test_a_filter_of_others_that_rewrites_or_fails_costs_no_event(act, audit, handler, tmp_path):
    audit.addHandler(handler)
    audit.addFilter(act)
    audit.info(EVENT)
    audit.removeFilter(act)
    handler.addFilter(act)
    audit.info(EVENT)
    assert tools(tmp_path) == ["add", "add"]


def test_another_handler_that_rewrites_a_record_costs_no_event(audit, handler, tmp_path):
    audit.addHandler(Other(becomes_text))
    audit.addHandler(handler)
    audit.info(EVENT)
    assert tools(tmp_path) == ["add"]


def test_another_handler_that_raises_costs_no_event(audit, handler, tmp_path):
    audit.addHandler(Other(fails))
    audit.addHandler(handler)
    with pytest.raises(LookupError):
        audit.info(EVENT)
    assert tools(tmp_path) == ["add"]


def test_other_handlers_get_the_event_as_before(audit, handler):
    got = []
    audit.addHandler(handler)
    audit.addHandler(Other(lambda record: got.append(record.getMessage())))
    audit.info(EVENT)
    assert got == ["<Event mcp_tool_execution>"]


def test_a_factory_of_records_that_makes_text_of_messages_costs_no_event(audit, handler, tmp_path):
    usual = logging.getLogRecordFactory()

    def factory(*args, **kwargs):
        record = usual(*args, **kwargs)
        becomes_text(record)
        return record

    audit.addHandler(handler)
    logging.setLogRecordFactory(factory)
    try:
        audit.info(EVENT)
    finally:
        logging.setLogRecordFactory(usual)
    assert tools(tmp_path) == ["add"]


def test_an_event_passes_a_queue(audit, handler, tmp_path):
    waiting = queue.Queue()
    listener = logging.handlers.QueueListener(waiting, handler)
    listener.start()
    audit.addHandler(logging.handlers.QueueHandler(waiting))
    audit.info(EVENT)
    listener.stop()
    assert tools(tmp_path) == ["add"]
    assert handler.counts.suppressed == 0


def test_an_event_passes_a_queue_between_processes(audit, handler, tmp_path):
    waiting = multiprocessing.get_context("spawn").Queue()
    audit.addHandler(logging.handlers.QueueHandler(waiting))
    audit.info(EVENT)
    handler.handle(waiting.get(timeout=10))
    assert tools(tmp_path) == ["add"]


def test_an_event_that_waits_in_a_buffer_is_not_counted_as_held_back(audit, handler, tmp_path):
    buffer = logging.handlers.MemoryHandler(10, target=handler)
    audit.addHandler(buffer)
    audit.info(EVENT)
    buffer.flush()
    assert tools(tmp_path) == ["add"]
    assert handler.counts.suppressed == 0


def test_an_event_that_reaches_no_handler_is_counted_by_those_that_there_are(audit, handler):
    audit.info(EVENT)
    assert handler.counts.suppressed == 1


def test_an_event_as_an_argument_of_a_message_is_recorded(audit, handler, tmp_path):
    audit.addHandler(handler)
    audit.info("called: %s", EVENT)
    assert tools(tmp_path) == ["add"]


def test_an_event_that_an_adapter_made_into_text_is_counted(audit, handler):
    class Adapter(logging.LoggerAdapter):
        def process(self, msg, kwargs):
            return f"[shop] {msg}", kwargs

    audit.addHandler(handler)
    Adapter(audit, {}).info(EVENT)
    assert handler.counts.suppressed == 1


def test_a_record_shows_no_field_of_the_event_it_carries(audit):
    got = []
    audit.addHandler(Other(got.append))
    audit.info(create_tool_execution_event("bob", "add", {"password": "hunter2Zebra99"}))
    assert "hunter2" not in f"{vars(got[0])}"
    assert pickle.loads(pickle.dumps(got[0]))._mcp_audit_event == "<Event mcp_tool_execution>"
