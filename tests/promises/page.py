"""The page of guarantees, for operators."""

from pathlib import Path

from tests.promises import PROMISES

PAGE = Path(__file__).parent.parent.parent / "docs" / "guarantees.md"

_HEAD = """\
# Guarantees

<!-- Generated from tests/promises/ by `make assets`; edit that. -->

The tests under each sentence prove it, in every run of `make test`. The number after a test counts
the guards of the code that were removed, one after the other, to see that the test then fails
(`make mutants`)."""


def page() -> str:
    """The promises as Markdown."""
    lines = [_HEAD]
    area = ""
    for promise in PROMISES:
        if promise.id.partition(":")[0] != area:
            area = promise.id.partition(":")[0]
            lines += ["", f"## {area.capitalize()}"]
        lines += ["", promise.sentence, ""]
        for proof, mutants in promise.proofs.items():
            lines.append(f"- `tests/{proof}`" + (f" ({len(mutants)})" if mutants else ""))
    return "\n".join(lines) + "\n"
