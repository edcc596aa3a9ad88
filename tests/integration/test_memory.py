"""Memory with the worst lines that a file can hold, against the limits of the manifests."""

import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml

from tests.fakes import FakeElasticsearch, FakeLogstash
from tests.integration.line import SHIPPER

DEPLOY = Path(__file__).parents[2] / "deploy"
#: A configuration of deploy/, and the manifest with its limit.
DEPLOYED = {
    "sidecar": ("kubernetes/base/mcp-shipper.yml", "kubernetes/sidecar/deployment.yaml"),
    "daemonset": ("kubernetes/daemonset/mcp-shipper.yml", "kubernetes/daemonset/daemonset.yaml"),
    "compose": ("container/mcp-shipper.yml", "compose/compose.yml"),
    "systemd": ("systemd/mcp-shipper.yml", "systemd/mcp-shipper.service"),
}
LONGEST = 10 << 20
CONTROLS = bytes(range(1, 9)) * (LONGEST // 8)
PART = b"2026-10-06T00:17:09.669794202Z stdout %b %b\n"
WORST = {
    "NULs": b"a" + bytes(LONGEST - 2) + b"\n",
    "control characters": (b"a" + CONTROLS[2:] + b"\n") * 2,
    "not UTF-8": b"a" + b"\xff" * (LONGEST - 2) + b"\n",
    "emoji": "\N{GRINNING FACE}".encode() * (LONGEST // 4 - 1) + b"\n",
    "over the limit": b"a" + CONTROLS * 2 + b"\n",
    "an object": b'{"a":"%b"}\n' % (b"\\u0001" * (LONGEST // 6 - 2)),
    "parts": PART % (b"P", CONTROLS[: 16 << 10]) * 640 + PART % (b"F", b"x"),
}


def limit_mib(manifest):
    """The limit of the shipper's own container, which is the lowest of the file."""
    found = re.findall(r"(?:mem_limit: |memory: |MemoryMax=)(\d+)(?:m|Mi|M)\b", manifest)
    return min(int(one) for one in found if int(one) >= 128)


def settings(home, name, outputs):
    """The configuration that is deployed, for one file, with other outputs."""
    found = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    for one in found["inputs"]:
        one["paths"] = [str(home / one["id"] / "*.log")]
        (home / one["id"]).mkdir()
        for kind, content in WORST.items():
            (home / one["id"] / f"{kind}.log").write_bytes(content)
    own = {key: value for key, value in found.items() if not key.startswith(("output", "http"))}
    added = {f"output.{key}": value for key, value in outputs.items()}
    return {**own, "path.home": str(home), "logging.level": "error", **added}


def peak_mib(command):
    """The most memory that the process had, from its start to its end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        if found := re.search(r"VmHWM:\s+(\d+) kB", status):
            peak = max(peak, int(found[1]))
    assert process.wait() == 0
    return peak / 1024


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("name", DEPLOYED)
def test_memory_with_the_worst_line_stays_below_the_limit_of_the_manifest(tmp_path, name, count):
    config, manifest = DEPLOYED[name]
    limit = limit_mib((DEPLOY / manifest).read_text(encoding="utf-8"))
    with FakeElasticsearch() as elasticsearch, FakeLogstash() as logstash:
        outputs = {
            "elasticsearch": {"hosts": [elasticsearch.url]},
            "logstash": {"hosts": [logstash.address]},
            "file": {"path": str(tmp_path / "out")},
            "console": {},
        }
        some = dict(list(outputs.items())[:count])
        file = tmp_path / "mcp-shipper.yml"
        file.write_bytes(msgspec.json.encode(settings(tmp_path, config, some)))
        file.chmod(0o600)
        assert 20 < peak_mib([*SHIPPER, "run", "--once", "-c", file]) < limit
