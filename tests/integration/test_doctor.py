"""`mcp-shipper doctor` on a real Elasticsearch: before `setup`, after it, and after a mishap."""

import json
import os

import pytest
from elasticsearch import Elasticsearch as Client

from shipper.assets.install.elasticsearch import remove_from_cluster
from shipper.cli import main
from tests.integration.line import call, clear


@pytest.fixture
def node(elasticsearch):
    """The address of a node without anything of ours, before and after."""
    with Client(elasticsearch.url) as client:
        clear(elasticsearch.url)
        list(remove_from_cluster(client))
        yield elasticsearch.url
        clear(elasticsearch.url)
        list(remove_from_cluster(client))


@pytest.fixture
def config(node, tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(json.dumps({"path.home": str(tmp_path), "elasticsearch_url": node}))
    return path


def examined(config, capsys):
    code = main(["doctor", "--json", "-c", str(config)])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {(row["topic"], row["grade"]): row["what"] for row in rows}


def test_doctor_reports_assets_as_missing_before_setup_and_installed_after(config, capsys):
    code, found = examined(config, capsys)
    assert code == os.EX_CONFIG
    assert "are missing" in found["setup", "problem"]
    assert "9.4.3" in found["elasticsearch", "ok"]
    assert "agrees" in found["clock", "ok"]
    assert "requires no credentials" in found["privileges", "warning"]
    assert main(["setup", "-c", str(config)]) == 0
    capsys.readouterr()
    code, found = examined(config, capsys)
    assert code == 0
    assert "up to date" in found["setup", "ok"]


def test_doctor_finds_what_was_written_before_setup(config, node, capsys):
    call(f"{node}/logs-mcp.tools-default/_doc", "POST", {"@timestamp": "2026-01-01T00:00:00Z"})
    assert main(["setup", "--index-management", "-c", str(config)]) == 0
    capsys.readouterr()
    found = examined(config, capsys)[1]
    said = found.get(("setup", "problem"), "") + found.get(("setup", "warning"), "")
    assert "logs-mcp.tools-default" in said
