"""The shipper's own log: ECS JSON in files and pipes, plain text on a terminal."""

import io
import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from shipper.config import Config
from shipper.durable import make_directory
from shipper.errors import ConfigError, Problem
from shipper.record.formatter import EcsFormatter
from shipper.shown import printable


def set_up_log(config: Config) -> None:
    """Log to standard error, to files or to both, as configured."""
    settings = config.operation.logging
    handlers: list[logging.Handler] = []
    if settings.to_stderr or not settings.to_files:
        handlers.append(logging.StreamHandler())
    if settings.to_files:
        handlers.append(_to_files(config))
    for handler in handlers:
        is_file = isinstance(handler, _LogFile)
        if is_file or not sys.stderr.isatty():
            handler.setFormatter(EcsFormatter(service_name="mcp-shipper"))
        else:
            handler.setFormatter(_TerminalFormatter(_FORMAT, _TIME))
    logging.basicConfig(level=settings.level.upper(), handlers=handlers)


def _to_files(config: Config) -> "_LogFile":
    files = config.operation.logging.files
    directory = Path(files.path) if files.path else config.logs
    path = directory / f"{files.name}.ndjson"
    try:
        make_directory(directory)
        return _LogFile(path, files.rotateeverybytes, files.keepfiles, files.permissions)
    except OSError as error:
        what = f"{path} cannot be written: {error.strerror}"
        raise ConfigError([Problem("logging.files", what)]) from error


_FORMAT, _TIME = "%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"


class _TerminalFormatter(logging.Formatter):
    """Plain text in which no control sequence of a name, or of a server's answer, is left."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class _LogFile(RotatingFileHandler):
    """Rotated files that are created with their permissions, not changed to them later."""

    def __init__(self, path: Path, max_bytes: int, keep: int, mode: int) -> None:
        self._permissions = mode
        super().__init__(path, maxBytes=max_bytes, backupCount=keep, encoding="utf-8")

    def _open(self) -> io.TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        file = os.open(self.baseFilename, flags, self._permissions)
        return os.fdopen(file, "a", encoding=self.encoding)
