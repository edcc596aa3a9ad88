"""The way of a newcomer: the README as it stands, in an empty directory, and the demo, timed."""

import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import real
from tests.real.mcp_servers import npm_servers

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MINUTE = README.partition("\n## In a minute\n")[2].partition("\n## ")[0]
LIMIT_S = 60


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", MINUTE, re.DOTALL)


def commands(block):
    """The commands of a block, without what they print."""
    found = re.findall(r"^\$ ((?:.+\n)(?:   .+\n)*)", block, re.MULTILINE)
    return [command.rstrip() for command in found]


def printed(block):
    """The words that the last command of a block prints first."""
    return re.findall(r"^[a-z-]+(?=  )", block, re.MULTILINE)[-1]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A PATH with our command, and an `npx` that needs no network."""

    @contextmanager
    def found():
        folder = tmp_path_factory.mktemp("bin")
        servers = npm_servers()
        npx = folder / "npx"
        npx.write_text(f'#!/bin/sh\nexec {shlex.quote(str(servers))}/mcp-"${{2#*/}}"\n')
        npx.chmod(0o755)
        yield f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"

    with real(found) as made:
        yield made


def run(command, folder, path):
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_first_event_is_verified_after_two_commands_and_signed_after_three_more(path, tmp_path):
    record, sign = blocks("console")[:2]
    started_s = time.monotonic()
    done = [run(command, tmp_path, path) for command in commands(record)]
    assert time.monotonic() - started_s < LIMIT_S
    assert len(done) == 2
    assert "Echo: hi" in done[0].stdout
    assert done[-1].returncode == 1
    assert done[-1].stdout.split()[0] == printed(record) == "unsigned-tail"
    assert "mcp-shipper keys create" in done[-1].stderr

    (configuration,) = blocks("yaml")
    (tmp_path / "mcp-shipper.yml").write_text(configuration)
    done = [run(command, tmp_path, path) for command in commands(sign)]
    assert [one.returncode for one in done] == [0, 0, 0], done
    assert done[-1].stdout.split()[0] == printed(sign) == "intact-unwitnessed"
    assert time.monotonic() - started_s < LIMIT_S


def test_the_sealed_line_is_the_one_whose_chain_the_page_of_evidence_shows():
    (line,) = re.findall(r"```json\n(.*)\n```", README)
    assert f"{line}\n" in (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")


def test_the_commands_of_the_readme_are_those_of_ci():
    assert re.search(r"^\$ make test ", README, re.MULTILINE)
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("\nmake test")


def test_a_bare_clone_shows_the_demo_within_a_minute(tmp_path):
    """Of CPU time: what the network and other tests take is not the demo's."""
    clone = ["git", "clone", "-q", "--no-hardlinks", "--depth=1", f"file://{ROOT}", tmp_path / "c"]
    if not (ROOT / ".git").exists() or subprocess.run(clone, check=False).returncode:
        pytest.skip("this is no checkout")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    proxies = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    python = f"PYTHON={Path(sys.base_prefix) / 'bin' / 'python3'}"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["make", "demo", python],
        cwd=tmp_path / "c",
        env=environment | proxies,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(tmp_path / "c")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tool-call" in done.stdout or "lookup_order" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < LIMIT_S
