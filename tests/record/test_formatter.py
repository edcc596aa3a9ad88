"""Ordinary logs as ECS lines, from a stock handler."""

import io
import json
import logging
import logging.config
import sys
import threading

import pytest

from shipper import EcsFormatter, create_tool_execution_event


@pytest.fixture
def stream():
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")


@pytest.fixture
def logger(stream):
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EcsFormatter(service_name="shop", environment="test"))
    logger = logging.Logger("shop.orders")  # noqa: LOG001 - one that no other test can reach
    logger.addHandler(handler)
    return logger


@pytest.fixture
def written(stream):
    """What the last call wrote, read strictly."""

    def read():
        stream.flush()
        line = stream.buffer.getvalue().decode().splitlines()[-1]
        return json.loads(line, parse_constant=pytest.fail)

    return read


@pytest.fixture(autouse=True)
def _errors_of_handlers_are_raised(monkeypatch):
    """`Handler.handleError` would print a lost record and go on."""

    def fail(_handler, _record):
        raise sys.exc_info()[1]

    monkeypatch.setattr(logging.Handler, "handleError", fail)


def test_a_record_becomes_the_fields_that_ecs_has_for_it(logger, written):
    logger.warning("paid %d", 5)
    document = written()
    assert document.pop("@timestamp").endswith("Z")
    assert document["log"]["origin"].pop("file").keys() == {"name", "line"}
    assert document["process"].pop("pid") > 0
    assert document == {
        "message": "paid 5",
        "log": {
            "level": "warning",
            "logger": "shop.orders",
            "origin": {
                "function": "test_a_record_becomes_the_fields_that_ecs_has_for_it",
            },
        },
        "process": {"thread": {"name": threading.current_thread().name}},
        "ecs": {"version": "9.5.0"},
        "service": {"name": "shop", "environment": "test"},
    }


def test_dotted_extras_are_nested(logger, written):
    logger.info("x", extra={"http.request.method": "GET", "http.response": {"status_code": 200}})
    assert written()["http"] == {"request": {"method": "GET"}, "response": {"status_code": 200}}


@pytest.mark.parametrize("name", ["log.level", "ecs.version", "log.logger", "service.name"])
def test_an_extra_takes_no_other_fields_place(name, logger, written):
    logger.info("x")
    before = written()
    logger.info("x", extra={name: "mine", "log": "mine"})
    after = written()
    root = name.split(".")[0]
    assert after[root].keys() == before[root].keys()
    assert after["labels"] == {name.replace(".", "_"): "mine", "log": "mine"}


def test_extras_inside_one_another_are_kept_apart(logger, written):
    mine = {"b": 1}
    logger.info("x", extra={"a": mine, "a.c": 2, "a.b": 3, "a.b.d": 4, "": 5, "..": 6})
    document = written()
    assert document["a"] == {"b": 1, "c": 2}
    assert document["labels"] == {"a_b": "3", "a_b_d": "4", "__": "6"}
    assert document["_"] == 5
    assert mine == {"b": 1}, "the caller's own object was changed"


class Unprintable:
    def __str__(self):
        raise ArithmeticError


CIRCLE = {"n": 1}
CIRCLE["again"] = CIRCLE


@pytest.mark.parametrize(
    ("value", "as_written"),
    [
        (float("nan"), None),
        ("\ud800x", "?x"),
        ({"\udfff": "\ud800"}, {"?": "?"}),
        ({1: "a", (2, 3): "b"}, {"1": "a", "(2, 3)": "b"}),
        (10**30, 10**30),
        (b"abc", "YWJj"),
        ({"x"}, ["x"]),
        (Unprintable(), "[Unprintable without a text]"),
        ([Unprintable(), "\ud800"], ["[Unprintable without a text]", "?"]),
        (type("Text", (str,), {})("x"), "x"),
    ],
)
def test_an_extra_is_written_as_strict_json(value, as_written, logger, written):
    logger.info("x", extra={"mine": value, "other": "kept"})
    assert written()["mine"] == as_written
    assert written()["other"] == "kept"


def test_an_extra_that_goes_in_a_circle_is_cut(logger, written):
    logger.info("x", extra={"mine": CIRCLE})
    assert written()["mine"]["n"] == 1
    assert "[CUT]" in json.dumps(written())


@pytest.mark.parametrize(
    ("message", "arguments", "as_written"),
    [
        ("%d rows", ("many",), "%d rows [not formatted: TypeError]"),
        ("%s and %s", ("one",), "%s and %s [not formatted: TypeError]"),
        ("%(name)s", ({"other": 1},), "%(name)s [not formatted: KeyError]"),
        ("100%", (1,), "100% [not formatted: ValueError]"),
        ("%s", (Unprintable(),), "%s [not formatted: ArithmeticError]"),
        (Unprintable(), (), "[Unprintable without a text] [not formatted: ArithmeticError]"),
    ],
)
def test_a_message_that_cannot_be_formatted_says_so(
    message, arguments, as_written, logger, written
):
    logger.info(message, *arguments)
    assert written()["message"] == as_written


def test_a_dict_that_was_logged_becomes_fields(logger, written):
    logger.info({"order.id": 7, "name": "not the logger's", "message": "x"})
    assert written()["order"] == {"id": 7}
    assert written()["log"]["logger"] == "shop.orders"


def test_an_exception_is_told_by_type_message_and_stack(logger, written):
    try:
        {}["no such order"]
    except KeyError:
        logger.exception("failed", stack_info=True)
    document = written()
    assert document["error"]["type"] == "KeyError"
    assert document["error"]["message"] == "'no such order'"
    assert document["error"]["stack_trace"].startswith("Traceback (most recent call last):")
    assert document["labels"]["stack"].startswith("Stack (most recent call last):")


def test_an_audit_event_prints_its_type_only(logger, written, stream):
    logger.info(create_tool_execution_event("bob", "login", {"password": "hunter2"}, "hunter2"))
    assert written()["message"] == "<Event mcp_tool_execution>"
    logger.info(
        "hunter2",
        extra={
            "event_type": "mcp_tool_execution",
            "user_id": "hunter2",
            "event_data": {"arguments": {"password": "hunter2"}},
            "order": 7,
        },
    )
    assert written()["message"] == "<Event mcp_tool_execution>"
    assert written()["order"] == 7
    assert b"hunter2" not in stream.buffer.getvalue()


def test_it_is_configured_by_a_dict(tmp_path):
    path = tmp_path / "app.log"
    name = f"test.formatter.{tmp_path.name}"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"ecs": {"()": "shipper.EcsFormatter", "service_name": "shop"}},
            "handlers": {
                "file": {"class": "logging.FileHandler", "filename": path, "formatter": "ecs"}
            },
            "loggers": {name: {"handlers": ["file"], "propagate": False}},
        }
    )
    logging.getLogger(name).error("x")
    (handler,) = logging.getLogger(name).handlers
    handler.close()
    assert json.loads(path.read_bytes())["service"] == {"name": "shop"}
