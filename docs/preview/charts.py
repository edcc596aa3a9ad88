"""Each kind of chart as SVG, about as Kibana draws it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import cos, pi, sin

from docs.preview.data import Rows
from docs.preview.svg import FAINT, INK, RULE, Box, path, rect, tag, text
from shipper.assets.generate.kibana.model import (
    GOOD,
    Column,
    Drawn,
    Heatmap,
    Metric,
    Series,
    Share,
    Table,
    columns_of,
)

#: Kibana's default palette.
_COLORS = (
    *("#54b399", "#6092c0", "#d36086", "#9170b8", "#ca8eae"),
    *("#d6bf57", "#b9a888", "#da8b45", "#aa6556", "#e7664c"),
)
#: Kibana's palette "warm", about.
_WARM = ("#fbddd6", "#f3bbaf", "#e99a89", "#de7862", "#cc5642", "#a8402f", "#852c1e")
_LEGEND_WIDTH, _LINE_HEIGHT = 140, 18


def draw(chart: Drawn, rows: Rows, box: Box) -> str:
    match chart:
        case Metric():
            return _metric(chart, rows, box)
        case Series() if chart.kind.startswith("bar_horizontal"):
            return _bars_across(chart, rows, box)
        case Series():
            return _over_time(chart, rows, box)
        case Share():
            return _share(chart, rows, box)
        case Table():
            columns = columns_of(chart)
            shown = [tuple(map(shown_as, columns, row)) for row in rows]
            return table([column.label for column in columns], shown, box)
        case Heatmap():
            return _heatmap(chart, rows, box)


def shown_as(column: Column, value: object) -> str:
    """A value as the data view's formats show it."""
    if value is None or (column.is_bucket and column.operation != "date_histogram"):
        return str(value or "-")
    if column.operation in {"last_value", "date_histogram"} and column.path == "@timestamp":
        return str(value)[:16].replace("T", " ")
    if column.path == "event.duration" and isinstance(value, int | float):
        return f"{value / 1e6:,.0f} ms" if value < 1e9 else f"{value / 1e9:,.1f} s"
    if column.path.endswith(".size") and isinstance(value, int | float):
        return _bytes(value)
    if isinstance(value, float):
        return f"{value:,.2f}".removesuffix(".00")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _bytes(value: float) -> str:
    for unit in ("B", "KB", "MB"):
        if value < 1024:
            return f"{value:,.0f} {unit}"
        value /= 1024
    return f"{value:,.1f} GB"


def _metric(chart: Metric, rows: Rows, box: Box) -> str:
    [[value]] = rows
    color = (chart.alarm if value else GOOD) if chart.alarm else "#fff"
    ink = "#ffffff" if chart.alarm else INK
    number = shown_as(chart.value, value)
    size = 34 if len(number) < 7 else 26
    ground = rect(
        Box(box.x - 8, box.y - 30, box.width + 16, box.height + 38),
        color,
        rx=4,
    )
    return "".join(
        (
            ground,
            text(box.x, box.y - 10, chart.value.label, fill=ink, size=13, font_weight=600),
            text(box.x, box.y + 6, chart.note, fill=ink, size=11),
            text(
                box.right,
                box.bottom - 4,
                number,
                fill=ink,
                size=size,
                text_anchor="end",
                font_weight=600,
            ),
        )
    )


def _legend(names: Sequence[str], colors: Sequence[str], box: Box) -> str:
    parts = []
    fits = int(box.height / _LINE_HEIGHT)
    for n, (name, color) in enumerate(zip(names[:fits], colors, strict=False)):
        y = box.y + n * _LINE_HEIGHT
        parts.append(tag("circle", cx=box.x + 5, cy=y + 5, r=5, fill=color))
        parts.append(text(box.x + 16, y + 9, name, size=11, room=box.width - 16))
    return "".join(parts)


def _split_legend(names: Sequence[str], colors: Sequence[str], box: Box) -> tuple[str, Box]:
    """The legend on the right, and what it leaves of the box."""
    if len(names) <= 1:
        return "", box
    right = box.right - _LEGEND_WIDTH
    return _legend(
        names, colors, Box(right + 10, box.y, _LEGEND_WIDTH - 10, box.height)
    ), box.until(right)


class _Grid:
    """The series of a chart: a value to each name and place along the axis."""

    def __init__(self, chart: Series, rows: Rows) -> None:
        self.along: list[str] = []
        self.names: list[str] = []
        self.values: dict[tuple[str, str], float] = {}
        for row in rows:
            keys = [*row[: 2 if chart.split else 1]]
            place = keys.pop(0 if chart.kind.startswith("bar_horizontal") else -1)
            for column, value in zip(chart.values, row[-len(chart.values) :], strict=True):
                self._add(str(keys[0]) if keys else column.label, str(place), float(value or 0))
        if not isinstance(chart.along.params.get("size"), int):
            self.along.sort()
        colors = {column.label: column.color for column in chart.values if not chart.split}
        names = _WARM if chart.palette == "warm" else _COLORS
        self.colors = [
            colors.get(name) or names[n % len(names)] for n, name in enumerate(self.names)
        ]

    def _add(self, name: str, place: str, value: float) -> None:
        if name not in self.names:
            self.names.append(name)
        if place not in self.along:
            self.along.append(place)
        self.values[name, place] = value

    def of(self, name: str, place: str) -> float:
        return self.values.get((name, place), 0.0)

    def total(self, place: str) -> float:
        return sum(self.of(name, place) for name in self.names)


def _top(most: float) -> float:
    """A round number that is not below `most`."""
    step = 1.0
    while step * 10 < most:
        step *= 10
    return next(
        (step * n for n in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if step * n >= most), most or 1
    )


def _axis(box: Box, top: float, column: Column) -> str:
    parts = []
    for n in range(5):
        y = box.bottom - box.height * n / 4
        parts.append(path([(box.x, y), (box.right, y)], stroke=RULE, stroke_width=1))
        label = shown_as(column, top * n / 4)
        parts.append(text(box.x - 6, y + 4, label, size=10, fill=FAINT, text_anchor="end"))
    return "".join(parts)


def _days(along: Sequence[str], box: Box) -> str:
    parts = []
    every = max(1, len(along) // 8)
    for n in range(0, len(along), every):
        when = datetime.fromisoformat(along[n]).astimezone(UTC)
        x = box.x + box.width * (n + 0.5) / len(along)
        parts.append(
            text(x, box.bottom + 15, f"{when:%b %-d}", size=10, fill=FAINT, text_anchor="middle")
        )
    return "".join(parts)


def _over_time(chart: Series, rows: Rows, box: Box) -> str:
    grid = _Grid(chart, rows)
    legend, left = _split_legend(grid.names, grid.colors, box)
    plot = left.inner(48, 4, 6, 22)
    is_line = chart.kind == "line"
    most = max(
        (grid.of(name, at) for name in grid.names for at in grid.along)
        if is_line
        else map(grid.total, grid.along)
    )
    top = _top(most)
    draw_it = _lines if is_line else _areas if chart.kind == "area_stacked" else _bars
    marks = draw_it(grid, plot, plot.height / top)
    return _axis(plot, top, chart.values[0]) + marks + _days(grid.along, plot) + legend


def _x(grid: _Grid, box: Box, n: int) -> float:
    return box.x + box.width * (n + 0.5) / len(grid.along)


def _bars(grid: _Grid, box: Box, scale: float) -> str:
    width = box.width / len(grid.along) * 0.8
    parts = []
    for n, place in enumerate(grid.along):
        y = box.bottom
        for name, color in zip(grid.names, grid.colors, strict=True):
            height = grid.of(name, place) * scale
            y -= height
            if height:
                parts.append(rect(Box(_x(grid, box, n) - width / 2, y, width, height), color))
    return "".join(parts)


def _lines(grid: _Grid, box: Box, scale: float) -> str:
    return "".join(
        path(
            [
                (_x(grid, box, n), box.bottom - grid.of(name, place) * scale)
                for n, place in enumerate(grid.along)
            ],
            fill="none",
            stroke=color,
            stroke_width=2,
        )
        for name, color in zip(grid.names, grid.colors, strict=True)
    )


def _areas(grid: _Grid, box: Box, scale: float) -> str:
    below = [box.bottom] * len(grid.along)
    parts = []
    for name, color in zip(grid.names, grid.colors, strict=True):
        above = [y - grid.of(name, at) * scale for y, at in zip(below, grid.along, strict=True)]
        edge = [(_x(grid, box, n), y) for n, y in enumerate(above)]
        back = [(_x(grid, box, n), y) for n, y in enumerate(below)]
        parts.append(path([*edge, *reversed(back)], fill=color, fill_opacity=0.7))
        below = above
    return "".join(parts)


def _bars_across(chart: Series, rows: Rows, box: Box) -> str:
    grid = _Grid(chart, rows)
    grid.along.sort(key=grid.total, reverse=True)
    names = grid.names if chart.split else []
    legend, left = _split_legend(names, grid.colors, box)
    plot = left.inner(120, 0, 50, 0)
    top = max(map(grid.total, grid.along))
    step = min(plot.height / len(grid.along), 30)
    parts = [legend]
    for n, place in enumerate(grid.along):
        x, y = plot.x, plot.y + n * step
        parts.append(text(x - 8, y + step * 0.65, place, size=11, text_anchor="end", room=112))
        for name, color in zip(grid.names, grid.colors, strict=True):
            width = grid.of(name, place) / top * plot.width
            parts.append(rect(Box(x, y + step * 0.15, width, step * 0.7), color))
            x += width
        label = shown_as(chart.values[0], grid.total(place))
        parts.append(text(x + 5, y + step * 0.65, label, size=10, fill=FAINT))
    return "".join(parts)


def _share(_chart: Share, rows: Rows, box: Box) -> str:
    whole = sum(value for _, value in rows)
    colors = [_COLORS[n % 10] for n in range(len(rows))]
    names = [f"{name}  {value / whole:.0%}" for name, value in rows]
    legend_width = min(230, box.width * 0.55)
    radius = min(box.height, box.width - legend_width) / 2 - 4
    x, y, angle = box.x + radius + 4, box.y + box.height / 2, -pi / 2
    parts = [
        _legend(names, colors, Box(box.right - legend_width, box.y + 4, legend_width, box.height))
    ]
    for (_, value), color in zip(rows, colors, strict=True):
        to = angle + 2 * pi * value / whole * 0.9999
        parts.append(_slice(x, y, radius, angle, to, color))
        angle = to
    return "".join(parts)


def _slice(x: float, y: float, radius: float, start: float, end: float, color: str) -> str:
    inner, is_large = radius * 0.6, int(end - start > pi)
    a, b, c, d = (
        f"{x + r * cos(at):.1f} {y + r * sin(at):.1f}"
        for r, at in ((radius, start), (radius, end), (inner, end), (inner, start))
    )
    out, back = (f"A{r:.1f} {r:.1f} 0 {is_large}" for r in (radius, inner))
    return tag("path", d=f"M{a} {out} 1 {b} L{c} {back} 0 {d} Z", fill=color, stroke="#fff")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], box: Box) -> str:
    """Columns as wide as what they hold, as many rows as fit."""
    fits = max(int(box.height / _LINE_HEIGHT) - 1, 1)
    rows = rows[:fits]
    longest = [max([len(h), *(len(r[n]) for r in rows)]) + 2 for n, h in enumerate(headings)]
    share = box.width / sum(min(one, 34) for one in longest)
    parts, x = [], box.x
    for n, heading in enumerate(headings):
        width = share * min(longest[n], 34)
        parts.append(text(x, box.y + 11, heading, size=11, font_weight=600, room=width - 4))
        for at, row in enumerate(rows, start=1):
            y = box.y + 11 + at * _LINE_HEIGHT
            parts.append(text(x, y, row[n], size=11, room=width - 4))
        x += width
    for at in range(len(rows)):
        y = box.y + 16 + at * _LINE_HEIGHT
        parts.append(path([(box.x, y), (box.right, y)], stroke="#eef1f6", stroke_width=1))
    return "".join(parts)


def _places(column: Column, found: Iterable[object]) -> list[str]:
    """The values along an axis in Kibana's order: as they were asked for, or as they came."""
    asked = [str(row["label"]) for row in column.params.get("filters", ())]
    return asked or list(dict.fromkeys(map(str, found)))


def _heatmap(chart: Heatmap, rows: Rows, box: Box) -> str:
    """Rows are (y, x, value)."""
    down = _places(chart.y, (y for y, _, _ in rows))
    across = _places(chart.x, (x for _, x, _ in rows))
    plot = box.inner(96, 0, 4, 24)
    width, height = plot.width / len(across), plot.height / len(down)
    most = max(value for _, _, value in rows)
    parts = []
    for y, x, value in rows:
        left, above = plot.x + across.index(str(x)) * width, plot.y + down.index(str(y)) * height
        strength = 0.08 + 0.92 * value / most
        cell = Box(left, above, width - 1, height - 1)
        parts.append(rect(cell, "#6092c0", fill_opacity=f"{strength:.2f}"))
    for n, name in enumerate(down):
        y = plot.y + (n + 0.5) * height + 4
        parts.append(text(plot.x - 8, y, name, size=10, fill=FAINT, text_anchor="end", room=88))
    every = max(1, round(60 / width)) if width < 40 else 1
    for n in range(0, len(across), every):
        x = plot.x + (n + 0.5) * width
        room = width * every - 6
        parts.append(
            text(
                x, plot.bottom + 14, across[n], size=10, fill=FAINT, text_anchor="middle", room=room
            )
        )
    return "".join(parts)
