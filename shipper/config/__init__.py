"""The configuration: YAML in Filebeat's words, and the guide's keys as they stand.

`load` reads a file, `from_mapping` an object; both report every problem at once.
"""

import os
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from shipper.catalog import AuditLevel, Catalog, IndexStrategy, Scope, builtin, overlaid
from shipper.config.external import read_external
from shipper.config.inputs import EVENT_KEYS, Surroundings, read_inputs
from shipper.config.keystore import Keystore
from shipper.config.operation import Operation
from shipper.config.outputs import placed, read_outputs
from shipper.config.permissions import problem_of
from shipper.config.read import Reader
from shipper.config.tree import Node, Source, build, parse, tree_of
from shipper.errors import CatalogError, ConfigError, Problem
from shipper.follow.inputs import InputConfig
from shipper.names import fault_of

KEYSTORE_NAME = "mcp-shipper.keystore"
_STDIN = "stdin"
#: The alerts of the guide.
ALERTS = (
    "multiple_authentication_failures",
    "privilege_escalation_attempts",
    "unusual_tool_execution_patterns",
    "policy_violation_spikes",
    "high_confidence_threats",
)
#: What get_status answers when the operator set no floor; the guide's default.
DEFAULT_RETENTION_DAYS = 365


class Config(Struct, frozen=True, kw_only=True):
    """What the operator wants, checked."""

    #: Where positions, dead letters and locks live.
    data: Path
    #: Where the shipper's own logs go.
    logs: Path
    #: Where `process` and `demo` write audit segments; also the input when none is named.
    audit: Path
    inputs: tuple[InputConfig, ...]
    #: Output name to its own configuration object.
    outputs: Mapping[str, object]
    catalog: Catalog
    scope: Scope
    #: The overlay as given, for a handler in another process.
    overlay: Mapping[str, object] = field(default_factory=dict)
    namespace: str = "default"
    kibana_url: str | None = None
    index_prefix: str | None = None
    real_time_monitoring: bool = True
    alerts: tuple[str, ...] = ()
    operation: Operation = field(default_factory=Operation)
    #: What is accepted and yet worth saying: keys that do nothing here, with the reason.
    notes: tuple[str, ...] = ()

    @property
    def spool(self) -> Path | None:
        """Where standard input is kept on its way, if it is an input."""
        return self.data / _STDIN if any(one.is_stdin for one in self.inputs) else None

    @property
    def recording(self) -> dict[str, Any]:
        """What an `AuditHandler` that records under this configuration is told."""
        return {
            "audit_level": self.scope.level.value,
            "compliance_frameworks": self.scope.frameworks,
            "retention_days": self.scope.retention_days,
            "catalog": self.overlay,
            "namespace": self.namespace,
        }


def load(
    path: Path | None,
    environment: Mapping[str, str] | None = None,
    *,
    strict: bool = True,
    settings: Sequence[str] = (),
) -> Config:
    """The configuration in a file, if there is one; raises `ConfigError` with every problem.

    Where it is `strict`, a file that others could have written is one. `settings` are `key=value`,
    and have precedence.
    """
    source = source_of(path, settings, strict=strict)
    known = dict(os.environ if environment is None else environment)
    known |= _places(source, known)
    keystore = Keystore(Path(known["path.data"]) / KEYSTORE_NAME)
    return _read(parse(source, ChainMap(keystore.read(), known)))


def source_of(path: Path | None, settings: Sequence[str], *, strict: bool) -> Source:
    """What `load` reads."""
    if path is None:
        return Source("", settings=settings)
    if strict and (problem := problem_of(path)):
        raise ConfigError([problem])
    try:
        return Source(path.read_text(encoding="utf-8"), str(path), settings)
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(str(path), "is not UTF-8")]) from error


def keystore_of(source: Source, environment: Mapping[str, str]) -> Keystore:
    """The keystore beside the data of this configuration, which may itself hold what it needs."""
    return Keystore(Path(_places(source, environment)["path.data"]) / KEYSTORE_NAME)


def _places(source: Source, environment: Mapping[str, str]) -> dict[str, str]:
    """What `${path.home}` and the other paths stand for; each may be told by those before it."""
    places = {"path.config": str(Path(source.file).absolute().parent)}
    is_named = any("${path." in text for text in (source.text, *source.settings))
    for name in ("home", "data", "logs"):
        tree, _ = build(source, ChainMap(places, dict(environment)))
        found = _paths(Reader(), (tree.children or {}).get("path"))
        if not is_named:  # one look tells all
            return {**places, **{f"path.{key}": str(path) for key, path in found.items()}}
        places[f"path.{name}"] = str(found[name])
    return places


def from_mapping(values: Mapping[str, object]) -> Config:
    """The configuration in an object of the same shape."""
    return _read(tree_of(values, "config"))


def default_home() -> Path:
    """Where things live when no path is configured."""
    if os.geteuid() == 0:
        return Path("/var/lib/mcp-shipper")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(base) / "mcp-shipper"


def _read(tree: Node) -> Config:
    reader = Reader()
    nodes = reader.children(tree, _KEYS)
    nodes |= _of_filebeat(reader, nodes)
    paths = _paths(reader, nodes.get("path"))
    strategy = _strategy(reader, nodes)
    overlay, catalog = _catalog(reader, nodes, strategy)
    outputs, kibana_url = read_outputs(reader, nodes)
    config = Config(
        data=paths["data"],
        logs=paths["logs"],
        audit=paths["audit"],
        inputs=read_inputs(
            reader, nodes, Surroundings(catalog.ecs_version, paths["data"] / _STDIN)
        ),
        outputs=placed(outputs, catalog, strategy),
        kibana_url=kibana_url,
        catalog=catalog,
        scope=_scope(reader, nodes, catalog, strategy),
        overlay=overlay,
        operation=_operation(reader, nodes),
        alerts=_alerts(reader, nodes.get("security_monitoring")),
        **_simple(reader, nodes),
        # Last, when all has been read.
        notes=(*_notes(nodes, strategy), *dict.fromkeys(reader.remarks)),
    )
    if reader.problems:
        raise ConfigError(sorted(reader.problems, key=_line))
    if config.inputs:
        return config
    return replace(config, inputs=(InputConfig(id="audit", paths=(f"{config.audit}/*.jsonl",)),))


_KEYS = (
    *("path", "filebeat", "inputs", "output", "cloud", "setup", "catalog", "namespace"),
    *("http", "logging", "self_audit", "shutdown_timeout"),
    *EVENT_KEYS,
    *("mcp_audit_level", "compliance_frameworks", "retention_days", "mcp_audit_event_types"),
    *("elasticsearch_url", "kibana_url", "index_prefix", "index_strategy"),
    *("real_time_monitoring", "security_monitoring"),
)


def _notes(nodes: Mapping[str, Node], strategy: IndexStrategy) -> Iterator[str]:
    """Keys that are read and checked, and have no effect."""
    if "index_prefix" in nodes and strategy is IndexStrategy.DATA_STREAM:
        yield (
            "index_prefix: no effect on data streams (logs-mcp.*); it names indices under "
            "index_strategy: monthly or rollover_alias"
        )
    if "security_monitoring" in nodes:
        yield "security_monitoring: the alerts are checked; none is raised in-process"


def _of_filebeat(reader: Reader, nodes: Mapping[str, Node]) -> dict[str, Node]:
    """The keys below `filebeat`, where ours are at the top."""
    if "filebeat" not in nodes:
        return {}
    known = reader.children(nodes["filebeat"], ("inputs", "shutdown_timeout", "config"))
    if "config" in known:
        for key, child in reader.children(known["config"], ("inputs", "modules")).items():
            read_external(reader, key, child)
    found = {"filebeat.inputs": known["inputs"]} if "inputs" in known else {}
    if "shutdown_timeout" in known and "shutdown_timeout" not in nodes:
        found["shutdown_timeout"] = known["shutdown_timeout"]
    return found


def _line(problem: Problem) -> int:
    place = problem.where.split(" ")[0].rpartition(":")[2]
    return int(place) if place.isdigit() else 0


def _paths(reader: Reader, node: Node | None) -> dict[str, Path]:
    nodes = reader.children(node, ("home", "data", "logs", "audit")) if node else {}
    given = {name: Path(reader.text(child)) for name, child in nodes.items()}
    home = given.get("home", default_home())
    return {"home": home} | {name: home / name for name in ("data", "logs", "audit")} | given


def _strategy(reader: Reader, nodes: Mapping[str, Node]) -> IndexStrategy:
    node = nodes.get("index_strategy")
    name = reader.one_of(node, IndexStrategy) if node else ""
    return IndexStrategy(name) if name in list(IndexStrategy) else IndexStrategy.DATA_STREAM


def _catalog(
    reader: Reader, nodes: Mapping[str, Node], strategy: IndexStrategy
) -> tuple[dict[str, object], Catalog]:
    """The operator's rows: those of the guide's key, and those under `catalog`."""
    overlay: dict[str, object] = {}
    if node := nodes.get("catalog"):
        known = reader.children(node, ("event_types", "fields", "frameworks"))
        overlay = {name: child.plain() for name, child in known.items()}
    if node := nodes.get("mcp_audit_event_types"):
        more = node.plain()
        types = overlay.get("event_types") or {}
        if isinstance(more, dict) and isinstance(types, dict):
            overlay["event_types"] = {**types, **more}
        else:
            reader.note(node, f"expected event types by name, found {node.kind}")
    catalog = _overlaid(reader, overlay, nodes.get("mcp_audit_event_types") or nodes.get("catalog"))
    node = nodes.get("index_prefix")
    if node is None or strategy is IndexStrategy.DATA_STREAM:
        return overlay, catalog
    prefix = reader.text(node)
    given: Any = overlay.get("event_types") or {}
    named = {
        name: {"index": prefix + row.index.removeprefix("mcp"), **(given.get(name) or {})}
        for name, row in catalog.event_types.items()
    }
    overlay = {**overlay, "event_types": named}
    return overlay, _overlaid(reader, overlay, node)


def _overlaid(reader: Reader, overlay: Mapping[str, object], node: Node | None) -> Catalog:
    """Our catalog with the operator's rows; `node` is where their problems are told."""
    if not overlay or node is None:
        return builtin()
    try:
        return overlaid(overlay, "catalog")
    except CatalogError as error:
        reader.problems += [Problem(f"{node.where} {p.where}", p.what) for p in error.problems]
        return builtin()


def _scope(
    reader: Reader, nodes: Mapping[str, Node], catalog: Catalog, strategy: IndexStrategy
) -> Scope:
    scope = Scope(index_strategy=strategy)
    if node := nodes.get("mcp_audit_level"):
        level = reader.one_of(node, AuditLevel)
        scope = replace(
            scope, level=AuditLevel(level) if level in list(AuditLevel) else scope.level
        )
    if node := nodes.get("compliance_frameworks"):
        names = [reader.one_of(item, catalog.frameworks) for item in node.items or [node]]
        known = tuple(name for name in names if name in catalog.frameworks)
        scope = replace(scope, frameworks=known)
    if node := nodes.get("retention_days"):
        scope = replace(scope, retention_days=reader.whole(node) or None)
    return scope


def _operation(reader: Reader, nodes: Mapping[str, Node]) -> Operation:
    """The keys of a run; each stands at the top level, as in Filebeat."""
    keys = ("http", "logging", "self_audit", "shutdown_timeout")
    given = {key: nodes[key] for key in keys if key in nodes}
    operation: Operation = reader.into(Operation, Node("config", "", children=given))
    return operation


def _alerts(reader: Reader, node: Node | None) -> tuple[str, ...]:
    inner = reader.children(node, ("real_time_alerts",)).get("real_time_alerts") if node else None
    return tuple(reader.one_of(item, ALERTS) for item in inner.items or [inner]) if inner else ()


def _simple(reader: Reader, nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Keys that are one value each."""
    readings: dict[str, Callable[[Node], object]] = {
        "namespace": lambda node: _namespace(reader, node),
        "index_prefix": reader.text,
        "real_time_monitoring": reader.truth,
    }
    return {key: read(nodes[key]) for key, read in readings.items() if key in nodes}


def _namespace(reader: Reader, node: Node) -> str:
    text = reader.text(node)
    if what := fault_of("namespace", text):
        reader.note(node, what)
    return text
