"""ECS lines for ordinary logs, from any stock handler."""

import logging
from typing import Any

import msgspec
from pythonjsonlogger.core import BaseJsonFormatter

from shipper.catalog import builtin
from shipper.record.append import iso_timestamp

_json = msgspec.json.Encoder(enc_hook=str).encode


class EcsFormatter(BaseJsonFormatter):
    """Formats any log record as one ECS JSON line.

    Extras become root fields, dotted names nested ones; one that would fall on a field of ECS's
    own goes under `labels`. Nothing is redacted: audit events belong to `AuditHandler`, and print
    here as their type only.
    """

    def __init__(self, service_name: str | None = None, environment: str | None = None) -> None:
        super().__init__()
        self._service = {"service.name": service_name, "service.environment": environment}
        self._ecs_version = builtin().ecs_version

    def format(self, record: logging.LogRecord) -> str:
        try:
            message = record.getMessage()
        except (TypeError, ValueError) as error:
            message = f"{record.msg!s} [bad arguments: {error}]"
        fields: dict[str, Any] = {
            "@timestamp": iso_timestamp(record.created),
            "log.level": record.levelname.lower(),
            "message": message,
            "ecs.version": self._ecs_version,
            **{key: value for key, value in self._service.items() if value},
            "log.logger": record.name,
            "log.origin.file.name": record.filename,
            "log.origin.file.line": record.lineno,
            "log.origin.function": record.funcName,
            "process.pid": record.process,
            "process.thread.name": record.threadName,
        }
        if record.exc_info and record.exc_info[0]:
            fields["error.type"] = record.exc_info[0].__name__
            fields["error.message"] = str(record.exc_info[1])
            fields["error.stack_trace"] = self.formatException(record.exc_info)
        return _strict(_nested(fields, self._extras(record)))

    def _extras(self, record: logging.LogRecord) -> dict[str, Any]:
        return {
            key: value
            for key, value in vars(record).items()
            if key not in self.reserved_attrs and not key.startswith("_")
        }


def _nested(fields: dict[str, Any], extras: dict[str, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, value in fields.items():
        _place(root, path, value)
    for path, value in extras.items():
        if not _place(root, path, value):
            root.setdefault("labels", {})[path.replace(".", "_")] = str(value)
    return root


def _place(root: dict[str, Any], path: str, value: object) -> bool:
    """Set the value at a dotted path; False where another value is in the way."""
    *parents, leaf = path.split(".")
    node = root
    for name in parents:
        child = node.setdefault(name, {})
        if not isinstance(child, dict):
            return False
        node = child
    if leaf in node:
        return False
    node[leaf] = value
    return True


def _strict(document: dict[str, Any]) -> str:
    """JSON without NaN (null instead) and without lone surrogates."""
    try:
        return _json(document).decode()
    except UnicodeEncodeError:
        return _json(_without_surrogates(document)).decode()


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(str(k)): _without_surrogates(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value
