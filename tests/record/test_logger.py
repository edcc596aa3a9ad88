"""An event of the product's own hooks, which needs no log record where nobody else would see it."""

import logging

import pytest

from shipper import AuditHandler, create_tool_execution_event
from shipper.record.logger import audit_logger

EVENT = create_tool_execution_event("bob", "add")


class Keeper(logging.Handler):
    def __init__(self):
        super().__init__()
        self.kept = []

    def emit(self, record):
        self.kept.append(record)


class Tagging(AuditHandler):
    """An application's own, which works on log records."""

    def emit(self, record):
        self.tag = record.levelname
        super().emit(record)


@pytest.fixture
def audit():
    logger = audit_logger()
    yield logger
    logger.propagate = True
    for handler in [*logger.handlers]:
        logger.removeHandler(handler)
        handler.close()


def alone(audit, handler):
    """The handler, attached; not before the test runs, or pytest's own would be there as well."""
    audit.propagate = False
    audit.addHandler(handler)
    return handler


def test_the_only_handler_records_it_without_a_log_record(audit, tmp_path, monkeypatch):
    handler = alone(audit, AuditHandler(tmp_path))
    monkeypatch.setattr(audit, "makeRecord", None)
    audit.record(logging.INFO, EVENT)
    assert handler.counts.recorded == 1


@pytest.mark.parametrize("above", ["", "mcp"])
def test_a_handler_above_sees_it_too(audit, tmp_path, above):
    handler = alone(audit, AuditHandler(tmp_path))
    audit.propagate = True
    logging.getLogger(above).addHandler(keeper := Keeper())
    audit.record(logging.WARNING, EVENT)
    logging.getLogger(above).removeHandler(keeper)
    assert [record.msg for record in keeper.kept] == [EVENT]
    assert handler.counts.recorded == 1


def test_a_handler_beside_sees_it_too(audit, tmp_path):
    handler = alone(audit, AuditHandler(tmp_path))
    audit.addHandler(keeper := Keeper())
    audit.record(logging.WARNING, EVENT)
    assert ([record.msg for record in keeper.kept], handler.counts.recorded) == ([EVENT], 1)


def test_a_handler_that_overrides_emit_gets_a_log_record(audit, tmp_path):
    handler = alone(audit, Tagging(tmp_path))
    audit.record(logging.WARNING, EVENT)
    assert (handler.tag, handler.counts.recorded) == ("WARNING", 1)


@pytest.mark.parametrize("where", ["logger", "handler"])
def test_a_filter_holds_it_back_and_it_is_counted(audit, tmp_path, where):
    handler = alone(audit, AuditHandler(tmp_path))
    filtered = audit if where == "logger" else handler
    filtered.addFilter(refuse := lambda _record: False)
    audit.record(logging.INFO, EVENT)
    filtered.removeFilter(refuse)
    assert (handler.counts.recorded, handler.counts.suppressed) == (0, 1)


@pytest.mark.parametrize("where", ["logger", "handler"])
def test_a_level_above_its_own_holds_it_back_and_it_is_counted(audit, tmp_path, where):
    handler = alone(audit, AuditHandler(tmp_path))
    (audit if where == "logger" else handler).setLevel(logging.ERROR)
    audit.record(logging.INFO, EVENT)
    audit.setLevel(logging.NOTSET)
    assert (handler.counts.recorded, handler.counts.suppressed) == (0, 1)


def test_two_handlers_of_one_directory_write_it_once(audit, tmp_path):
    one = alone(audit, AuditHandler(tmp_path))
    audit.addHandler(two := AuditHandler(tmp_path, namespace="other"))
    audit.record(logging.INFO, EVENT)
    assert one.counts.recorded + two.counts.recorded == 1
