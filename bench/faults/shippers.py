"""The shippers under test: how to configure and start each, and where to find what it set aside."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Shipper:
    """One way to run one program over `<folder>/audit.log`."""

    name: str
    configure: Callable[[Path, int], list[str]]
    #: Path, below the folder, of the lines that the server refused.
    refused: str

    def set_aside(self, folder: Path) -> int:
        path = folder / self.refused
        return path.read_bytes().count(b"\n") if path.exists() else 0


def _ours(folder: Path, port: int) -> list[str]:
    config = folder / "mcp-shipper.yml"
    settings = {
        "path": {"home": str(folder)},
        "inputs": [{"type": "filestream", "id": "audit", "paths": [str(folder / "audit.log*")]}],
        "output": {"elasticsearch": {"hosts": [f"http://127.0.0.1:{port}"], "timeout": "5s"}},
    }
    config.write_text(json.dumps(settings))
    return [sys.executable, "-m", "shipper", "run", "-c", str(config)]


def _rsyslog(template: str) -> Callable[[Path, int], list[str]]:
    def configure(folder: Path, port: int) -> list[str]:
        (folder / "rsyslog").mkdir(exist_ok=True)
        text = (HERE / template).read_text()
        config = folder / "rsyslog.conf"
        config.write_text(text.replace("@FOLDER@", str(folder)).replace("@PORT@", str(port)))
        return ["rsyslogd", "-n", "-f", str(config), "-i", str(folder / "rsyslog.pid")]

    return configure


SHIPPERS = (
    Shipper("mcp-shipper", _ours, "data/dead-letters/elasticsearch.ndjson"),
    Shipper("rsyslog, careful", _rsyslog("rsyslog-careful.conf"), "rsyslog/refused"),
    Shipper("rsyslog, usual", _rsyslog("rsyslog-usual.conf"), "rsyslog/refused"),
)


def versions() -> str:
    """The versions of the shippers."""
    ours = _said([sys.executable, "-m", "shipper", "version"])
    return f"{ours}; {_said(['rsyslogd', '-v']).split('(')[0].strip()}"


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return " ".join(done.stdout.splitlines()[0].split())
