"""ECS lines for ordinary logs, from any stock handler."""

import copy
import logging
from typing import Any

import msgspec
from pythonjsonlogger.core import BaseJsonFormatter

from shipper.catalog import builtin
from shipper.record.event import COMMON
from shipper.record.format import iso_timestamp, valid

#: The attributes of a record, and their fields in ECS. No extra can have an attribute's name.
_FIELDS = {
    "created": "@timestamp",
    "levelname": "log.level",
    "message": "message",
    "name": "log.logger",
    "filename": "log.origin.file.name",
    "lineno": "log.origin.file.line",
    "funcName": "log.origin.function",
    "process": "process.pid",
    "threadName": "process.thread.name",
    "exc_info": "error.stack_trace",
    "stack_info": "labels.stack",
}
_TRACES = ("exc_info", "stack_info")
_READ = " ".join(f"%({name})s" for name in _FIELDS if name not in _TRACES)
#: The names of an audit event in `extra`, where it is not redacted yet.
_AUDIT = COMMON | {"event_type", "event_data"}
#: Levels of an extra; deeper values are cut, and so are circular ones.
_MAX_DEPTH = 16


class EcsFormatter(BaseJsonFormatter):
    """Formats any log record as one ECS JSON line.

    Extras become fields at the root, dotted names nested ones; an extra that would replace a field
    of ECS goes under `labels`. Nothing is redacted: audit events belong to `AuditHandler`, and
    appear here with their type only.
    """

    def __init__(self, service_name: str | None = None, environment: str | None = None) -> None:
        super().__init__(_READ)
        constants = {
            "ecs.version": builtin().ecs_version,
            "service.name": service_name,
            "service.environment": environment,
        }
        self._constants = {path: value for path, value in constants.items() if value}

    def format(self, record: logging.LogRecord) -> str:
        """One line for any record; the message says so if its arguments do not fit."""
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001 - a caller's object may raise anything
            plain = copy.copy(record)
            plain.msg = f"{_text(record.msg)} [not formatted: {type(error).__name__}]"
            plain.args = None
            return super().format(plain)

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],
    ) -> None:
        """The record's attributes and extras, each under its name, and its exception."""
        traces = {name: message_dict[name] for name in _TRACES if name in message_dict}
        super().add_fields(log_data, record, traces)
        for key, value in message_dict.items():  # a dict was logged, not a text
            log_data.setdefault(str(key), value)
        if record.exc_info and record.exc_info[0]:
            log_data["error.type"] = record.exc_info[0].__name__
            log_data["error.message"] = _text(record.exc_info[1])
        if "event_type" in log_data:
            log_data["message"] = f"<Event {_text(log_data['event_type'])}>"
            for name in _AUDIT:
                log_data.pop(name, None)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """The same as nested fields of ECS; an extra never replaces another field."""
        own = {path: log_data.pop(name) for name, path in _FIELDS.items() if name in log_data}
        own["@timestamp"] = iso_timestamp(own["@timestamp"])
        own["log.level"] = own["log.level"].lower()
        root: dict[str, Any] = {}
        for path, value in (own | self._constants).items():
            _place(root, path, value)
        for path, value in log_data.items():
            if not _place(root, path, value):
                _place(root, f"labels.{path.replace('.', '_')}", _text(value))
        return root

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Strict JSON: null for NaN, no lone surrogates, text for what JSON does not have."""
        try:
            return _json(log_data).decode()
        except Exception:  # noqa: BLE001 - as above; rare, so it may take its time
            return _json(_plain(log_data, 0)).decode()


def _place(root: dict[str, Any], path: str, value: object) -> bool:
    """Set the value at a dotted path; False if another value is in the way."""
    *parents, leaf = [name for name in path.split(".") if name] or ["_"]
    node = root
    for name in parents:
        child = node.get(name, {})
        if not isinstance(child, dict):
            return False
        node[name] = dict(child)  # a copy: it may be the caller's
        node = node[name]
    if leaf in node:
        return False
    node[leaf] = value
    return True


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a caller's object may raise anything
        return f"[{type(value).__name__} without a text]"


_json = msgspec.json.Encoder(enc_hook=_text).encode


def _plain(value: Any, depth: int) -> Any:
    """The value in the types of JSON."""
    if isinstance(value, str):
        return valid(str.__str__(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _MAX_DEPTH:
        return "[CUT]"
    if isinstance(value, dict):
        return {valid(_text(key)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    return valid(_text(value))
