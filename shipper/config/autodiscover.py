"""`filebeat.autodiscover` for containers, as an input over the logs of all containers of a machine.

Filebeat asks Docker or Kubernetes which containers run, and starts an input for each. Here one
input follows all their logs, and processors do what conditions and hints decide: which containers
count, and what is done to their events.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from shipper.yaml.node import Scalar, YamlNode
from shipper.yaml.reader import Reader

_DEFAULT_PATHS = {
    "docker": "/var/lib/docker/containers/*/*.log",
    "kubernetes": "/var/log/containers/*.log",
}
_METADATA = {"docker": "add_docker_metadata", "kubernetes": "add_kubernetes_metadata"}
#: Options for the API, which is not asked.
_UNUSED = (
    *("node", "host", "scope", "namespace", "resource", "kube_config", "kube_client_options"),
    *("cleanup_timeout", "sync_period", "unique", "leader_lease", "identifier", "ssl"),
    *("add_resource_metadata", "labels", "include_annotations", "include_labels", "exclude_labels"),
    *("use_kubeadm", "skip_older"),
)
#: A place that Filebeat fills in for each container.
_PLACE = re.compile(r"\$\{data\.[^}]*\}")
#: What `then` does to the events of a template, instead of its input.
_OF_EVENTS = ("processors", "fields", "fields_under_root", "tags")
#: Keys that may differ between the inputs of templates.
_FREE = {"paths", "containers", "id", "enabled", "type", "close_removed", *_OF_EVENTS}
#: Facts that only the API server has.
_OF_SERVER = ("labels", "annotations", "replicaset", "deployment", "statefulset", "daemonset")
_NOT_KNOWN = (
    "is known to the API server only, which is not asked; known here are kubernetes.namespace, "
    "kubernetes.pod.name and kubernetes.container.name, from the name of the log"
)


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


class _Provider:
    """One provider, read into inputs."""

    def __init__(self, reader: Reader, node: YamlNode, kind: str) -> None:
        self._reader, self._node, self._kind = reader, node, kind
        known = ("type", "enabled", "hints", "templates", *_UNUSED)
        self._keys = reader.children(node, known)

    def inputs(self) -> Iterator[YamlNode]:
        keys, reader = self._keys, self._reader
        for key in (key for key in _UNUSED if key in keys):
            reader.remarks.append(str(keys[key].problem("no effect: the API is not asked")))
        hints = self._hints()
        templates = [_Template(self, one) for one in _items(keys.get("templates"))]
        if hints is None and not templates:
            reader.note(self._node, "needs hints.enabled: true, or templates")
            return
        rows = [one for template in templates for one in template.rows()]
        if rows or hints is not None:
            yield self._input(hints, rows)
        elif not reader.problems:
            reader.note(self._node, "its templates have no config")

    def _hints(self) -> YamlNode | None:
        """The input for containers that no template is for; None if those are not shipped."""
        if "hints" not in self._keys:
            return None
        hints = self._reader.children(self._keys["hints"], ("enabled", "default_config"))
        if "enabled" not in hints or not self._reader.truth(hints["enabled"]):
            return None
        what = (
            "a hint `co.elastic.logs/enabled` in a label is obeyed, others are not read"
            if self._kind == "docker"
            else "hints in annotations are not read: they are known to the API server only"
        )
        self._reader.remarks.append(str(hints["enabled"].problem(what)))
        return hints.get("default_config", _node(self._node, children={}))

    def _input(self, hints: YamlNode | None, rows: "Sequence[_Row]") -> YamlNode:
        """One input for all of them."""
        inputs = [one.config for one in rows] + ([hints] if hints is not None else [])
        first = inputs[0].children or {}
        for other in inputs[1:]:
            if _form(other) != _form(inputs[0]):
                self._reader.note(other, _OTHER_FORM)
        steps = [_step(self._node, _METADATA[self._kind], {})]
        steps += self._choice(hints, rows)
        children = {key: one for key, one in first.items() if key not in _FREE}
        children["type"] = _node(self._node, "container")
        children["paths"] = _node(self._node, items=[*self._paths(inputs)])
        children["processors"] = _node(self._node, items=steps)
        return _node(self._node, children=children)

    def _paths(self, inputs: Sequence[YamlNode]) -> Iterator[YamlNode]:
        found = [
            re.sub(r"\*+", "*", _PLACE.sub("*", self._reader.text(path)))
            for one in inputs
            for path in _items((one.children or {}).get("paths"))
        ]
        for path in dict.fromkeys(found) or [_DEFAULT_PATHS[self._kind]]:
            yield _node(self._node, path)

    def _choice(self, hints: YamlNode | None, rows: "Sequence[_Row]") -> Iterator[YamlNode]:
        conditions = [row.condition for row in rows if row.condition]
        if hints is None and len(conditions) == len(rows):
            yield _drop_unless(self._node, conditions)
        for row in rows:
            if steps := _steps(row.config):
                yield _branch(self._node, row.condition, steps)
        if hints is not None:
            yield from self._of_hints(hints, conditions)

    def _of_hints(self, hints: YamlNode, others: Sequence[YamlNode]) -> Iterator[YamlNode]:
        """What hints decide, for containers that no template is for."""
        enabled = (hints.children or {}).get("enabled")
        is_on = enabled is None or enabled.is_unset or self._reader.truth(enabled)
        steps = _steps(hints)
        if self._kind == "docker":
            hint = _nested(self._node, _HINT, "false" if is_on else "true")
            meets = _node(self._node, children={"equals": hint})
            when = meets if is_on else _not(self._node, meets)
            steps = [_step(self._node, "drop_event", {"when": when}), *steps]
        elif not is_on and enabled:
            what = "ships only annotated pods; annotations are not read: use templates instead"
            self._reader.note(enabled, what)
        if steps:
            condition = _not(self._node, _any(self._node, others)) if others else None
            yield _branch(self._node, condition, steps)


_HINT = ("container", "labels", "co_elastic_logs/enabled")
_OTHER_FORM = (
    "all templates must read their files in the same way here; give this one an input of its own, "
    "with paths that name its containers"
)


class _Row:
    """One input of a template, and the condition of its containers."""

    def __init__(self, config: YamlNode, condition: YamlNode | None) -> None:
        self.config, self.condition = config, condition


class _Template:
    """Inputs for the containers that meet a condition."""

    def __init__(self, provider: _Provider, node: YamlNode) -> None:
        self._reader, self._kind = provider._reader, provider._kind  # noqa: SLF001
        self._keys = self._reader.children(node, ("condition", "config"))

    def rows(self) -> Iterator[_Row]:
        condition = self._keys.get("condition")
        condition = self._known(condition) if condition else None
        for config in _items(self._keys.get("config")):
            keys = config.children or {}
            if "module" in keys:
                self._reader.note(keys["module"], _MODULE)
                continue
            for key, value in keys.items():
                if key not in {"paths", "containers"}:
                    self._check(value)
            yield _Row(config, condition)

    def _check(self, node: YamlNode) -> None:
        """Note values with places, which are filled in for each container."""
        if isinstance(node.scalar, str) and _PLACE.search(node.scalar):
            what = "is not filled in here; use copy_fields, or %{[…]} in a name of the output"
            self._reader.note(node, what)
        for inner in (*(node.children or {}).values(), *(node.items or ())):
            self._check(inner)

    def _known(self, node: YamlNode) -> YamlNode:
        """The condition in the names of ECS; fields that only the API server has are noted."""
        if node.items is not None:
            return replace(node, items=[self._known(one) for one in node.items])
        if node.children is None:
            return node
        found: dict[str, YamlNode] = {}
        for key, child in node.children.items():
            if key == "kubernetes":
                self._check_server(child)
            if key == "docker" and child.children and "container" in child.children:
                found["container"] = _in_ecs(child.children["container"])
            else:
                found[key] = self._known(child)
        return replace(node, children=found)

    def _check_server(self, node: YamlNode) -> None:
        for key, child in (node.children or {}).items():
            if key in _OF_SERVER or (key == "container" and "image" in (child.children or {})):
                self._reader.note(child, _NOT_KNOWN)


_MODULE = (
    "modules are not supported: use an input here, and an ingest pipeline "
    "(output.elasticsearch.pipeline) for the fields"
)


def _in_ecs(container: YamlNode) -> YamlNode:
    """`docker.container.*` as `container.*`: the image is an object there."""
    keys = dict(container.children or {})
    if (image := keys.get("image")) and image.children is None:
        keys["image"] = replace(image, scalar=None, children={"name": image})
    return replace(container, children=keys)


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


def _nested(near: YamlNode, path: Sequence[str], value: Scalar) -> YamlNode:
    node = _node(near, value)
    for key in reversed(path):
        node = _node(near, children={key: node})
    return node


def _not(near: YamlNode, condition: YamlNode) -> YamlNode:
    return _node(near, children={"not": condition})


def _any(near: YamlNode, conditions: Sequence[YamlNode]) -> YamlNode:
    return _node(near, children={"or": _node(near, items=[*conditions])})


def _drop_unless(near: YamlNode, conditions: Sequence[YamlNode]) -> YamlNode:
    return _step(near, "drop_event", {"when": _not(near, _any(near, conditions))})


def _branch(near: YamlNode, condition: YamlNode | None, steps: Sequence[YamlNode]) -> YamlNode:
    """The steps, for events that meet the condition."""
    always = _not(near, _node(near, children={"has_fields": _node(near, items=[_NEVER])}))
    then = _node(near, items=[*steps])
    return _node(near, children={"if": condition or always, "then": then})


_NEVER = YamlNode("", "", "mcp_shipper.no_such_field")


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


def _form(config: YamlNode) -> Mapping[str, object]:
    """How an input reads its files."""
    keys = config.children or {}
    return {key: one.plain() for key, one in keys.items() if key not in _FREE}
