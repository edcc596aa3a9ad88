"""docs/coverage.md is what the golden files say."""

from tests.stacks.environments import STACKS
from tests.stacks.golden import FOLDER, sections
from tests.stacks.page import PAGE, page


def test_the_page_is_what_the_golden_files_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make assets`"


def test_each_combination_has_its_golden_events():
    for stack in STACKS:
        for transport, era in stack.combinations():
            known = sections(stack, era)
            assert {(transport, "instrument"), (transport, "auto")} <= known.keys(), stack.name


def test_each_golden_file_is_of_a_stack():
    names = {f"{stack.name}.{era}.txt" for stack in STACKS for era in stack.eras}
    assert {path.name for path in FOLDER.iterdir()} == names
