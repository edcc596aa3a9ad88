"""docs/filebeat.md: `python -m tests.config.page` writes it, a test holds it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from shipper.config.filebeat import ACCEPTED, INPUTS, REFUSED, why_no_input

PAGE = Path(__file__).parent.parent.parent / "docs" / "filebeat.md"

_HEAD = """\
# Coming from Filebeat

<!-- generated from shipper/config/filebeat.py by `make assets`; do not edit -->

A section can be moved over as it is: `filebeat.inputs`, `output`, `processors`, `path`, \
`logging`, `http`, `cloud`, `${NAME:default}`, `a.b: 1` for `a: {b: 1}`.
[Operations](operations.md#configure) and [outputs](outputs.md) have the keys that do something. \
These are the others; a key that is in neither place is a mistake, \
and is told with the nearest known one.

Positions of Filebeat are not taken over: what is still there is shipped from its beginning.

"""


def page() -> str:
    """The page as it must be."""
    return "".join(
        (
            _HEAD,
            "## Accepted, without effect\n\n",
            *_table(ACCEPTED),
            "\n## Refused\n\nA configuration that is taken is obeyed. These would change what is ",
            "shipped, and cannot be done; `enabled: false` in a section makes it no matter, ",
            "and so does a value that asks for nothing.\n\n",
            *_table(REFUSED),
            "\nNames that are filled in for each event, with `%{…}`, are refused too (`index`, ",
            "`pipeline`, `topic`, `key`, `path`, `filename` of an output): all lines go to one ",
            "name, or where `index_strategy` and their own `data_stream` fields say.\n",
            f"\nInputs of other types {why_no_input('')}: `{'`, `'.join(sorted(INPUTS))}`. ",
            f"`docker` {why_no_input('docker')}.\n",
        )
    )


def _table(rows: Mapping[str, str]) -> Iterator[str]:
    """A row for each reason, by its first key."""
    yield "| Key | Why |\n|---|---|\n"
    by_why: dict[str, list[str]] = {}
    for key, why in sorted(rows.items()):
        by_why.setdefault(why, []).append(f"`{key}`")
    for why, keys in by_why.items():
        yield f"| {', '.join(keys)} | {why} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
