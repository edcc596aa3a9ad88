"""Copies the results in `bench/out` into docs/performance.md and draws its pictures.

python -m bench.publish
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bench.report import OUT

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "performance.md"
_TABLE = re.compile(r"(<!-- bench: ([\w-]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)

_WIDTH, _ROW, _LEFT, _RIGHT, _TOP = 720, 26, 150, 90, 40
#: Readable on white and on black.
_OURS, _THEIRS, _INK = "#0a7c86", "#8a94a0", "#6b7480"
_PLOT_HEIGHT = 180
_TIMES = "\N{MULTIPLICATION SIGN}"


def main() -> None:
    (OUT / "bars.md").write_text(_summary())
    PAGE.write_text(_TABLE.sub(_filled, PAGE.read_text()))
    for name in ("lumberjack-3", "lumberjack-0", "bulk-0", "bulk-1"):
        if found := _found(name):
            rates = {who: row["events per CPU-second"] for who, row in found["figures"].items()}
            title = f"{found['title']}: events per CPU-second"
            (DOCS / "pictures" / f"bench-{name}.svg").write_text(bars(title, rates))
    if found := _found("backlog"):
        longest = list(found["rounds"].values())[-1]
        picture = curve("MiB resident while 100,000,000 lines are shipped", longest)
        (DOCS / "pictures" / "bench-backlog.svg").write_text(picture)


def _bars() -> Iterator[tuple[str, str, str, bool]]:
    """What is measured, its target, the result, and whether the target is met."""

    def figure(report: str, row: str, column: str) -> float:
        found = _found(report)
        if found is None:
            raise SystemExit(f"python -m bench {report.partition('-')[0]} comes first")
        return float(found["figures"][row][column])

    def ratio(report: str, peer: str, bar: float) -> tuple[str, str, bool]:
        value = figure(report, peer, "ours / it")
        return f"≥ {bar:g} {_TIMES}", f"{value:.2f} {_TIMES}", value >= bar

    for level, what in ((3, "compression 3"), (0, "no compression")):
        peer = f"lumberjack-{level}"
        yield f"Lumberjack, {what}, against decoding", *ratio(peer, "decoding loop", 10)
    yield "Lumberjack, compression 3, against the raw loop", *ratio("lumberjack-3", "raw loop", 1.5)
    for level, what in ((0, "no compression"), (1, "gzip")):
        yield (
            f"bulk, {what}, against `streaming_bulk`",
            *ratio(f"bulk-{level}", "streaming_bulk", 10),
        )
    yield "bulk, no compression, against rsyslog", *ratio("bulk-0", "rsyslog", 1)
    reports = ("lumberjack-3", "lumberjack-0", "bulk-0", "bulk-1")
    mib = max(figure(one, "mcp-shipper", "MiB") for one in reports)
    yield "resident memory under that load", "≤ 45 MiB", f"{mib:.0f} MiB", mib <= 45
    mib = figure("backlog", "100,000,000 lines", "MiB at most")
    yield "the same over 100 M lines", "≤ 45 MiB", f"{mib:.0f} MiB", mib <= 45
    for name, what, column, most in (
        ("start", "start → first acknowledged event, median", "p50", 250),
        ("idle", "line written → acknowledged, idle, p99", "p99", 20),
    ):
        found = _found(name)
        (row,) = found["figures"] if found else ("",)
        value = figure(name, row, column)
        yield what, f"≤ {most} ms", f"{value:.1f} ms", value <= most
    hundred, thousand, most_files = (
        figure("files", f"{count} files", "CPU-seconds") for count in ("100", "1,000", "10,000")
    )
    growth = ((most_files - thousand) / 9_000) / ((thousand - hundred) / 900)
    yield (
        "CPU for each more file, 1,000 → 10,000 files",
        "linear",
        f"{growth:.2f} {_TIMES}",
        growth < 1.5,
    )
    more = figure("files", "10,000 files", "MiB at most") - figure(
        "files", "1 files", "MiB at most"
    )
    yield "memory, 1 → 10,000 files", "flat", f"+{more:.0f} MiB", more < 5
    shorter, longer = (
        figure("backlog", f"{count} lines", "µs a line") for count in ("1,000,000", "100,000,000")
    )
    growth = longer / shorter
    yield "CPU a line, 1 M → 100 M lines", "linear", f"{growth:.2f} {_TIMES}", growth < 1.1


def _summary() -> str:
    rows = [("what", "bar", "measured", ""), ("---",) * 4]
    rows += [(*row, "met" if met else "**not met**") for *row, met in _bars()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _found(name: str) -> dict[str, Any] | None:
    file = OUT / f"{name}.json"
    found: dict[str, Any] | None = json.loads(file.read_text()) if file.exists() else None
    return found


def _filled(match: re.Match[str]) -> str:
    """The marked place with the latest table; unchanged if there is none."""
    start, name, end = match.groups()
    file = OUT / f"{name}.md"
    return f"{start}{file.read_text()}{end}" if file.exists() else match[0]


def bars(title: str, values: Mapping[str, float]) -> str:
    """A bar for each value; the first is mcp-shipper's."""
    most = max(values.values())
    room = _WIDTH - _LEFT - _RIGHT
    parts = [_text(0, 20, title, "start", weight="bold")]
    for number, (name, value) in enumerate(values.items()):
        y, length = _TOP + number * _ROW, room * value / most
        colour = _THEIRS if number else _OURS
        parts += (
            _text(_LEFT - 8, y + 14, name, "end"),
            f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_ROW - 8}" fill="{colour}"/>',
            _text(_LEFT + length + 6, y + 14, f"{value:,.0f}", "start"),
        )
    return _picture(title, _TOP + len(values) * _ROW, parts)


def curve(title: str, points: Sequence[tuple[float, float]]) -> str:
    """A line over seconds, starting at zero."""
    last, most = points[-1][0], max(value for _, value in points) * 1.3
    room = _WIDTH - _LEFT - _RIGHT
    bottom = _TOP + _PLOT_HEIGHT

    def place(at: float, value: float) -> tuple[float, float]:
        return _LEFT + room * at / last, bottom - _PLOT_HEIGHT * value / most

    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    parts = [
        _text(0, 20, title, "start", weight="bold"),
        *_grid(most, lambda value: place(0, value)[1]),
        f'<polyline points="{path}" fill="none" stroke="{_OURS}" stroke-width="2"/>',
        _text(_LEFT, bottom + 18, "0 s", "start"),
        _text(_LEFT + room, bottom + 18, f"{last:,.0f} s", "end"),
    ]
    return _picture(title, bottom + 26, parts)


def _grid(most: float, height: Any) -> Iterator[str]:
    for value in range(0, int(most), 10):
        y = height(value)
        line = f'x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
        yield f'<line {line} stroke="{_THEIRS}" stroke-width="0.5"/>'
        yield _text(_LEFT - 8, y + 4, f"{value}", "end")


def _text(x: float, y: float, text: str, anchor: str, weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {place} fill="{_INK}">{escape(text)}</text>'


def _picture(title: str, height: float, parts: Sequence[str]) -> str:
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    font = 'font-family="system-ui, sans-serif" font-size="13"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font} role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", *parts, "</svg>", ""])


if __name__ == "__main__":
    main()
