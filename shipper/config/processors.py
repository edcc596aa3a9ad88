"""Processors, from tree to objects, in Filebeat's words."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from shipper.config.conditions import leaves, read_condition, read_path, read_pattern
from shipper.config.decoders import DECODERS
from shipper.config.fields import check_paths, options_of, pairs_of, paths_of
from shipper.config.read import is_foreign
from shipper.pods.watch import Scope, can_ask, watched
from shipper.processors.chain import Chain, Processor, When
from shipper.processors.docker import AddDockerMetadata, DockerConfig
from shipper.processors.fields import (
    KEPT,
    AddFields,
    AddTags,
    DropEvent,
    DropFields,
    IncludeFields,
    MoveFields,
)
from shipper.processors.host import AddHostMetadata, HostConfig
from shipper.processors.kubernetes import AddKubernetesMetadata, KubernetesConfig
from shipper.processors.texts import Fingerprint, TruncateFields
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into


def read_processors(reader: Reader, node: YamlNode) -> tuple[Processor, ...]:
    """A list of processors; a single one is a list of one."""
    if node.items is None and node.children is None and node.scalar is None:
        return ()
    found = [_processor(reader, one) for one in ([node] if node.items is None else node.items)]
    return tuple(one for one in found if one)


class Section(NamedTuple):
    """How events are changed: at the top level for all of them, in an input for its own."""

    fields: tuple[Processor, ...]
    tags: tuple[Processor, ...]
    processors: tuple[Processor, ...]


def read_section(reader: Reader, nodes: Mapping[str, YamlNode]) -> Section:
    """The keys of `EVENT_KEYS`; `fields` and `tags` are short for processors."""
    reader.remarks.append(
        "processors, fields, tags: lines of audit segments pass unchanged: a changed line "
        "would break their chain"
    )
    under_root = "fields_under_root" in nodes and reader.truth(nodes["fields_under_root"])
    fields, tags, processors = (nodes.get(key) for key in ("fields", "tags", "processors"))
    target = "" if under_root else "fields"
    return Section(
        (AddFields(_constants(reader, fields, target)),) if fields else (),
        (AddTags(reader.texts(tags)),) if tags else (),
        read_processors(reader, processors) if processors else (),
    )


def chain_of(sections: Sequence[Section]) -> Chain:
    """The processors of one input in Filebeat's order; `sections` are the top level and its own."""
    return Chain(
        (
            *(step for one in sections for step in one.fields),
            *(step for one in sections for step in one.tags),
            *(step for one in reversed(sections) for step in one.processors),
        )
    )


def _processor(reader: Reader, node: YamlNode) -> Processor | None:
    children = node.children or {}
    if "if" in children:
        return _branch(reader, node)
    if len(children) != 1:
        found = ", ".join(children) if children else node.kind
        reader.note(node, f"expected one processor by its name, found {found}")
        return None
    ((name, options),) = children.items()
    if name not in PROCESSORS:
        if not is_foreign(reader, options, is_named=True):
            reader.note(options, f"{name!r} is not one of {', '.join(PROCESSORS)}")
        return None
    return _conditional(reader, name, options)


def _conditional(reader: Reader, name: str, options: YamlNode) -> Processor | None:
    """A processor with its `when`."""
    if not (options.children and "when" in options.children):
        return PROCESSORS[name](reader, options)
    rest = {key: child for key, child in options.children.items() if key != "when"}
    condition = read_condition(reader, options.children["when"])
    processor = PROCESSORS[name](reader, replace(options, children=rest))
    return When(condition, (processor,)) if condition and processor else None


def _branch(reader: Reader, node: YamlNode) -> Processor | None:
    nodes = reader.children(node, ("if", "then", "else"))
    if "then" not in nodes:
        reader.note(node, "then is required: the processors for events that meet the condition")
    condition = read_condition(reader, (node.children or {})["if"])
    then, otherwise = (
        read_processors(reader, nodes[key]) if key in nodes else () for key in ("then", "else")
    )
    return When(condition, then, otherwise) if condition else None


def _add_fields(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("target", "fields"), "fields")
    target = nodes.get("target")
    path = "fields" if target is None or target.scalar is None else reader.text(target)
    return AddFields(_constants(reader, nodes["fields"], path) if "fields" in nodes else {})


def _constants(reader: Reader, node: YamlNode, target: str) -> dict[str, Any]:
    fields = node.plain()
    if not isinstance(fields, dict):
        reader.note(node, f"expected fields and values, found {node.kind}")
        return {}
    for key in reversed(read_path(reader, node, target).split(".") if target else ()):
        fields = {key: fields}
    return fields


def _add_tags(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("tags", "target"), "tags")
    tags = reader.texts(nodes["tags"]) if "tags" in nodes else ()
    target = reader.text(nodes["target"]) if "target" in nodes else "tags"
    return AddTags(tags, read_path(reader, node, target or "tags"))


def _add_labels(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("labels",), "labels")
    rows = leaves(reader, nodes["labels"]) if "labels" in nodes else ()
    return AddFields({"labels": {path: one.plain() for path, one in rows}})


def _drop_event(reader: Reader, node: YamlNode) -> Processor:
    reader.children(node, ())
    return DropEvent()


def _drop_fields(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("fields", "ignore_missing"), "fields")
    if "ignore_missing" in nodes:
        reader.truth(nodes["ignore_missing"])  # a missing field is never an error here
    where = nodes.get("fields")
    texts = reader.texts(where) if where and where.items != [] else ()
    names = [name for name in texts if name.partition(".")[0] != "@metadata"]
    if where and len(names) < len(texts):
        what = "no effect on @metadata: no event has it before an output adds its own"
        reader.remarks.append(str(where.problem(what)))
    patterns = [name for name in names if len(name) > _SLASHES and name[0] == name[-1] == "/"]
    return DropFields(
        tuple(read_path(reader, node, name) for name in names if name not in patterns),
        tuple(read_pattern(reader, node, name[1:-1]) for name in patterns),
    )


_SLASHES = 2


def _include_fields(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("fields",), "fields")
    names = paths_of(reader, nodes.get("fields"))
    return IncludeFields(tuple(name for name in names if name not in KEPT))


def _move(*, is_copy: bool) -> Callable[[Reader, YamlNode], Processor]:
    def read(reader: Reader, node: YamlNode) -> Processor:
        known = ("fields", "ignore_missing", "fail_on_error")
        nodes = options_of(reader, node, known, "fields")
        pairs = pairs_of(reader, nodes.get("fields"))
        flags = {key: reader.truth(nodes[key]) for key in known[1:] if key in nodes}
        return MoveFields(pairs, is_copy=is_copy, **flags)

    return read


def _truncate_fields(reader: Reader, node: YamlNode) -> Processor | None:
    processor: TruncateFields | None = into(reader, TruncateFields, node)
    if processor is None:
        return None
    check_paths(reader, node, processor.fields)
    if (processor.max_bytes is None) == (processor.max_characters is None):
        reader.note(node, "one of max_bytes and max_characters is required, not both")
    return processor


def _fingerprint(reader: Reader, node: YamlNode) -> Processor | None:
    processor: Fingerprint | None = into(reader, Fingerprint, node)
    if processor:
        check_paths(reader, node, (*processor.fields, processor.target_field))
    return processor


def _redact(reader: Reader, node: YamlNode) -> Processor:
    from shipper.processors.redact import Redact  # with all kinds of secrets: few use it

    processor: Redact = into(reader, Redact, node)
    check_paths(reader, node, processor.fields)
    return processor


def _host(reader: Reader, node: YamlNode) -> Processor:
    return AddHostMetadata(into(reader, HostConfig, node))


def _kubernetes(reader: Reader, node: YamlNode) -> Processor:
    options = dict(node.children or {})
    for key in [key for key in options if key in _OF_THE_SERVER]:
        what = "no effect: the name of a container's log states its pod (docs/processors.md)"
        reader.remarks.append(str(options.pop(key).problem(what)))
    if "host" in options:
        options.setdefault("node", options.pop("host"))
    of_scope = {key: options.pop(key) for key in _OF_SCOPE if key in options}
    if config := os.environ.get("KUBECONFIG"):
        of_scope.setdefault("kube_config", YamlNode(node.where, node.path, config))
    scope: Scope = into(reader, Scope, replace(node, children=of_scope, scalar=None))
    bare = replace(node, children=options) if node.children is not None else node
    own: KubernetesConfig = into(reader, KubernetesConfig, bare)
    if can_ask(scope):
        return AddKubernetesMetadata(own, watched(scope))
    what = "only the names of logs are known: the shipper is not in a pod with a service account, "
    reader.remarks.append(str(node.problem(f"{what}and kube_config is not set")))
    return AddKubernetesMetadata(own)


def _docker(reader: Reader, node: YamlNode) -> Processor:
    options = dict(node.children or {})
    for key in [key for key in options if key in _OF_THE_DAEMON]:
        what = "no effect: Docker's files are read, its daemon is not asked (docs/processors.md)"
        reader.remarks.append(str(options.pop(key).problem(what)))
    bare = replace(node, children=options) if node.children is not None else node
    config: DockerConfig = into(reader, DockerConfig, bare)
    check_paths(reader, node, config.match_fields)
    return AddDockerMetadata(config)


#: Options of Filebeat's `add_docker_metadata` for the daemon and for processes.
_OF_THE_DAEMON = frozenset(
    ("host", "ssl", "match_pids", "match_short_id", "cleanup_timeout", "system.hostfs", "hostfs")
)

#: Options of Filebeat's `add_kubernetes_metadata` for finding the pod of each event.
_OF_THE_SERVER = frozenset(
    (
        *("in_cluster", "include_creation_timestamp"),
        *("use_kubeadm", "kube_client_options", "cleanup_timeout", "sync_period"),
        *("add_resource_metadata", "default_indexers", "default_matchers", "indexers"),
        *("matchers", "wait_for_metadata", "wait_for_metadata_retry_period"),
    )
)
#: Which pods are asked for, and where.
_OF_SCOPE = ("kube_config", "node", "scope", "namespace", "wait_for_metadata_timeout")

PROCESSORS: Mapping[str, Callable[[Reader, YamlNode], Processor | None]] = {
    **DECODERS,
    "add_docker_metadata": _docker,
    "add_fields": _add_fields,
    "add_host_metadata": _host,
    "add_kubernetes_metadata": _kubernetes,
    "add_labels": _add_labels,
    "add_tags": _add_tags,
    "copy_fields": _move(is_copy=True),
    "drop_event": _drop_event,
    "drop_fields": _drop_fields,
    "fingerprint": _fingerprint,
    "include_fields": _include_fields,
    "redact": _redact,
    "rename": _move(is_copy=False),
    "truncate_fields": _truncate_fields,
}
