"""The demo: a real MCP server and client, the audit handler, and the shipper, end to end."""

import shutil
from pathlib import Path

from rich.console import Console

from shipper.config import Config, from_mapping
from shipper.demo import show
from shipper.errors import ShipperError, Unavailable
from shipper.run.service import Service, probe

#: The last part of the data streams' names: the demo's events can be removed without any others.
NAMESPACE = "demo"


def run(
    directory: Path, *, elasticsearch: str | None, logstash: str | None, console: Console
) -> int:
    """Record, ship and show, under `directory`; replaces the files of an earlier demo there."""
    for name in ("audit", "data", "delivered"):
        shutil.rmtree(directory / name, ignore_errors=True)
    config = _config(directory.resolve(), elasticsearch, logstash)
    for name, what, error in probe(config):  # fail now; shipping would retry for ever
        if error:
            raise Unavailable(f"{name}: {what}")
    show.introduce(console)
    _record(config.audit, console)
    show.recorded(config.audit, console)
    service = Service(config)
    with console.status("shipping …"):
        service.drain()
    show.delivered(service, directory, console)
    if elasticsearch:
        show.indexed(elasticsearch, NAMESPACE, console)
    return show.searched(directory, console)


def _record(audit: Path, console: Console) -> None:
    try:
        import anyio

        from shipper.demo.client import play
    except ImportError as error:
        raise ShipperError(
            f"the demo needs the official MCP SDK ({error.name} is missing): "
            "pip install 'mcp-shipper[mcp]'"
        ) from error
    with console.status("calling tools …"):
        anyio.run(play, audit)


def _config(directory: Path, elasticsearch: str | None, logstash: str | None) -> Config:
    outputs: dict[str, object] = {
        "file": {"path": str(directory / "delivered"), "filename": "events"}
    }
    if elasticsearch:
        outputs["elasticsearch"] = {"hosts": [elasticsearch]}
    if logstash:
        outputs["logstash"] = {"hosts": [logstash]}
    return from_mapping(
        {
            "path": {"home": str(directory)},
            "mcp_audit_level": "enterprise",
            "namespace": NAMESPACE,
            "output": outputs,
        }
    )
