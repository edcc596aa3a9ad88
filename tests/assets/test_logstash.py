"""The Logstash pipeline, by grammar and by what each plugin of Logstash 8.3 to 9 takes.

No Logstash runs here: what a plugin does with its options is not shown.
"""

import re
from itertools import chain
from pathlib import PurePosixPath

import pytest
import yaml
from logstash_pipeline_parser import Pipeline

from shipper.assets import build
from shipper.catalog import Scope, builtin

FILES = build(builtin(), Scope())
FOLDER = PurePosixPath("logstash/pipelines")
COMMON = {"id", "add_field", "add_tag", "remove_field", "remove_tag"}
#: Of the plugins that we use, the options that exist from 8.3 on and are not gone in 9.
OPTIONS = {
    ("input", "beats"): {
        *("id", "host", "port", "ecs_compatibility", "codec", "include_codec_tag"),
    },
    ("codec", "plain"): {"id", "ecs_compatibility"},
    ("filter", "mutate"): {*COMMON, "replace", "rename"},
    ("filter", "uuid"): {*COMMON, "target", "overwrite"},
    ("output", "elasticsearch"): {
        *("id", "ecs_compatibility", "hosts", "user", "password", "data_stream", "action", "index"),
        *("document_id", "manage_template", "ilm_enabled"),
    },
}
BRANCHES = {"if", "else if", "else"}


@pytest.fixture(scope="module")
def tree():
    return Pipeline(FILES[FOLDER / "mcp-beats.conf"].decode()).parse()


def plugins(section, nodes):
    """Every plugin of a section, at any depth: section, name, options."""
    for name, body in nodes:
        if name in BRANCHES:
            yield from plugins(section, body if name == "else" else chain.from_iterable(body[-1]))
            continue
        options = dict(body)
        yield section, name, {key: value[0] for key, value in options.items()}
        if "codec" in options:
            yield from plugins("codec", options["codec"])


def all_plugins(tree):
    return [found for section, nodes in tree for found in plugins(section, nodes)]


def patterns(nodes):
    """Every regular expression of the conditions, by the field that it is asked of."""
    if isinstance(nodes, list):
        for before, sign, after in zip(nodes, nodes[1:], nodes[2:], strict=False):
            if sign == "=~":
                yield before, after
        for node in nodes:
            yield from patterns(node)


def test_the_three_sections_are_there_in_order(tree):
    assert [section for section, _ in tree] == ["input", "filter", "output"]


def test_every_plugin_and_option_exists_in_all_versions(tree):
    for section, name, options in all_plugins(tree):
        assert options.keys() <= OPTIONS[section, name]


def test_every_plugin_has_an_id_of_its_own(tree):
    found = [options["id"] for _, _, options in all_plugins(tree)]
    assert len(found) == 8
    assert len(set(found)) == len(found)
    assert all(name.startswith("mcp_") for name in found)


def test_a_setting_from_the_environment_has_a_default(tree):
    settings = re.findall(r"\$\{[^}]*\}", str(tree))
    assert len(settings) == 5
    assert all(":" in setting for setting in settings)


def test_documents_are_created_under_their_own_id_in_the_stream_they_name(tree):
    [(_, name, options)] = [found for found in all_plugins(tree) if found[0] == "output"]
    assert name == "elasticsearch"
    assert options["action"] == "create"
    assert options["document_id"] == "%{[@metadata][mcp_document_id]}"
    stream = "%{[data_stream][type]}-%{[data_stream][dataset]}-%{[data_stream][namespace]}"
    assert options["index"] == stream
    for switch in ("data_stream", "manage_template", "ilm_enabled"):
        assert options[switch] is False


@pytest.mark.parametrize("part", ["type", "dataset", "namespace"])
def test_only_a_valid_part_of_a_stream_name_is_routed(tree, part):
    pattern = re.compile(dict(patterns(tree))[f"[data_stream][{part}]"].replace(r"\z", r"\Z"))
    ours = {row.dataset for row in builtin().event_types.values()}
    for good in {"logs", "default", "tenant_1", "a" * 100, *ours}:
        assert pattern.search(good), good
    for bad in ("", "Logs", "a-b", "a/b", "a*", "a,b", "_a", ".a", "a b", "a\nb", "a\n", "a" * 101):
        assert not pattern.search(bad), bad


def test_an_id_that_elasticsearch_would_refuse_is_not_used(tree):
    pattern = re.compile(dict(patterns(tree))["[event][id]"].replace(r"\z", r"\Z"))
    assert pattern.search("01JDBZ5T4M8Q-1")
    assert pattern.search("a" * 512)
    for bad in ("", "a" * 513, "a b", "a\n"):
        assert not pattern.search(bad), bad


def test_pipelines_yml_names_the_pipeline_keeps_its_queue_and_what_is_refused():
    [pipeline] = yaml.safe_load(FILES[FOLDER / "pipelines.yml"])
    assert pipeline == {
        "pipeline.id": "mcp-beats",
        "path.config": "${MCP_PIPELINES:/etc/logstash/pipelines}/mcp-beats.conf",
        "pipeline.ecs_compatibility": "v8",
        "queue.type": "persisted",
        "dead_letter_queue.enable": True,
    }
