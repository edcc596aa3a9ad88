"""The hook in a server's process: instruments each server that the process makes.

It imports no SDK. It watches for the modules that define servers, and wraps the constructors
there once the server itself has imported them.
"""

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from shipper.auto.settings import DIRECTORY, INSIDE, is_wrapped, options

_SERVERS = {
    "mcp.server.lowlevel.server": "Server",
    "mcp.server.fastmcp.server": "FastMCP",
    "mcp.server.mcpserver.server": "MCPServer",
    "fastmcp.server.server": "FastMCP",
    "fastapi_mcp.server": "FastApiMCP",
}


def install() -> None:
    """Watch the imports of this process."""
    sys.meta_path.insert(0, _Watch())


class _Watch(MetaPathFinder):
    """Finds nothing itself: has the others find, and adds to what their loaders do."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        patch = _PATCHES.get(fullname)
        if patch is None:
            return None
        spec = _found(self, fullname, path, target)
        if spec is not None and spec.loader is not None:
            _patch_after(spec.loader, patch)
        return spec


def _found(
    watch: _Watch, name: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    others = (finder for finder in sys.meta_path if finder is not watch)
    specs = (finder.find_spec(name, path, target) for finder in others)
    return next((spec for spec in specs if spec is not None), None)


def _patch_after(loader: Any, patch: Callable[[ModuleType], None]) -> None:
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        patch(module)

    loader.exec_module = exec_module


def _watch_servers(module: ModuleType) -> None:
    kind = getattr(module, _SERVERS[module.__name__], None)
    if kind is not None:
        _after(kind, "__init__", _record)


def _watch_apps(module: ModuleType) -> None:
    """Whatever app uvicorn serves: an application may build its own around a server."""
    _after(module.Config, "load", _wrap_app)


def _after(kind: Any, name: str, then: Callable[[Any], None]) -> None:
    method = getattr(kind, name)

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        try:
            then(self)
        except Exception as error:  # noqa: BLE001 - the server works, with or without a record
            _complain(error)
        return result

    setattr(kind, name, called)


def _record(server: object) -> None:
    from shipper.capture import instrument

    if is_wrapped(os.environ):
        if not _report_to_recorder(os.environ[INSIDE]):
            return
    elif not _has_record():
        _open_record(os.environ)
    instrument(server)


def _wrap_app(config: Any) -> None:
    if not _has_record():  # an app without an MCP server
        return
    from shipper.capture import audit_asgi

    config.loaded_app = audit_asgi(config.loaded_app)


def _has_record() -> bool:
    """Whether somebody has attached a handler: this hook, or a server that is instrumented."""
    import logging

    return bool(logging.getLogger("mcp.audit").handlers)


@functools.cache
def _report_to_recorder(path: str) -> bool:
    """Report to the recorder beside this server; false if it records another process."""
    from pathlib import Path

    from shipper.capture.inside import ToRecorder
    from shipper.record.logger import audit_logger

    try:
        handler = ToRecorder(Path(path))
    except BlockingIOError:  # the server that started this one is the recorded one
        return False
    audit = audit_logger()
    audit.addHandler(handler)
    audit.propagate = False
    return True


def _open_record(environ: Mapping[str, str]) -> None:
    import logging

    from shipper.record.handler import AuditHandler

    audit = logging.getLogger("mcp.audit")
    audit.addHandler(AuditHandler(environ[DIRECTORY], **options(environ)))
    audit.propagate = False


@functools.cache  # once: a server may make many
def _warn(line: str) -> None:
    sys.stderr.write(line)


def _complain(error: Exception) -> None:
    _warn(f"mcp-shipper: this server is not recorded: {type(error).__name__}: {error}\n")


_PATCHES = {**dict.fromkeys(_SERVERS, _watch_servers), "uvicorn.config": _watch_apps}
