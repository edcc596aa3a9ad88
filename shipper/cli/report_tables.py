"""A report on the terminal."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shipper.evidence.report.model import Assessed, Population, Report, Support
from shipper.evidence.verdict import PROVEN
from shipper.shown import printable

_COLOURS = {
    Support.SUPPORTED: "green",
    Support.PARTLY: "yellow",
    Support.MISSING: "red",
    Support.NOT_OBSERVABLE: "dim",
}


def report_view(report: Report) -> Group:
    """The record, a table for each framework, retention, and what was not seen."""
    return Group(
        *_head(report),
        *(part for one in report.frameworks for part in _framework(one)),
        *_retention(report),
        *_listed("Gaps and exceptions", report.gaps),
        *_listed("Alerts", (f"{one.rule}: {one.count}" for one in report.alerts)),
        *_listed("Limits of this report", report.limits),
    )


def _head(report: Report) -> Iterator[RenderableType]:
    proven = sum(one.verdict.word in PROVEN for one in report.streams)
    since, until = report.period.since[:10], report.period.until[:10]
    yield Text(f"{since} to {until}: {report.events:,} events on {len(report.hosts)} hosts", "bold")
    yield Text(f"{proven} of {len(report.streams)} streams are signed to their ends and unchanged")
    yield Text(f"sample: {len(report.samples)} events, seed {report.seed}", "dim")


def _framework(one: Assessed) -> Iterator[RenderableType]:
    mark = " (second-hand)" if one.second_hand else ""
    yield Text(f"\n{printable(one.title)}", "bold")
    yield Text(printable(f"{one.basis}{mark}"), "dim")
    table = Table(box=None, pad_edge=False)
    for name in ("Reference", "Question", "Evidence", "Events", "Why"):
        table.add_column(name, justify="right" if name == "Events" else "left")
    for row in one.answers:
        _add(table, row.reference, row.asks, row.support, row.population, row.why)
    for required in one.required:
        what = "required events"
        _add(table, what, required.event_type, required.support, required.population, required.why)
    yield table


def _add(
    table: Table,
    reference: str,
    asks: str,
    support: Support,
    population: Population | None,
    why: str,
) -> None:
    count = f"{population.count:,}" if population else "-"
    word = Text(str(support), _COLOURS[support])
    table.add_row(printable(reference), printable(asks), word, count, printable(why))


def _retention(report: Report) -> Iterator[RenderableType]:
    yield Text("\nRetention", "bold")
    table = Table("Event type", "Configured", "In force", "By", box=None, pad_edge=False)
    for one in report.retentions:
        days = "not seen" if one.in_force_days is None else f"{one.in_force_days} days"
        colour = "red" if one.is_shortened else ""
        by = printable(one.in_force)
        table.add_row(one.event_type, f"{one.configured_days} days", Text(days, colour), by)
    yield table


def _listed(title: str, items: Iterable[str]) -> Iterator[RenderableType]:
    texts = list(items)
    if texts:
        yield Text(f"\n{title}", "bold")
        yield from (Text(f"- {printable(one)}") for one in texts)
