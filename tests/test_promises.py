"""Every promise is held by tests that exist and have teeth, and the page is up to date."""

import ast
from pathlib import Path

import pytest

from tests.promises import PROMISES
from tests.promises.page import PAGE, page

HERE = Path(__file__).parent
EACH = pytest.mark.parametrize("promise", PROMISES, ids=[one.id for one in PROMISES])


def names_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {
        node.name for node in ast.walk(tree) if isinstance(node, kinds)
    } | {  # state machines become tests by assignment
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


@EACH
def test_a_promise_is_held_by_tests_that_exist(promise):
    assert promise.proofs
    for proof in promise.proofs:
        file, _, name = proof.partition("::")
        assert name in names_in(HERE / file), proof


@EACH
def test_a_promise_has_mutants_of_code_that_exists(promise):
    mutants = [mutant for each in promise.proofs.values() for mutant in each]
    assert mutants
    for mutant in mutants:
        text = (HERE.parent / "shipper" / mutant.file).read_text(encoding="utf-8")
        assert mutant.applied(text) != text


def test_no_two_promises_have_the_same_id():
    assert len({promise.id for promise in PROMISES}) == len(PROMISES)


def test_the_page_of_guarantees_is_generated_from_the_promises():
    assert page() == PAGE.read_text(encoding="utf-8")
