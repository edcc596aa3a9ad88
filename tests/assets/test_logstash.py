"""Logstash's pipelines, by grammar and by the options of each plugin in Logstash 8.3 to 9.

No Logstash runs here: what a plugin does with its options is not shown.
"""

import re
from itertools import chain
from pathlib import PurePosixPath

import pytest
import yaml
from logstash_pipeline_parser import Pipeline

from shipper.assets.generate.files import build
from shipper.catalog import IndexStrategy, Scope, builtin

FILES = build(builtin(), Scope())
FOLDER = PurePosixPath("logstash/pipelines")
COMMON = {"id", "add_field", "add_tag", "remove_field", "remove_tag"}
#: The options of the used plugins that exist in all versions from 8.3 to 9.
OPTIONS = {
    ("input", "beats"): {
        *("id", "host", "port", "ecs_compatibility", "codec", "include_codec_tag"),
    },
    ("input", "http"): {
        *("id", "host", "port", "user", "password", "ecs_compatibility", "codec"),
        "additional_codecs",
    },
    ("input", "file"): {
        *("id", "path", "start_position", "sincedb_path", "ecs_compatibility", "codec"),
    },
    ("input", "kafka"): {
        *("id", "bootstrap_servers", "topics", "group_id", "auto_offset_reset", "codec"),
    },
    ("input", "redis"): {"id", "host", "port", "data_type", "key", "codec"},
    ("input", "dead_letter_queue"): {"id", "path", "pipeline_id", "commit_offsets"},
    ("codec", "plain"): {"id", "ecs_compatibility"},
    ("codec", "line"): {"id", "ecs_compatibility"},
    ("codec", "json_lines"): {"id", "ecs_compatibility"},
    ("filter", "mutate"): {*COMMON, "replace", "rename"},
    ("filter", "uuid"): {*COMMON, "target", "overwrite"},
    ("filter", "ruby"): {*COMMON, "path"},
    ("filter", "drop"): {*COMMON},
    ("filter", "fingerprint"): {
        *COMMON,
        *("ecs_compatibility", "concatenate_all_fields", "method", "target"),
    },
    ("output", "file"): {"id", "path", "gzip", "file_mode", "codec"},
    ("output", "elasticsearch"): {
        *("id", "ecs_compatibility", "hosts", "user", "password", "data_stream", "action", "index"),
        *("document_id", "manage_template", "ilm_enabled", "failure_type_logging_whitelist"),
    },
}
#: Options that are not in all versions, by the file that states its versions.
TLS = {"ssl_certificate", "ssl_key", "ssl_certificate_authorities"}
ONLY_IN = {
    "mcp-beats-tls.conf": {*TLS, "ssl_enabled", "ssl_client_authentication"},
    "mcp-beats-tls-before-8.9.conf": {*TLS, "ssl", "ssl_verify_mode"},
}
BRANCHES = {"if", "else if", "else"}


TREES = {
    path.name: Pipeline(content.decode()).parse()
    for path, content in FILES.items()
    if path.suffix == ".conf"
}
TREE = TREES["mcp-classify.conf"]
PIPELINES = FILES[FOLDER / "pipelines.yml"].decode()


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
    """Every regular expression of the conditions, by the field that it is applied to."""
    if isinstance(nodes, list):
        for before, sign, after in zip(nodes, nodes[1:], nodes[2:], strict=False):
            if sign == "=~":
                yield before, after
        for node in nodes:
            yield from patterns(node)


def rows(text):
    """The pipelines of `pipelines.yml`, each with the files that it consists of."""
    for row in yaml.safe_load(text):
        folder, _, names = row["path.config"].rpartition("/")
        assert folder == "${MCP_PIPELINES:/etc/logstash/pipelines}"
        start, inner, end = re.fullmatch(r"(mcp-){(.*)}(.conf)", names).groups()
        yield row, [f"{start}{name}{end}" for name in inner.split(",")]


@pytest.mark.parametrize("name", ["mcp", "mcp-redrive"])
def test_every_pipeline_of_pipelines_yml_has_inputs_before_one_output(name):
    offered = re.sub(r"(?m)^# (?=- |  path|  pipe|  queue)", "", PIPELINES)
    [files] = [files for row, files in rows(offered) if row["pipeline.id"] == name]
    sections = [section for file in files for section, _ in TREES[file]]
    assert {"input", "filter", "output"} == {*sections}
    assert sections.count("filter") == sections.count("output") == 1


def test_every_file_is_offered_in_pipelines_yml():
    offered = {*re.findall(r"[a-z][a-z0-9.-]+", PIPELINES)}
    assert {name.removeprefix("mcp-").removesuffix(".conf") for name in TREES} <= offered


@pytest.mark.parametrize("name", TREES)
def test_every_plugin_and_option_exists_in_all_versions(name):
    for section, plugin, options in all_plugins(TREES[name]):
        assert options.keys() <= OPTIONS[section, plugin] | ONLY_IN.get(name, set())


@pytest.mark.parametrize("name", TREES)
def test_every_plugin_has_an_id_of_its_own_within_its_pipeline(name):
    found = [options["id"] for _, _, options in all_plugins(TREES[name])]
    assert len(set(found)) == len(found)
    assert all(name.startswith("mcp_") for name in found)


@pytest.mark.parametrize("name", TREES)
def test_a_setting_from_the_environment_has_a_default(name):
    settings = re.findall(r"\$\{[^}]*\}", str(TREES[name]))
    assert all(":" in setting for setting in settings)


def elasticsearch_output(files):
    tree = Pipeline(files[FOLDER / "mcp-elasticsearch.conf"].decode()).parse()
    [options] = [row for section, name, row in all_plugins(tree) if name == "elasticsearch"]
    return options


def test_documents_are_created_under_their_own_id_in_the_stream_they_name():
    options = elasticsearch_output(FILES)
    assert options["action"] == "create"
    assert options["document_id"] == "%{[@metadata][mcp_document_id]}"
    stream = "%{[data_stream][type]}-%{[data_stream][dataset]}-%{[data_stream][namespace]}"
    assert options["index"] == stream
    for switch in ("data_stream", "manage_template", "ilm_enabled"):
        assert options[switch] is False


@pytest.mark.parametrize(
    ("strategy", "index"), [("rollover_alias", "mcp-tools"), ("monthly", "mcp-tools-%{+YYYY-MM}")]
)
def test_with_named_indices_each_type_has_its_branch(strategy, index):
    files = build(builtin(), Scope(index_strategy=IndexStrategy(strategy)))
    assert elasticsearch_output(files)["index"] == "%{[@metadata][mcp_index]}"
    text = files[FOLDER / "mcp-elasticsearch.conf"].decode()
    assert f'"[@metadata][mcp_index]" => "{index}"' in text
    assert text.count("if [data_stream][dataset] ==") == len(builtin().event_types)


def test_only_a_type_of_elastics_own_data_streams_is_routed():
    pattern = re.compile(dict(patterns(TREE))["[data_stream][type]"].replace(r"\z", r"\Z"))
    assert pattern.search("logs")
    assert pattern.search("metrics")
    for bad in ("mcp", "logs-mcp.tools", "xlogs", "logs\n", ""):
        assert not pattern.search(bad), bad


def test_the_id_that_the_shipper_gives_comes_before_that_which_a_line_names():
    text = FILES[FOLDER / "mcp-classify.conf"].decode()
    given, named = text.index("[@metadata][_id] =~"), text.index("[event][id] =~")
    assert given < named
    assert "else if [mcp][audit][type] and [event][id] =~" in text


@pytest.mark.parametrize("part", ["dataset", "namespace"])
def test_only_a_valid_part_of_a_stream_name_is_routed(part):
    pattern = re.compile(dict(patterns(TREE))[f"[data_stream][{part}]"].replace(r"\z", r"\Z"))
    ours = {row.dataset for row in builtin().event_types.values()}
    for good in {"logs", "default", "tenant_1", "a" * 100, *ours}:
        assert pattern.search(good), good
    for bad in ("", "Logs", "a-b", "a/b", "a*", "a,b", "_a", ".a", "a b", "a\nb", "a\n", "a" * 101):
        assert not pattern.search(bad), bad


def test_an_id_that_elasticsearch_would_refuse_is_not_used():
    pattern = re.compile(dict(patterns(TREE))["[event][id]"].replace(r"\z", r"\Z"))
    assert pattern.search("01JDBZ5T4M8Q-1")
    assert pattern.search("a" * 512)
    for bad in ("", "a" * 513, "a b", "a\n"):
        assert not pattern.search(bad), bad


def test_the_pipeline_in_use_has_a_persisted_queue_and_a_dead_letter_queue():
    [(row, _)] = rows(PIPELINES)
    assert (row["queue.type"], row["dead_letter_queue.enable"]) == ("persisted", True)


def test_the_dead_letters_of_that_pipeline_are_the_ones_that_are_sent_again():
    [(row, _)] = rows(PIPELINES)
    redrive = {name: options for _, name, options in all_plugins(TREES["mcp-redrive.conf"])}
    assert redrive["dead_letter_queue"]["pipeline_id"] == row["pipeline.id"]


def test_the_fields_of_a_request_are_removed_from_lines_that_came_by_http_only():
    text = FILES[FOLDER / "mcp-classify.conf"].decode()
    branch = text.partition("if [@metadata][input][http] {")[2].partition("}\n  }")[0]
    assert 'id => "mcp_http_only_the_line"' in branch
    assert branch.count("id =>") == 1
