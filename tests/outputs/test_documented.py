"""docs/outputs.md names every option of every output, and no other."""

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from shipper.bounds import INNER
from shipper.outputs import OUTPUTS
from shipper.outputs.tls import TlsConfig

PAGE = Path(__file__).parents[2] / "docs" / "outputs.md"
SECTIONS = {name: kind.config for name, kind in OUTPUTS.items()} | {"tls": TlsConfig}


def documented(section):
    """The keys in the first column of the section's table."""
    text = PAGE.read_text(encoding="utf-8").casefold()
    (body,) = re.findall(rf"^## {section}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    cells = (row.split("|")[1] for row in body.splitlines() if row.startswith("| `"))
    return {key.partition(".")[0] for cell in cells for key in re.findall(r"`(.+?)`", cell)}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_of_outputs_has_each_option_and_no_other(section):
    rows = [
        row
        for row in fields(SECTIONS[section])
        if INNER not in getattr(row.type, "__metadata__", ())
    ]
    assert documented(section) == {row.name.removesuffix("_s") for row in rows}
