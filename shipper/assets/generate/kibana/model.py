"""The content of dashboards as plain values; `lens` and `dashboards` turn them into Kibana's own.

A panel is a literal: a title, a chart, and what it is restricted to. A chart is made of columns:
buckets, which divide the events into groups, and metrics, which measure each group.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: Kibana's name for the event itself, where only the number of events counts.
RECORDS = "___records___"

#: The data views: our events, and ours beside those of agents.
EVENTS_VIEW, AGENTS_VIEW = "mcp-logs", "mcp-agents"

GOOD, BAD, WARN, PLAIN, CALM = "#54b399", "#cc5642", "#d6bf57", "#98a2b3", "#6092c0"

#: Formats of numbers. A column's format hides the one that the data view has for its field.
BYTES: Mapping[str, object] = {"id": "bytes", "params": {"decimals": 1}}


def _duration(unit: str) -> Mapping[str, object]:
    shown = {"decimals": 1, "fromUnit": unit, "toUnit": "humanizePrecise", "compact": True}
    return {"id": "duration", "params": shown}


_NANOSECONDS, MILLISECONDS = _duration("nanoseconds"), _duration("milliseconds")
_COUNTED: Mapping[str, object] = {"id": "number", "params": {"decimals": 0}}
MONEY: Mapping[str, object] = {"id": "number", "params": {"decimals": 2}}
RATIO: Mapping[str, object] = MONEY

_SeriesType = Literal[
    "area_stacked", "bar_horizontal", "bar_horizontal_stacked", "bar_stacked", "line"
]


@dataclass(frozen=True, slots=True)
class Column:
    """A bucket or a metric of a panel; `where` is KQL that restricts only this metric."""

    operation: str
    label: str
    path: str = RECORDS
    where: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    color: str = ""

    @property
    def is_bucket(self) -> bool:
        return self.operation in {"date_histogram", "filters", "terms"}


def count(label: str, where: str = "", color: str = "") -> Column:
    """The number of events."""
    return Column("count", label, where=where, params={"emptyAsNull": False}, color=color)


def unique(label: str, path: str, where: str = "") -> Column:
    """The number of different values."""
    return Column("unique_count", label, path, where, {"emptyAsNull": False})


def total(
    label: str,
    path: str,
    where: str = "",
    *,
    shown: Mapping[str, object] = _COUNTED,
    color: str = "",
) -> Column:
    """The sum of the values."""
    params = {"emptyAsNull": False, "format": shown}
    return Column("sum", label, path, where, params, color)


def highest(
    label: str, path: str, where: str = "", *, shown: Mapping[str, object] = _COUNTED
) -> Column:
    """The highest of the values."""
    return Column("max", label, path, where, {"emptyAsNull": True, "format": shown})


def latest(label: str) -> Column:
    """The time of the newest event. A table that ranks by it has the newest groups first."""
    return Column("max", label, "@timestamp", params={"emptyAsNull": True})


def percentile(
    label: str,
    path: str,
    percent: int,
    color: str = "",
    *,
    shown: Mapping[str, object] = _NANOSECONDS,
) -> Column:
    """The duration below which `percent` of the durations lie."""
    params = {"percentile": percent, "format": shown}
    return Column("percentile", label, path, params=params, color=color)


def newest(label: str, path: str = "@timestamp", where: str = "") -> Column:
    """The value of the newest event that has one."""
    params = {"sortField": "@timestamp", "showArrayValues": False}
    return Column("last_value", label, path, where or f"{path}: *", params)


def over_time() -> Column:
    """A bucket for each interval; Kibana chooses the width by the time range."""
    params = {"interval": "auto", "includeEmptyRows": True, "dropPartials": False}
    return Column("date_histogram", "Time", "@timestamp", params=params)


def top(label: str, path: str, size: int = 10, *, others: bool = False) -> Column:
    """A bucket for each of the values with the highest first metric of the panel."""
    return Column("terms", label, path, params=_terms(size, others=others))


def row(label: str, path: str, size: int) -> Column:
    """A bucket for each of the top values, one for the rest, and one for events without a value."""
    return top(label, path, size, others=True)


def cases(label: str, filters: Mapping[str, str]) -> Column:
    """A bucket for each KQL filter, by its label, even if it has no events."""
    rows = [
        {"label": name, "input": {"language": "kuery", "query": query}}
        for name, query in filters.items()
    ]
    return Column("filters", label, params={"filters": rows})


def _terms(size: int, *, others: bool) -> dict[str, object]:
    return {
        "size": size,
        "orderDirection": "desc",
        "otherBucket": others,
        "missingBucket": others,  # Kibana reads it only if `otherBucket` is on
        "parentFormat": {"id": "terms"},
        "include": [],
        "exclude": [],
        "includeIsRegex": False,
        "excludeIsRegex": False,
    }


@dataclass(frozen=True, slots=True)
class Metric:
    """One number, large; with an `alarm`, green at zero and of that colour above it."""

    value: Column
    note: str = ""
    alarm: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Lines, areas or bars along `along`; `split` makes one series of each of its values.

    `palette` is Kibana's name of the colours of a split.
    """

    kind: _SeriesType
    along: Column
    values: tuple[Column, ...]
    split: Column | None = None
    palette: str = "default"


@dataclass(frozen=True, slots=True)
class Share:
    """A ring of parts of a whole."""

    by: Column
    value: Column


@dataclass(frozen=True, slots=True)
class Table:
    """A row for each group, a column for each metric."""

    by: tuple[Column, ...]
    values: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Heatmap:
    """A grid coloured by `value`."""

    x: Column
    y: Column
    value: Column


@dataclass(frozen=True, slots=True)
class Links:
    """Links to dashboards, as pairs of id and title; they carry filters, controls and time."""

    dashboards: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Markdown:
    """A text in Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Saved:
    """The events of a saved search, by its id."""

    search: str


Drawn = Metric | Series | Share | Table | Heatmap


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `where` is KQL that restricts all of it, `width` its share of 48 columns."""

    title: str
    chart: Drawn | Links | Markdown | Saved
    where: str = ""
    width: int = 0  # 0: an equal share of the rest of the row


@dataclass(frozen=True, slots=True)
class PanelRow:
    """Panels side by side."""

    height: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of rows; `window` is the time range it opens with, `view` its data view."""

    id: str
    title: str
    description: str
    window: str
    rows: tuple[PanelRow, ...]
    view: str = EVENTS_VIEW


@dataclass(frozen=True, slots=True)
class Search:
    """A saved search: events that match `query`, newest first, in these columns."""

    id: str
    title: str
    description: str
    query: str
    columns: tuple[str, ...]
    view: str = EVENTS_VIEW


def columns_of(chart: Drawn) -> tuple[Column, ...]:
    """Buckets in the order in which they nest, then metrics."""
    match chart:
        case Metric(value):
            return (value,)
        case Series(kind, along, values, split):
            parts = (split,) if split else ()
            # Kibana nests intervals in the series. Bars are in the order of their totals only if
            # the series are nested in them.
            order = (along, *parts) if kind.startswith("bar_horizontal") else (*parts, along)
            return (*order, *values)
        case Share(by, value):
            return (by, value)
        case Table(by, values):
            return (*by, *values)
        case Heatmap(x, y, value):
            return (y, x, value)
