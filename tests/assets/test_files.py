"""Generated files: the same bytes every time, up to date in the repository, never half written."""

import json
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from shipper.assets.generate.files import build, stale, write
from shipper.catalog import Scope, builtin

ROOT = Path(__file__).parent.parent.parent
CATALOG = builtin()
DIGEST = """
import hashlib
from shipper.assets.generate.files import build
from shipper.catalog import Scope, builtin
scope = Scope(frameworks=("sox", "gdpr"), always=frozenset({"mcp_security_threats", "x", "y"}))
files = build(builtin(), scope)
print(hashlib.sha256(repr(list(files.items())).encode()).hexdigest())
"""


def listing(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_the_committed_files_are_those_of_the_catalog():
    assert stale(ROOT, CATALOG, Scope()) == []


def test_every_run_makes_the_same_bytes_in_the_same_order():
    def digest(seed):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", DIGEST]
        return subprocess.check_output(command, env=environment, cwd=ROOT)

    assert len({digest("0"), digest("1"), digest("4242")}) == 1


def test_every_file_is_text_that_ends_with_one_newline():
    files = build(CATALOG, Scope())
    assert list(files) == sorted(files)
    for content in files.values():
        assert content.decode().rstrip("\n") + "\n" == content.decode()


def test_there_is_a_policy_and_a_template_for_each_type():
    files = build(CATALOG, Scope())
    for row in CATALOG.event_types.values():
        for folder in ("policies", "index_templates"):
            path = PurePosixPath(f"ilm/{folder}/logs-{row.dataset}.json")
            assert json.loads(files[path])


def test_written_files_are_up_to_date_and_stay_untouched_the_second_time(tmp_path):
    written = write(tmp_path, CATALOG, Scope())
    assert listing(tmp_path) == {str(path) for path in build(CATALOG, Scope())}
    assert {path.relative_to(tmp_path).as_posix() for path in written} == listing(tmp_path)
    assert stale(tmp_path, CATALOG, Scope()) == []
    assert write(tmp_path, CATALOG, Scope()) == []


def test_missing_edited_and_leftover_files_are_named_and_corrected(tmp_path):
    write(tmp_path, CATALOG, Scope())
    policies = tmp_path / "ilm/policies"
    (policies / "logs-mcp.auth.json").unlink()
    (policies / "logs-mcp.tools.json").write_text("{}")
    old = policies / "logs-mcp.gone.json"
    old.write_bytes((policies / "logs-mcp.authz.json").read_bytes())
    assert stale(tmp_path, CATALOG, Scope()) == [
        "ilm/policies/logs-mcp.auth.json: missing",
        "ilm/policies/logs-mcp.gone.json: no longer generated",
        "ilm/policies/logs-mcp.tools.json: differs from the catalog",
    ]
    assert write(tmp_path, CATALOG, Scope()) == [
        policies / f"logs-mcp.{name}.json" for name in ("auth", "gone", "tools")
    ]
    assert stale(tmp_path, CATALOG, Scope()) == []


def test_a_users_own_file_is_kept(tmp_path):
    own = tmp_path / "logstash/pipelines/own.conf"
    own.parent.mkdir(parents=True)
    own.write_text("input { stdin {} }\n")
    write(tmp_path, CATALOG, Scope())
    assert own.read_text() == "input { stdin {} }\n"
    assert stale(tmp_path, CATALOG, Scope()) == []


def test_a_framework_raises_the_retention_in_the_files():
    path = PurePosixPath("ilm/policies/logs-mcp.tools.json")
    policy = json.loads(build(CATALOG, Scope(frameworks=("hipaa",)))[path])["policy"]
    assert policy["phases"]["delete"]["min_age"] == "2192d"


@pytest.fixture(scope="module")
def page():
    return build(CATALOG, Scope())[PurePosixPath("docs/events.md")].decode().splitlines()


def test_the_page_has_one_line_for_each_event_type_with_its_retentions(page):
    for name, row in CATALOG.event_types.items():
        [line] = [line for line in page if line.startswith(f"| `{name}` |")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        days = [str(row.retention_days)]
        for framework in (CATALOG.frameworks[key] for key in ("sox", "gdpr", "hipaa")):
            longest = max(row.retention_days, framework.retention_days)
            days.append(f"{longest}\\*" if name in framework.requires else str(longest))
        assert cells[1:-1] == [f"`{row.dataset}`", row.classification, row.level, *days]


def test_the_page_has_one_line_for_each_field(page):
    for path, row in CATALOG.fields.items():
        [line] = [line for line in page if line.startswith(f"| `{path}` |")]
        assert line.startswith(f"| `{path}` | {row.type} | {row.sensitivity} |")
        assert f"| {row.meaning} |" in line
