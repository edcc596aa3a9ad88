"""Imports point down, and no modules import each other in a circle."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.layers import LAYERS, PAGE, page

PACKAGE = Path(__file__).parent.parent / "shipper"
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

NO_NETWORK = {
    "socket",
    "ssl",
    "select",
    "selectors",
    "http",
    "urllib",
    "asyncio",
    "elasticsearch",
    "urllib3",
}
NEVER = {
    "wire": NO_NETWORK | {"time", "threading", "os", "random", "pathlib", "logging"},
    "record": NO_NETWORK,
    "catalog": NO_NETWORK | {"threading", "time", "random"},
    "secrets": NO_NETWORK | {"threading", "time", "random"},
    "processors": NO_NETWORK - {"socket"},  # the host's own name and addresses
    "forms": NO_NETWORK,
}


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports, inside functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(name: str) -> str | None:
    """The module of ours that an imported name is, or is in."""
    parent = name.rpartition(".")[0]
    return next((one for one in (name, parent) if one in MODULES), None)


def _edges(name: str) -> set[str]:
    found = {_module(one) for one in imported(MODULES[name])}
    # A package is initialised before its modules; that alone makes no circle.
    return {one for one in found if one and one != name and not name.startswith(f"{one}.")}


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; empty if none do."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


PARTS = [
    pytest.param(name.split(".")[1], MODULES[name], id=name)
    for name in MODULES
    if name.count(".") and name != "shipper.__main__"
]


@pytest.mark.parametrize(("part", "path"), PARTS)
def test_a_module_imports_only_what_lies_below_it(part: str, path: Path) -> None:
    for name in imported(path):
        root, _, inner = name.partition(".")
        if root != "shipper":
            assert root not in NEVER.get(part, ()), f"{path} imports {name}"
        elif inner in {"", "__version__"}:  # the package's own face imports nothing by itself
            continue
        elif (other := inner.partition(".")[0]) != part:
            assert RANK[other] < RANK[part], f"{path}: {name} is not below {part}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle({name: _edges(name) for name in MODULES if name != "shipper"}) == []


def test_a_circle_is_found_wherever_it_is_closed() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert not circle({"a": {"b"}, "b": {"c"}, "d": {"a"}})


def test_the_table_of_the_layers_is_what_the_page_shows() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make assets"
