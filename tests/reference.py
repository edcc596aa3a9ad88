"""The pages in docs/reference/, made from the code: `python -m tests.reference` writes them."""

import argparse
import inspect
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct
from msgspec.structs import fields

import shipper
from shipper.bounds import INNER
from shipper.catalog.model import EventType, Field, Framework
from shipper.cli import _parser
from shipper.config import from_mapping
from shipper.errors import ConfigError
from shipper.home import default_record
from shipper.outputs import OUTPUTS
from shipper.run.prometheus import metrics
from shipper.run.service import Service

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
_GENERATED = "<!-- generated from the code by `make assets`; do not edit -->\n"


# --- public names


def python_page() -> str:
    """The public names of the package, with signatures and documentation."""
    parts = [
        "# Python\n",
        _GENERATED,
        (
            "The public names of the package `shipper`. Every other name may change. "
            "[What is captured](../capture.md) and [events and fields](../events.md) explain them.\n"
        ),
    ]
    for name in shipper.__all__:
        value = getattr(shipper, name)
        parts += [f"## {name}\n", f"```python\n{_signature(name, value)}\n```\n", _doc(value)]
    return "\n".join(parts)


def _signature(name: str, value: object) -> str:
    if isinstance(value, type) and hasattr(value, "__members__"):
        members = (f"    {one.name} = {one.value!r}" for one in value)
        return f"class {name}:\n" + "\n".join(members)
    parameters = inspect.signature(value).parameters.values()
    rows = [f"    {row},\n" for row in _rows(parameters)]
    kind = "class" if isinstance(value, type) else "def"
    return f"{kind} {name}(\n{''.join(rows)}): ..." if rows else f"{kind} {name}(): ..."


def _rows(parameters: object) -> Iterator[str]:
    is_keyword_only = False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not is_keyword_only:
            is_keyword_only = True
            yield "*"
        default = "" if one.default is one.empty else f" = {_plain(one.default)}"
        star = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        yield f"{star}{one.name}{default}"


def _plain(value: object) -> str:
    text = repr(value)
    return text if re.fullmatch(r"[\w.'\"()\[\]{} ,:-]*", text) else "..."


def _doc(value: object) -> str:
    return f"{inspect.cleandoc(value.__doc__ or '')}\n"


# --- commands


def commands_page() -> str:
    """Every command with its arguments and options."""
    parser = _parser([])
    common = list(_options(parser))
    parts = [
        "# Commands\n",
        _GENERATED,
        (
            "All commands take these options. [Exit codes](../operations.md#reload-stop-exit-codes) "
            "are those of sysexits.h.\n"
        ),
        _table(("Option", "What it does"), common),
    ]
    names = {row[0] for row in common}
    for name, one in _commands(parser, "mcp-shipper"):
        own = [row for row in _options(one) if row[0] not in names]
        text = (one.description or "").strip()
        parts += [f"## {name}\n", f"{text[:1].upper()}{text[1:]}.\n"]
        if own:
            parts.append(_table(("Argument", "What it does"), own))
    return "\n".join(parts)


def _commands(
    parser: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                if any(isinstance(a, argparse._SubParsersAction) for a in inner._actions):
                    yield from _commands(inner, f"{name} {word}")
                else:
                    yield f"{name} {word}", inner


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if isinstance(action, _NOT_SHOWN):
            continue
        value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
        choices = "|".join(map(str, action.choices)) if action.choices else value
        names = ", ".join(action.option_strings)
        shown = f"{names} {choices}".strip() if names else f"{action.metavar or action.dest}"
        text = (action.help or "") % {**vars(action), "prog": parser.prog}
        yield f"`{shown}`", text.replace(str(default_record()), "the default of path.audit")


_NOT_SHOWN = (argparse._SubParsersAction, argparse._HelpAction, argparse._VersionAction)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(map(_cell, row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# --- configuration


def known_below(path: tuple[str, ...]) -> list[str]:
    """The keys that the configuration knows below `path`, as its own complaint lists them."""
    value: object = {"§": 1}
    for name in reversed(path):
        value = {name: [value] if name == "parsers" else value}
    try:
        from_mapping(value)
    except ConfigError as error:
        where = f" {'.'.join([*path, '§'])}"
        for problem in error.problems:
            if (
                problem.where.replace("[0]", "").endswith(where)
                and "; known here: " in problem.what
            ):
                return problem.what.partition("; known here: ")[2].split(", ")
    return []


def known_keys(path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every key of a configuration."""
    below = known_below(path)
    if not below and path:
        yield ".".join(path)
    for name in below:
        yield from known_keys((*path, name))


def configuration_page() -> str:
    """Every key, with its default and the page that explains it."""
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"^\| `([a-z_.*]+)` \| (.*?) \| .*\|$", operations, re.MULTILINE))
    for name, kind in OUTPUTS.items():
        defaults |= _defaults(kind.config, f"output.{name}.")
    rows = [
        (f"`{key}`", defaults.get(key, ""), _explained(key))
        for key in sorted(known_keys())
        if not key.startswith("filebeat.inputs.")
    ]
    return "\n".join(
        [
            "# Configuration keys\n",
            _GENERATED,
            (
                "Every key that a configuration can have, with its default where "
                "[Operations](../operations.md#configure) names one. Keys of Filebeat that are "
                "accepted without effect, or refused, are on [their own page](../filebeat.md).\n"
            ),
            _table(("Key", "Default", "Explained in"), rows),
        ]
    )


def _defaults(kind: type, prefix: str) -> Mapping[str, str]:
    """The default of each key of a section that is a word or a number."""
    found: dict[str, str] = {}
    for one in fields(kind):
        key, unit = one.name.removesuffix("_s"), "s" if one.name.endswith("_s") else ""
        if isinstance(one.default, bool):
            found[prefix + key] = f"`{str(one.default).lower()}`"
        elif isinstance(one.default, str | int | float) and one.default != "":
            text = f"{one.default:g}" if isinstance(one.default, float) else str(one.default)
            found[prefix + key] = f"`{text}{unit}`"
        elif isinstance(one.default_factory, type) and issubclass(one.default_factory, Struct):
            found |= _defaults(one.default_factory, f"{prefix}{key}.")
    return found


def _explained(key: str) -> str:
    output = re.match(r"output\.(\w+)", key)
    if output:
        anchor = "tls" if ".ssl" in key else output[1]
        return f"[Outputs](../outputs.md#{anchor})"
    if key.startswith(_OF_FILES):
        return "[Inputs](../inputs.md)"
    return "[Operations](../operations.md#configure)"


_OF_FILES = (
    *("inputs.prospector", "inputs.delete", "inputs.exclude_files", "inputs.ignore"),
    *("inputs.clean", "inputs.harvester", "inputs.scan", "inputs.close", "inputs.symlinks"),
)


# --- the catalog overlay


_MEMBERS: Mapping[str, Mapping[str, str]] = {
    "event_types": {
        "dataset": "the middle part of the data stream's name, `logs-DATASET-NAMESPACE`",
        "index": "its alias or the beginning of its monthly indices, for those strategies",
        "retention_days": "how long its events are kept; a framework can only lengthen it",
        "classification": "who may read its events",
        "level": "the level from which on it is recorded",
        "kind": "`event.kind`",
        "category": "`event.category`, a list",
        "type": "`event.type`, a list",
        "action": "`event.action`",
        "fields": "the paths that its events may carry, or the callers' names for them",
        "meaning": "a sentence for the documentation and the dashboards",
        "on_failure": "what becomes of a [call that cannot be recorded](../capture.md#calls-that-must-be-recorded)",
    },
    "fields": {
        "type": "its type in Elasticsearch",
        "sensitivity": "how it is [redacted](../redaction.md)",
        "meaning": "a sentence for the documentation",
        "alias": "the name that callers use for it",
    },
    "frameworks": {
        "title": "its name for people",
        "retention_days": "the least that events are kept under it",
        "requires": "the types that it switches on, whatever the level",
        "basis": "where the period comes from",
        "second_hand": "whether the basis was read in another source than the framework itself",
        "panel": "whether the compliance dashboard has a panel for it",
        "clauses": "what a [report](../reports.md) asks, by the name of the clause",
    },
}
_OVERLAY = """\
catalog:
  fields:
    acme.order.id: {type: keyword, meaning: The order.}
  event_types:
    acme_order: {dataset: acme.orders, fields: [acme.order.id], retention_days: 730}
    mcp_tool_execution: {retention_days: 400}    # a change of a built-in type
  frameworks:
    acme: {retention_days: 4000, requires: [acme_order]}
compliance_frameworks: [acme]
"""


def catalog_page() -> str:
    """What an operator can add to the catalog, and change in it."""
    kinds = {"event_types": EventType, "fields": Field, "frameworks": Framework}
    parts = [
        "# Your own events and fields\n",
        _GENERATED,
        (
            "The section `catalog` of the configuration, and the argument `catalog` of "
            "`AuditHandler`, lie over the [built-in catalog](../events.md), key by key. Templates, "
            "policies, pipelines, roles and dashboards follow them: run `mcp-shipper setup` again.\n"
        ),
        f"```yaml\n{_OVERLAY}```\n",
    ]
    for section, kind in kinds.items():
        own = [one for one in fields(kind) if INNER not in getattr(one.type, "__metadata__", ())]
        assert {one.name for one in own} == _MEMBERS[section].keys()
        rows = [(f"`{one.name}`", _values(one.type), _MEMBERS[section][one.name]) for one in own]
        head = ("Member", "Values", "Meaning")
        parts += [f"## {section}\n", _table(head, rows)]
    parts += [
        "## Others\n",
        "- `payloads`, `secrets`: [what is masked](../redaction.md#decide-yourself)",
        "- `pseudonyms`: [the keys of persons](../evidence.md#persons)",
        "- `alerts`: [rules of your own](../outputs.md#alerts)\n",
    ]
    return "\n".join(parts)


def _values(kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(f"`{one.value}`" for one in kind)
    return "number" if "int" in str(kind) else "list" if "tuple" in str(kind) else "text"


# --- metrics


def metrics_page() -> str:
    """Every metric with its type."""
    with tempfile.TemporaryDirectory() as home:
        config = from_mapping({"path": {"home": home}, "output": {"console": {}}})
        text = metrics(Service(config)).decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\w+) (.+)$", text, re.MULTILINE))
    rows = [(f"`{name}`", kind, helps[name]) for name, kind in kinds.items()]
    return "\n".join(
        [
            "# Metrics\n",
            _GENERATED,
            (
                "What `/metrics` serves; metrics of lines have the label `output`. "
                "[Operations](../operations.md#watch) explains them, and which alerts are enough.\n"
            ),
            _table(("Metric", "Type", "Meaning"), rows),
        ]
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "python.md": python_page,
    "commands.md": commands_page,
    "configuration.md": configuration_page,
    "catalog.md": catalog_page,
    "metrics.md": metrics_page,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page_name, page in PAGES.items():
        (FOLDER / page_name).write_text(page(), encoding="utf-8")
