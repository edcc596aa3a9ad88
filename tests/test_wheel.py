"""The compiled wheel is made of modules that mypyc takes as they are."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
HOOK = WHEEL["wheel"]["hooks"]["custom"]


def classes(module):
    tree = ast.parse((ROOT / module).read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("module", HOOK["modules"])
def test_no_compiled_module_has_a_class_whose_options_mypyc_drops(module):
    assert [one.name for one in classes(module) if one.keywords] == []


def test_the_usual_wheel_is_pure():
    assert HOOK["enable-by-default"] is False
