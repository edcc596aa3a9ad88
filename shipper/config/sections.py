"""The sections of a configuration, from tree to values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from shipper.catalog import IndexStrategy
from shipper.config.alerts import check_revoking, read_alerts
from shipper.config.api import ApiConfig
from shipper.config.external import read_external
from shipper.config.inputs import EVENT_KEYS, Surroundings, read_inputs
from shipper.config.model import STDIN, Config
from shipper.config.older import with_newer_words
from shipper.config.operation import Operation
from shipper.config.outputs import placed, read_outputs
from shipper.config.own import without_own
from shipper.config.paths import read_paths
from shipper.config.read import new_reader
from shipper.config.recorded import read_catalog, read_scope, read_strategy
from shipper.config.settings import Settings
from shipper.config.variables import faults
from shipper.errors import Problem
from shipper.follow.inputs import InputConfig
from shipper.names import fault_of
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into

_OPERATION_KEYS = ("http", "logging", "self_audit", "evidence", "shutdown_timeout")
_KEYS = (
    *("path", "filebeat", "inputs", "output", "cloud", "setup", "catalog", "namespace"),
    *_OPERATION_KEYS,
    "api",
    *EVENT_KEYS,
    *("mcp_audit_level", "compliance_frameworks", "retention_days", "mcp_audit_event_types"),
    *("elasticsearch_url", "kibana_url", "index_prefix", "index_strategy"),
    *("real_time_monitoring", "security_monitoring"),
)


def read_config(tree: YamlNode) -> tuple[Config, list[Problem]]:
    """The configuration, and its problems; it is only valid if there are none."""
    reader = new_reader()
    tree = with_newer_words(reader, tree)
    nodes = reader.children(tree, _KEYS)
    nodes |= _of_filebeat(reader, nodes)
    paths = read_paths(reader, tree.at("path"))
    strategy = read_strategy(reader, nodes)
    overlay, catalog = read_catalog(reader, nodes, strategy)
    scope = read_scope(reader, nodes, catalog, strategy)
    outputs, kibana_url = read_outputs(reader, nodes)
    surroundings = Surroundings(catalog.ecs_version, paths["data"] / STDIN)
    inputs = read_inputs(reader, nodes, surroundings)
    datasets = (row.dataset for row in catalog.event_types.values())
    own = tuple(one for one in datasets if not one.startswith("mcp."))
    operation = _operation(reader, nodes)
    check_revoking(reader, tree.at("output", "webhook", "revocation", "rules"), catalog)
    if alerts := read_alerts(reader, tree.at("security_monitoring"), catalog):
        outputs["alerts"] = alerts
    simple = _simple(reader, nodes)
    notes = (*_notes(nodes, strategy), *dict.fromkeys(reader.remarks))
    segments = InputConfig(id="audit", paths=(f"{paths['audit']}/*.jsonl",))
    foreign = without_own(inputs or (segments,), paths["data"], outputs)
    config = Config(
        data=paths["data"],
        logs=paths["logs"],
        audit=paths["audit"],
        inputs=tuple(replace(one, audit_datasets=own) for one in foreign),
        outputs=placed(outputs, catalog, strategy),
        kibana_url=kibana_url,
        catalog=catalog,
        scope=scope,
        overlay=overlay,
        operation=operation,
        api=into(reader, ApiConfig, nodes["api"]) if "api" in nodes else ApiConfig(),
        settings=Settings(tree),
        notes=notes,
        **simple,
    )
    if "alerts" in config.outputs:
        config = replace(config, outputs=_with_memory(config))
        if not config.operation.self_audit.enabled:
            reader.note(tree.at("self_audit"), "alerts are recorded in the self-audit: enable it")
    return config, [*reader.problems, *_faults(tree, reader.ignored)]


def _with_memory(config: Config) -> dict[str, object]:
    """The outputs; alerts know where they are recorded, and where rules keep what they remember."""
    settings: Any = config.outputs["alerts"]
    placed = replace(
        settings,
        journal=config.data / "alerts.ndjson",
        block=_placed_block(settings.block, config),
        audit=config.data / "audit",
        recording=config.self_recording,
    )
    return {**config.outputs, "alerts": placed}


def _placed_block(block: Any, config: Config) -> Any:
    return block and replace(block, file=block.file or str(config.data / "blocks.json"))


def _faults(tree: YamlNode, ignored: Sequence[str]) -> Iterator[Problem]:
    """Variables that are not set, but for those in keys without effect."""
    for problem in faults(tree):
        path = problem.where.rpartition(" ")[2]
        if not any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignored):
            yield problem


def _of_filebeat(reader: Reader, nodes: Mapping[str, YamlNode]) -> dict[str, YamlNode]:
    """The keys below `filebeat` that stand at the top level here."""
    if "filebeat" not in nodes:
        return {}
    given = ("inputs", "shutdown_timeout", "config", "autodiscover")
    known = reader.children(nodes["filebeat"], given)
    if "config" in known:
        for key, child in reader.children(known["config"], ("inputs", "modules")).items():
            read_external(reader, key, child)
    found = {"filebeat.inputs": known["inputs"]} if "inputs" in known else {}
    if node := known.get("autodiscover"):
        from shipper.config.autodiscover import discovered  # with processors: few use it

        inputs = [*discovered(reader, node)]
        found["filebeat.autodiscover"] = replace(node, items=inputs, children=None)
    if "shutdown_timeout" in known and "shutdown_timeout" not in nodes:
        found["shutdown_timeout"] = known["shutdown_timeout"]
    return found


def _operation(reader: Reader, nodes: Mapping[str, YamlNode]) -> Operation:
    """The keys of a run; each stands at the top level, as in Filebeat."""
    given = {key: nodes[key] for key in _OPERATION_KEYS if key in nodes}
    operation: Operation = into(reader, Operation, YamlNode("config", "", children=given))
    return operation


def _simple(reader: Reader, nodes: Mapping[str, YamlNode]) -> dict[str, Any]:
    """Keys with a single value."""
    readings: dict[str, Callable[[YamlNode], object]] = {
        "namespace": lambda node: _namespace(reader, node),
        "index_prefix": reader.text,
        "real_time_monitoring": reader.truth,
    }
    return {key: read(nodes[key]) for key, read in readings.items() if key in nodes}


def _namespace(reader: Reader, node: YamlNode) -> str:
    text = reader.text(node)
    if node.scalar is not None and (fault := fault_of("namespace", text)):
        reader.note(node, fault)
    return text


def _notes(nodes: Mapping[str, YamlNode], strategy: IndexStrategy) -> Iterator[str]:
    """Keys that are read and checked, and have no effect."""
    if "index_prefix" in nodes and strategy is IndexStrategy.DATA_STREAM:
        yield (
            "index_prefix: no effect on data streams (logs-mcp.*); it names indices under "
            "index_strategy: monthly or rollover_alias"
        )
