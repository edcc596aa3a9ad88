"""`filebeat.autodiscover` for containers, as an input over the logs of all containers of a machine.

Filebeat asks Docker or Kubernetes which containers run, and starts an input for each. Here one
input follows all their logs, and each log is read as the templates and hints of its container say.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from shipper.config.conditions import read_condition
from shipper.config.containers import Docker, Kubernetes
from shipper.config.discovered import Chosen, Containers, Discovered, Known
from shipper.config.hints import hinted
from shipper.processors.conditions import Condition
from shipper.processors.event import MISSING, Event, find
from shipper.processors.kubernetes import AddKubernetesMetadata
from shipper.yaml.node import Scalar, YamlNode
from shipper.yaml.reader import Reader

_DEFAULT_PATHS = {
    "docker": "/var/lib/docker/containers/*/*.log",
    "kubernetes": "/var/log/containers/*.log",
}
_METADATA = {"docker": "add_docker_metadata", "kubernetes": "add_kubernetes_metadata"}
#: Options of the provider that are those of the processor too.
_SHARED = {
    "docker": (),
    "kubernetes": (
        *("node", "host", "scope", "namespace", "kube_config", "include_annotations"),
        "wait_for_metadata_timeout",
    ),
}
_UNUSED = (
    *("resource", "kube_client_options", "cleanup_timeout", "sync_period", "unique"),
    *("leader_lease", "identifier", "ssl", "add_resource_metadata", "labels", "include_labels"),
    *("exclude_labels", "use_kubeadm", "skip_older"),
)
#: A place that is filled in for each container, with what to put there if nothing is known.
_PLACE = re.compile(r"\$\{data\.([^}:|]+)(?::([^}]*))?\}")
#: What `then` does to the events of a template, beside its input.
_OF_EVENTS = ("processors", "fields", "fields_under_root", "tags")
#: Keys that decide which files are read, as one input does for all containers.
_OF_FILES = {"paths", "containers", "id", "enabled", "type", "close_removed"}


#: Facts that the name of a container's log states.
_OF_NAMES = {
    *("kubernetes.namespace", "kubernetes.pod.name", "kubernetes.container.name"),
    *("kubernetes.node.name", "kubernetes.pod.uid"),
}


def discovered(reader: Reader, section: YamlNode) -> Iterator[YamlNode]:
    """The inputs in place of the providers."""
    keys = reader.children(section, ("enabled", "providers"))
    if "enabled" in keys and not reader.truth(keys["enabled"]):
        reader.ignored.append(section.path)
        return
    providers = keys.get("providers")
    for provider in _items(providers):
        kind = (provider.children or {}).get("type")
        if kind is None or kind.scalar not in _DEFAULT_PATHS:
            what = "of docker and kubernetes are supported; ship the files of others with inputs"
            reader.note(kind or provider, f"only providers {what}")
        else:
            yield from _Provider(reader, provider, str(kind.scalar)).inputs()


def _items(node: YamlNode | None) -> Sequence[YamlNode]:
    if node is None or node.is_unset:
        return ()
    return [node] if node.items is None else node.items


class _Row(NamedTuple):
    """One input of a template, and the condition of its containers."""

    config: YamlNode
    condition: Condition | None

    def holds(self, data: Event) -> bool:
        return self.condition is None or self.condition.holds(data)


class _Provider:
    """One provider: the input for all logs, and the choice for each of them."""

    def __init__(self, reader: Reader, node: YamlNode, kind: str) -> None:
        self._reader, self._node, self._kind = reader, node, kind
        known = ("type", "enabled", "hints", "prefix", "templates", "labels.dedot")
        self._keys = reader.children(node, (*known, *_SHARED[kind], *_UNUSED))
        self._rows: Sequence[_Row] = ()
        self._hints: YamlNode | None = None
        self._prefix = reader.text(self._keys["prefix"]) if "prefix" in self._keys else _PREFIX
        #: Whether the names of logs decide which are wanted.
        self._are_names_enough = True

    def inputs(self) -> Iterator[YamlNode]:
        """The input, if there are templates or hints."""
        keys, reader = self._keys, self._reader
        for key in (key for key in _UNUSED if key in keys):
            reader.remarks.append(str(keys[key].problem("no effect here")))
        self._hints = self._hinted_default()
        templates = _items(keys.get("templates"))
        self._rows = [row for one in templates for row in self._template(one)]
        if self._hints is None and not templates:
            reader.note(self._node, "needs hints.enabled: true, or templates")
        elif self._rows or self._hints is not None:
            yield self._input()
        elif not reader.problems:
            reader.note(self._node, "its templates have no config")

    def choose(self, known: Known) -> Chosen:
        """The input for a container; raises `ValueError` if its hints cannot be read."""
        is_guess = not (known.is_certain or self._are_names_enough)
        rows = [row for row in self._rows if row.holds(known.data)]
        if rows:
            steps = [step for row in rows for step in _steps(row.config)]
            return Chosen(self._filled(rows[0].config, steps, known.data))
        if self._hints is None:
            return Chosen(None, is_guess)
        found = hinted(known.hints, known.name, self._prefix, self._hints)
        default = (self._hints.children or {}).get("enabled")
        is_on = default is None or default.scalar is not False
        if not (is_on if found.is_enabled is None else found.is_enabled):
            return Chosen(None, is_guess)
        return Chosen(
            self._filled(found.config, _steps(found.config), known.data), others=found.others
        )

    def default(self) -> YamlNode | None:
        """The input for a container without hints; None if those are not shipped."""
        config = self._hints
        return None if config is None else self._filled(config, _steps(config), {})

    def written(self) -> Iterator[YamlNode]:
        """The inputs as they are written, to be checked."""
        return (self._filled(one, _steps(one)) for one in self._configs)

    def containers(self, metadata: object) -> Containers:
        """Who describes the containers; `metadata` is the processor."""
        if isinstance(metadata, AddKubernetesMetadata):
            return Kubernetes(metadata.config, metadata.pods)
        return Docker()

    @property
    def _configs(self) -> list[YamlNode]:
        hints = [] if self._hints is None else [self._hints]
        return [*(row.config for row in self._rows), *hints]

    @property
    def metadata(self) -> YamlNode:
        """The processor that adds what is known of a container."""
        names = {"node": "node", "host": "node"}
        options = {
            names.get(key, key): one
            for key, one in self._keys.items()
            if key in _SHARED[self._kind]
        }
        return _step(self._node, _METADATA[self._kind], options)

    def _hinted_default(self) -> YamlNode | None:
        """The input for containers that no template is for; None if those are not shipped."""
        if "hints" not in self._keys:
            return None
        hints = self._reader.children(self._keys["hints"], ("enabled", "default_config"))
        if "enabled" not in hints or not self._reader.truth(hints["enabled"]):
            return None
        config = hints.get("default_config", _node(self._node, children={}))
        enabled = (config.children or {}).get("enabled")
        if enabled and not enabled.is_unset and not self._reader.truth(enabled):
            self._are_names_enough = False
        return config

    def _template(self, node: YamlNode) -> Iterator[_Row]:
        keys = self._reader.children(node, ("condition", "config"))
        given = keys.get("condition")
        condition = read_condition(self._reader, given) if given else None
        if given and not {*_fields_of(given)} <= _OF_NAMES:
            self._are_names_enough = False
        for config in _items(keys.get("config")):
            if module := (config.children or {}).get("module"):
                self._reader.note(module, _MODULE)
            else:
                yield _Row(config, condition)

    def _input(self) -> Discovered:
        """One input for all logs."""
        children = {
            "type": _node(self._node, "container"),
            "paths": _node(self._node, items=[*self._paths()]),
            "processors": _node(self._node, items=[self.metadata]),
        }
        limits = [one.at("message_max_bytes") for one in self._configs]
        if all(type(one.scalar) is int for one in limits):
            children["message_max_bytes"] = max(limits, key=lambda one: int(one.scalar or 0))
        return Discovered(self._node.where, self._node.path, children=children, provider=self)

    def _paths(self) -> Iterator[YamlNode]:
        found = [
            re.sub(r"\*+", "*", _PLACE.sub("*", self._reader.text(path)))
            for one in self._configs
            for path in _items((one.children or {}).get("paths"))
        ]
        for path in dict.fromkeys(found) or [_DEFAULT_PATHS[self._kind]]:
            yield _node(self._node, path)

    def _filled(
        self, config: YamlNode, steps: Sequence[YamlNode], data: Event | None = None
    ) -> YamlNode:
        """The input with its places filled in; without `data` they stay."""
        keys = config.children or {}
        children = {key: one for key, one in keys.items() if key not in {*_OF_FILES, *_OF_EVENTS}}
        more = _node(config, items=[*steps])
        if data is not None:
            children = {key: one for key, node in children.items() if (one := _put(node, data))}
            more = _put(more, data) or more
        children["type"] = _node(self._node, _type_of(keys))
        children["paths"] = _node(self._node, "/")
        children["processors"] = replace(more, items=[self.metadata, *(more.items or ())])
        return replace(config, children=children)


_PREFIX = "co.elastic"
_MODULE = (
    "modules are not supported: use an input here, and an ingest pipeline "
    "(output.elasticsearch.pipeline) for the fields"
)


def _type_of(keys: Mapping[str, YamlNode]) -> Scalar:
    """A filestream with parsers of its own; a log or docker is read as a container's log."""
    kind = keys.get("type")
    is_stream = kind is not None and kind.scalar == "filestream" and "parsers" in keys
    return "filestream" if is_stream else "container"


def _fields_of(node: YamlNode, path: str = "") -> Iterator[str]:
    """The fields that a condition asks for, below the names of conditions."""
    if node.children is None and node.items is None:
        yield path.partition(".")[2]
        if path.endswith("has_fields"):
            yield str(node.scalar)
    for item in node.items or ():
        yield from _fields_of(item, "" if path in _LOGICAL else path)
    for key, one in (node.children or {}).items():
        yield from _fields_of(one, key if path in _LOGICAL else f"{path}.{key}")


_LOGICAL = ("", "and", "or", "not")


def _put(node: YamlNode, data: Event) -> YamlNode | None:
    """The node with its places filled in; None if it has one of which nothing is known."""
    if node.children is not None:
        filled = {key: _put(one, data) for key, one in node.children.items()}
        return replace(node, children={key: one for key, one in filled.items() if one})
    if node.items is not None:
        return replace(node, items=[one for item in node.items if (one := _put(item, data))])
    if not isinstance(node.scalar, str) or not _PLACE.search(node.scalar):
        return node
    try:
        text = _PLACE.sub(lambda place: _value(place, data), node.scalar)
    except LookupError:
        return None
    return replace(node, scalar=text, written=None)


def _value(place: re.Match[str], data: Event) -> str:
    value = find(data, place[1])
    if value is MISSING or isinstance(value, dict | list):
        if place[2] is None:
            raise LookupError(place[1])
        return str(place[2])
    return str(value)


def _node(
    near: YamlNode,
    scalar: Scalar = None,
    *,
    items: list[YamlNode] | None = None,
    children: dict[str, YamlNode] | None = None,
) -> YamlNode:
    """A node that stands for the one near it in messages."""
    return YamlNode(near.where, near.path, scalar, items, children)


def _step(near: YamlNode, name: str, options: dict[str, YamlNode]) -> YamlNode:
    return _node(near, children={name: _node(near, children=options)})


def _steps(config: YamlNode) -> list[YamlNode]:
    """What an input does to its events, as processors."""
    keys = config.children or {}
    steps: list[YamlNode] = []
    if fields := keys.get("fields"):
        at_root = keys.get("fields_under_root")
        target = _node(fields, "" if at_root and at_root.scalar is True else "fields")
        steps.append(_step(fields, "add_fields", {"target": target, "fields": fields}))
    if tags := keys.get("tags"):
        steps.append(_step(tags, "add_tags", {"tags": tags}))
    return [*steps, *_items(keys.get("processors"))]
