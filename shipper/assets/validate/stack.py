"""Problems of pipelines, policies and templates, as generated or as a user has edited them.

The checks find what a server would refuse, or accept and do differently. Only the Logstash plugins
and options of the generated pipelines are known: others are reported as unknown, but may exist.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shipper.assets.validate.lscl import LogstashSyntaxError, Plugin, plugins
from shipper.assets.validate.stack_rules import PHASES, POLICY_RULES, PROCESSORS, TYPES, days
from shipper.errors import Problem

_COMMON = {"id", "add_field", "add_tag", "remove_field", "remove_tag", "enable_metric"}
_INPUT = {*_COMMON, "codec", "type", "tags"}
_TLS = {"ssl_certificate", "ssl_key", "ssl_certificate_authorities", "ssl_key_passphrase"}
_OLD_TLS, _NEW_TLS = {"ssl", "ssl_verify_mode"}, {"ssl_enabled", "ssl_client_authentication"}
#: Options in Logstash 8.3 to 9 of the plugins that the pipelines use.
_KNOWN: Mapping[tuple[str, str], set[str]] = {
    ("input", "beats"): {
        *_INPUT,
        *("host", "port", "ecs_compatibility", "include_codec_tag", "client_inactivity_timeout"),
        *(_TLS | _OLD_TLS | _NEW_TLS),
    },
    ("input", "http"): {
        *_INPUT,
        *("host", "port", "user", "password", "ecs_compatibility", "additional_codecs", "threads"),
        *(_TLS | _OLD_TLS | _NEW_TLS),
    },
    ("input", "file"): {
        *_INPUT,
        *("path", "start_position", "sincedb_path", "ecs_compatibility", "mode", "exclude"),
    },
    ("input", "kafka"): {
        *_INPUT,
        *("bootstrap_servers", "topics", "group_id", "auto_offset_reset", "security_protocol"),
        *("consumer_threads", "ssl_truststore_location", "sasl_mechanism", "sasl_jaas_config"),
    },
    ("input", "redis"): {*_INPUT, "host", "port", "data_type", "key", "password", "db", "ssl"},
    ("input", "pipeline"): {*_INPUT, "address"},
    ("input", "dead_letter_queue"): {*_INPUT, "path", "pipeline_id", "commit_offsets"},
    ("input", "stdin"): _INPUT,
    ("codec", "plain"): {"id", "ecs_compatibility", "charset"},
    ("codec", "line"): {"id", "ecs_compatibility", "charset", "delimiter"},
    ("codec", "json_lines"): {"id", "ecs_compatibility", "charset"},
    ("codec", "json"): {"id", "ecs_compatibility", "charset", "target"},
    ("filter", "mutate"): {
        *_COMMON,
        *("replace", "rename", "update", "copy", "convert", "gsub", "lowercase", "uppercase"),
    },
    ("filter", "uuid"): {*_COMMON, "target", "overwrite"},
    ("filter", "ruby"): {*_COMMON, "path", "script_params", "tag_on_exception"},
    ("filter", "drop"): {*_COMMON, "percentage"},
    ("filter", "fingerprint"): {
        *_COMMON,
        *("ecs_compatibility", "concatenate_all_fields", "concatenate_sources", "method"),
        *("source", "target", "key"),
    },
    ("output", "pipeline"): {"id", "send_to", "ensure_delivery"},
    ("output", "file"): {"id", "path", "gzip", "file_mode", "dir_mode", "codec"},
    ("output", "stdout"): {"id", "codec"},
    ("output", "elasticsearch"): {
        *("id", "ecs_compatibility", "hosts", "user", "password", "api_key", "cloud_id"),
        *("data_stream", "action", "index", "document_id", "manage_template", "ilm_enabled"),
        "failure_type_logging_whitelist",
        *("pipeline", "ssl_certificate_authorities", "cacert", "ssl", "ssl_enabled", "timeout"),
        *("data_stream_type", "data_stream_dataset", "data_stream_namespace"),
    },
}


def knows(body: Mapping[str, Any]) -> bool:
    """Whether this module checks objects of this kind."""
    return any(key in body for key in _CHECKS)


def problems_in(path: Path) -> Iterator[Problem]:
    """All problems of a file of the kinds under `logstash/` and `ilm/`, with their places."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".conf":
        yield from _of_pipeline(text, str(path))
        return
    try:
        body = json.loads(text)
    except ValueError as error:
        yield Problem(str(path), f"is not valid JSON: {error}")
        return
    if not isinstance(body, dict):
        yield Problem(str(path), "expected an object")
        return
    check = next((check for key, check in _CHECKS.items() if key in body), None)
    if check is None:
        yield Problem(str(path), "is not a policy, template or ingest pipeline")
        return
    try:
        yield from check(body, str(path))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        yield Problem(
            str(path), f"it does not have the shape that Elasticsearch expects ({error!r})"
        )


def _of_pipeline(text: str, where: str) -> Iterator[Problem]:
    try:
        found = plugins(text)
    except LogstashSyntaxError as error:
        yield Problem(f"{where}:{error.line}", str(error))
        return
    seen: dict[str, Plugin] = {}
    for plugin in found:
        place = f"{where}:{plugin.line}"
        yield from _of_plugin(plugin, where)
        name = plugin.options.get("id", (0, None))[1]
        if name is None:
            yield Problem(place, f"{plugin.name} has no id: monitoring cannot distinguish it")
        elif seen.setdefault(name, plugin) is not plugin:
            yield Problem(place, f"the id {name!r} is already used in line {seen[name].line}")


def _of_plugin(plugin: Plugin, where: str) -> Iterator[Problem]:
    known = _KNOWN.get((plugin.section, plugin.name))
    if known is None:
        yield Problem(f"{where}:{plugin.line}", f"unknown {plugin.section} {plugin.name!r}")
        return
    for option, (line, _) in plugin.options.items():
        if option not in known:
            what = f"unknown option {option!r} for {plugin.name} in Logstash 8.3 to 9"
            yield Problem(f"{where}:{line}", what)
    options = {name: value for name, (_, value) in plugin.options.items()}
    if options.get("data_stream") == "true" and "document_id" in options:
        what = "data_stream => true does not take a document_id: Logstash would not start"
        yield Problem(f"{where}:{plugin.line}", what)


def _of_policy(body: Mapping[str, Any], where: str) -> Iterator[Problem]:
    phases = body["policy"].get("phases", {}) if isinstance(body["policy"], dict) else {}
    if not phases:
        yield Problem(f"{where}: policy.phases", "a policy needs phases")
    else:
        yield from _unknown(body["policy"], {"phases", "_meta", "deprecated"}, f"{where}: policy")
    for name, phase in phases.items():
        place = f"{where}: policy.phases.{name}"
        if name not in PHASES:
            yield Problem(place, f"is not one of {', '.join(PHASES)}")
            continue
        yield from _unknown(phase, {"min_age", "actions"}, place)
        for action in phase.get("actions", {}):
            if action not in PHASES[name]:
                yield Problem(f"{place}.actions.{action}", f"is not an action of the {name} phase")
    for rule in POLICY_RULES:
        for place, what in rule(phases):
            yield Problem(f"{where}: policy.phases.{place}", what)


def _of_index_template(body: Mapping[str, Any], where: str) -> Iterator[Problem]:
    known = {
        *("index_patterns", "composed_of", "template", "data_stream", "priority", "version"),
        *("_meta", "allow_auto_create", "ignore_missing_component_templates", "deprecated"),
    }
    yield from _unknown(body, known, where)
    if not body["index_patterns"]:
        yield Problem(f"{where}: index_patterns", "is empty: the template would match no index")
    if body.get("priority", 0) <= _BUILT_IN:
        what = f"must be over {_BUILT_IN}, or the built-in logs template takes precedence"
        yield Problem(f"{where}: priority", what)
    yield from _of_template(body.get("template", {}), f"{where}: template")


#: The priority of Elasticsearch's own template for `logs-*-*`.
_BUILT_IN = 100


def _of_component(body: Mapping[str, Any], where: str) -> Iterator[Problem]:
    yield from _unknown(body, {"template", "version", "_meta", "deprecated"}, where)
    yield from _of_template(body["template"], f"{where}: template")


def _of_template(body: Mapping[str, Any], where: str) -> Iterator[Problem]:
    known = {"settings", "mappings", "aliases", "lifecycle", "data_stream_options"}
    yield from _unknown(body, known, where)
    kept = body.get("lifecycle", {}).get("data_retention", "1d")
    if days(kept) is None:
        yield Problem(f"{where}.lifecycle.data_retention", f"{kept!r} is not a time such as 90d")
    yield from _of_fields(body.get("mappings", {}), f"{where}.mappings")


def _of_fields(body: Mapping[str, Any], where: str) -> Iterator[Problem]:
    for name, row in body.get("properties", {}).items():
        place = f"{where}.properties.{name}"
        if "properties" in row:
            yield from _of_fields(row, place)
        elif row.get("type") not in TYPES:
            yield Problem(f"{place}.type", f"{row.get('type')!r} is not an Elasticsearch type")


def _of_ingest(body: Mapping[str, Any], where: str) -> Iterator[Problem]:
    known = {"description", "processors", "on_failure", "version", "_meta", "deprecated"}
    yield from _unknown(body, known, where)
    tags: set[str] = set()
    for part in ("processors", "on_failure"):
        for at, processor in enumerate(body.get(part, [])):
            yield from _of_processor(processor, tags, f"{where}: {part}[{at}]")


def _of_processor(body: Any, tags: set[str], where: str) -> Iterator[Problem]:
    if not isinstance(body, dict) or len(body) != 1:
        yield Problem(where, "a processor is an object with one member, its name")
        return
    [(name, options)] = body.items()
    if name not in PROCESSORS:
        yield Problem(where, f"{name!r} is not a processor")
        return
    for needed in PROCESSORS[name]:
        if needed not in options:
            yield Problem(where, f"{name} needs {needed!r}")
    tag = options.get("tag")
    if tag is None:
        yield Problem(where, f"{name} has no tag: a failure could not be located")
    elif tag in tags:
        yield Problem(where, f"the tag {tag!r} is already used by another processor")
    tags.add(str(tag))


def _unknown(body: Mapping[str, Any], known: set[str], where: str) -> Iterator[Problem]:
    for key in body.keys() - known:
        yield Problem(f"{where}.{key}", f"unknown key; known: {', '.join(sorted(known))}")


_Check = Callable[[Mapping[str, Any], str], Iterator[Problem]]
#: The check of a file, by a member that only files of its kind have; the first match counts.
_CHECKS: Mapping[str, _Check] = {
    "policy": _of_policy,
    "processors": _of_ingest,
    "index_patterns": _of_index_template,
    "template": _of_component,
}
