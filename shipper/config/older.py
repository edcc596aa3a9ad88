"""Keys of Filebeat 1 to 6 that mean the same as newer ones.

Each is replaced by the newer key before a configuration is read, with a remark.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from shipper.bounds import Bounds
from shipper.yaml.node import YamlNode, inner_path
from shipper.yaml.reader import Reader


def with_newer_words(reader: Reader, tree: YamlNode) -> YamlNode:
    """The configuration in the words of Filebeat 7 and later."""
    keys = dict(tree.children or {})
    if filebeat := keys.get("filebeat"):
        keys["filebeat"] = _filebeat(reader, filebeat)
    if outputs := keys.get("output"):
        keys["output"] = _outputs(reader, outputs)
    if shipper := keys.pop("shipper", None):
        _remark(reader, shipper, "`tags` is a key of the top level; its other keys have no effect")
        reader.ignored.append(shipper.path)
        if (tags := (shipper.children or {}).get("tags")) and "tags" not in keys:
            keys["tags"] = tags
    return replace(tree, children=keys) if tree.children is not None else tree


def _remark(reader: Reader, node: YamlNode, what: str) -> None:
    reader.remarks.append(str(node.problem(what)))


def _filebeat(reader: Reader, node: YamlNode) -> YamlNode:
    keys = dict(node.children or {})
    if (inputs := keys.pop("inputs", None)) and not inputs.is_unset:
        keys["inputs"] = replace(
            inputs, items=[_input(reader, one) for one in _items(inputs)], children=None
        )
    if (old := keys.pop("prospectors", None)) and not old.is_unset:
        _remark(reader, old, "is `filebeat.inputs` since Filebeat 6.3")
        found = [_input(reader, one, "log") for one in _items(old)]
        more = _items(keys["inputs"]) if "inputs" in keys else []
        keys["inputs"] = replace(old, items=[*found, *more], children=None, scalar=None)
    if (config := keys.get("config")) and config.children and "prospectors" in config.children:
        inner = dict(config.children)
        inner.setdefault("inputs", inner.pop("prospectors"))
        keys["config"] = replace(config, children=inner)
    if (folder := keys.pop("config_dir", None)) and not folder.is_unset:
        path = replace(folder, scalar=f"{reader.text(folder)}/*.yml", written=None)
        inner = dict((keys.get("config") or node).children or {}) if "config" in keys else {}
        inner.setdefault("inputs", replace(folder, scalar=None, children={"path": path}))
        keys["config"] = YamlNode(folder.where, folder.path, children=inner)
    return replace(node, children=keys) if node.children is not None else node


def _items(node: YamlNode) -> list[YamlNode]:
    return [node] if node.items is None else node.items


def _input(reader: Reader, node: YamlNode, default: str = "") -> YamlNode:
    """An input of the time when `docker` was a type, and events had a document type.

    `default` is the type of one that names none.
    """
    keys = dict(node.children or {})
    if old := keys.pop("input_type", None):
        keys.setdefault("type", old)
    if default:
        keys.setdefault("type", YamlNode(node.where, inner_path(node.path, "type"), default))
    if (given := keys.get("type")) and given.scalar == "docker":
        _remark(reader, given, "is `container` since Filebeat 7.2")
        keys |= _container(reader, given, keys.pop("containers", YamlNode("", "")))
    if (kind := keys.pop("document_type", None)) and not kind.is_unset:
        _remark(reader, kind, "sets the field `type`, as add_fields does")
        keys["processors"] = _with_type(kind, keys.get("processors"))
    return replace(node, children=keys) if node.children is not None else node


def _container(reader: Reader, kind: YamlNode, docker: YamlNode) -> dict[str, YamlNode]:
    """The keys of an input `container` for those of the section `containers` of `docker`."""
    given = reader.children(docker, ("ids", "path", "stream"))
    folder = reader.text(given["path"]) if "path" in given else _CONTAINERS
    ids = reader.texts(given["ids"]) if "ids" in given else ("*",)
    paths = [YamlNode(kind.where, docker.path, f"{folder}/{one}/*.log") for one in ids]
    found = {
        "type": replace(kind, scalar="container", written=None),
        "paths": replace(docker, items=paths, children=None),
    }
    return found | ({"stream": given["stream"]} if "stream" in given else {})


_CONTAINERS = "/var/lib/docker/containers"


def _with_type(kind: YamlNode, processors: YamlNode | None) -> YamlNode:
    """The processors of an input, behind one that sets the document type."""

    def inner(**children: YamlNode) -> YamlNode:
        return YamlNode(kind.where, kind.path, children=children)

    root = YamlNode(kind.where, kind.path, "")
    step = inner(add_fields=inner(target=root, fields=inner(type=kind)))
    rest = [] if processors is None or processors.is_unset else _items(processors)
    return YamlNode(kind.where, kind.path, items=[step, *rest])


def _outputs(reader: Reader, node: YamlNode) -> YamlNode:
    sections = {
        name: _with_ssl(reader, one) if "tls" in (one.children or {}) else one
        for name, one in (node.children or {}).items()
    }
    if (redis := sections.get("redis")) and redis.children:
        sections["redis"] = replace(redis, children=_redis(reader, redis.children))
    return replace(node, children=sections) if node.children is not None else node


def _redis(reader: Reader, given: Mapping[str, YamlNode]) -> dict[str, YamlNode]:
    """The keys of the section with `port` in the hosts; the default of `key` is `index`."""
    keys = dict(given)
    if (index := keys.pop("index", None)) and not index.is_unset:
        keys.setdefault("key", index)
    port, hosts = keys.pop("port", None), keys.get("hosts")
    if port is None or port.is_unset or hosts is None or hosts.is_unset:
        return keys
    _remark(reader, port, "is a part of `hosts` since Filebeat 6")
    number = reader.whole(port, Bounds(1, 65_535))
    items = [_with_port(one, number) for one in _items(hosts)]
    return {**keys, "hosts": replace(hosts, scalar=None, items=items)}


def _with_port(host: YamlNode, port: int) -> YamlNode:
    is_bare = isinstance(host.scalar, str) and ":" not in host.scalar
    return replace(host, scalar=f"{host.scalar}:{port}", written=None) if is_bare else host


def _with_ssl(reader: Reader, node: YamlNode) -> YamlNode:
    """The section of an output with `ssl`, which was `tls`."""
    keys = dict(node.children or {})
    tls = keys.pop("tls")
    _remark(reader, tls, "is `ssl` since Filebeat 5")
    keys.setdefault("ssl", replace(tls, children=dict(_ssl(reader, tls.children or {}))))
    return replace(node, children=keys)


def _ssl(reader: Reader, tls: Mapping[str, YamlNode]) -> Iterator[tuple[str, YamlNode]]:
    for key, child in tls.items():
        if key == "certificate_key":
            yield "key", child
        elif key == "insecure":
            if not child.is_unset and reader.truth(child):
                yield "verification_mode", replace(child, scalar="none", written=None)
        elif key == "disabled":
            yield "enabled", replace(child, scalar=not reader.truth(child), written=None)
        elif key in {"min_version", "max_version"}:
            _remark(reader, child, "no effect: TLS 1.2 and newer are used")
        else:
            yield key, child
