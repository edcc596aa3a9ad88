"""Imports point down: the table of docs/architecture.md, held."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "shipper"

MAY_IMPORT = {
    "errors": set(),
    "durable": set(),
    "catalog": {"errors"},
    "wire": {"errors"},
    "record": {"catalog", "durable", "errors"},
    "outputs": {"wire", "durable", "errors"},
    "processors": {"catalog", "errors"},
    "assets": {"catalog", "errors"},
    "capture": {"record", "catalog", "errors"},
    "deliver": {"outputs.base", "processors", "durable", "errors"},
    "config": {
        "processors",
        "durable",
        "record",
        "outputs",
        "assets",
        "deliver",
        "capture",
        "catalog",
        "errors",
    },
}
MAY_IMPORT["sample"] = MAY_IMPORT["record"] | {"record"}
MAY_IMPORT["faults"] = {"wire", "errors"}
MAY_IMPORT["status"] = {*MAY_IMPORT["config"], "config"}
MAY_IMPORT["attest"] = {*MAY_IMPORT["status"], "status"}
MAY_IMPORT["service"] = {*MAY_IMPORT["attest"], "attest"}
MAY_IMPORT["letters"] = {*MAY_IMPORT["service"], "service"}
MAY_IMPORT["monitor"] = {*MAY_IMPORT["service"], "service", "endpoint"}
MAY_IMPORT["prometheus"] = MAY_IMPORT["monitor"] | {"monitor"}
MAY_IMPORT["endpoint"] = {*MAY_IMPORT["prometheus"], "prometheus"}
MAY_IMPORT["memory"] = set()
MAY_IMPORT["log"] = {*MAY_IMPORT["config"], "config"}
MAY_IMPORT["supervise"] = {*MAY_IMPORT["service"], "service", "monitor", "log"}
MAY_IMPORT["operations"] = MAY_IMPORT["service"]
MAY_IMPORT["demo"] = {*MAY_IMPORT["service"], "service", ""}  # its server is a user of ours
MAY_IMPORT["cli"] = {
    *MAY_IMPORT["demo"],
    *("demo", "faults", "letters", "memory", "operations", "sample", "supervise"),
}

NO_NETWORK = {"socket", "ssl", "select", "selectors", "http", "urllib", "asyncio", "elasticsearch"}
NEVER = {
    "wire": NO_NETWORK | {"time", "threading", "os", "random", "pathlib", "logging"},
    "record": NO_NETWORK,
    "catalog": NO_NETWORK | {"threading", "time", "random"},
}


def imports(path):
    """Every dotted module that a file imports, at any depth of nesting."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part not in {"__init__", "__main__"}:
            yield pytest.param(part, path, id=str(path.relative_to(PACKAGE)))


@pytest.mark.parametrize(("part", "path"), list(modules()))
def test_a_part_imports_only_what_lies_below_it(part, path):
    for name in imports(path):
        root, _, inner = name.partition(".")
        if root != "shipper":
            assert root not in NEVER.get(part, ()), f"{path} imports {name}"
            continue
        allowed = {part, *MAY_IMPORT[part], "__version__"}  # the package itself imports nothing
        assert any(inner == a or inner.startswith(f"{a}.") for a in allowed), f"{path}: {name}"
