"""A result: a table for the terminal, the same in Markdown, and the figures as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

#: Ignored by git; results worth keeping go to docs/performance.md.
OUT = Path(__file__).parent / "out"


@dataclass(frozen=True, slots=True)
class Column:
    heading: str
    form: str


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    #: By heading; None where there is no value.
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one benchmark."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    #: All rounds, for a closer look.
    raw: object = field(default=None)

    def publish(self) -> None:
        """Print it, and store it in `OUT`."""
        table = Table(title=self.title, title_justify="left", box=None)
        table.add_column("")
        for column in self.columns:
            table.add_column(column.heading, justify="right")
        for row in self.rows:
            table.add_row(row.name, *self._cells(row))
        Console(width=120).print(table, "\n")
        OUT.mkdir(exist_ok=True)
        figures = {row.name: dict(row.values) for row in self.rows}
        content = {"title": self.title, "figures": figures, "rounds": self.raw}
        (OUT / f"{self.name}.json").write_text(json.dumps(content, indent=1) + "\n")
        (OUT / f"{self.name}.md").write_text(self.markdown())

    def markdown(self) -> str:
        """The table as docs/performance.md has it."""
        head = ["", *(column.heading for column in self.columns)]
        lines = [head, ["---", *("---:" for _ in self.columns)]]
        lines += [[row.name, *self._cells(row)] for row in self.rows]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

    def _cells(self, row: Row) -> list[str]:
        values = [(column, row.values.get(column.heading)) for column in self.columns]
        return ["" if value is None else column.form.format(value) for column, value in values]
