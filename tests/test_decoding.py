"""JSON of others may nest so deep that decoding it is a `RecursionError`, and no `DecodeError`."""

import ast
from pathlib import Path

import pytest

import shipper

FOLDER = Path(shipper.__file__).parent


def caught(handler):
    """The names of the errors that a handler takes."""
    return {getattr(one, "attr", getattr(one, "id", "")) for one in ast.walk(handler.type)}


@pytest.mark.parametrize(
    "path", [one for one in FOLDER.rglob("*.py") if "DecodeError" in one.read_text()]
)
def test_whoever_expects_bad_json_expects_deep_json_too(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Try):
            names = set().union(*(caught(one) for one in node.handlers if one.type))
            if names & {"DecodeError", "MsgspecError"}:
                assert names & {"RecursionError", "Exception"}, f"{path}:{node.lineno}"
