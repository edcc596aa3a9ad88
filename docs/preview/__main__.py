"""Draw each dashboard over the sample's month: `python -m docs.preview`.

Our own renderer, of the same model that Kibana's files are made of, with the answers of a real
Elasticsearch. It shows what is where and what it says; Kibana's own looks differ.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from docs.preview.charts import draw, table
from docs.preview.data import Month, month
from docs.preview.svg import FAINT, PAPER, RULE, Box, page, rect, text
from shipper.assets.generate.kibana import boards
from shipper.assets.generate.kibana.dashboards import CONTROLS, placed
from shipper.assets.generate.kibana.model import Dashboard, Links, Markdown, Panel, Saved
from shipper.assets.generate.kibana.searches import SEARCHES
from shipper.catalog import builtin

_PICTURES = Path(__file__).parent.parent / "pictures"
#: Kibana's grid: 48 columns, rows of 20 pixels.
_COLUMN, _ROW, _HEAD = 30, 20, 104
_SEARCHES = {row.id: row for row in SEARCHES}


def main() -> None:
    catalog = builtin()
    _PICTURES.mkdir(exist_ok=True)
    with month(catalog) as data:
        for board in boards(catalog):
            path = _PICTURES / f"{board.id}.svg"
            path.write_text(_picture(board, data), encoding="utf-8")
            print(path)


def _picture(board: Dashboard, data: Month) -> str:
    boxes = [(panel, _box(**box)) for panel, box in placed(board)]
    width, height = 48 * _COLUMN, max(box.bottom for _, box in boxes) + 10
    drawn = [*_heading(board, width)]
    for panel, box in boxes:
        drawn.append(rect(box, PAPER, stroke=RULE, rx=4))
        drawn.append(_panel(board, panel, box, data))
    return page(width, height, drawn, f"Preview of {board.title}")


def _box(x: int, y: int, w: int, h: int) -> Box:
    return Box(x * _COLUMN + 4, y * _ROW + _HEAD + 4, w * _COLUMN - 8, h * _ROW - 8)


def _heading(board: Dashboard, width: float) -> Iterator[str]:
    yield text(12, 30, board.title, size=20, font_weight=700)
    what = f"{board.description} Sample data, last {board.window}. A preview, not Kibana."
    yield text(12, 50, what, size=12, fill=FAINT)
    share = (width - 16) / len(CONTROLS)
    for n, title in enumerate(CONTROLS.values()):
        box = Box(12 + n * share, 64, share - 8, 32)
        yield rect(box, PAPER, stroke=RULE, rx=4)
        yield text(box.x + 10, box.y + 21, title, size=12, font_weight=600)
        yield text(box.right - 10, box.y + 21, "Any", size=12, fill=FAINT, text_anchor="end")


def _panel(board: Dashboard, panel: Panel, box: Box, data: Month) -> str:
    inside = box.inner(12, 34, 12, 10)
    match panel.chart:
        case Links(boards):
            names = "   |   ".join(title for _, title in boards)
            return text(box.x + 12, box.y + 26, names, room=box.width - 24)
        case Markdown(markdown):
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)|\*\*(.*?)\*\*", r"\1\2", markdown)
            lines = [line for line in plain.splitlines() if line]
            return "".join(
                text(box.x + 12, box.y + 26 + 22 * n, line, room=box.width - 24)
                for n, line in enumerate(lines)
            )
        case Saved(name):
            search = _SEARCHES[name]
            rows = data.documents(search, board.window, 20)
            words = [
                [str(value if value is not None else "-")[:24] for value in row] for row in rows
            ]
            body = table(["@timestamp", *search.columns], words, inside)
        case chart:
            body = draw(chart, data.rows(panel, board.window, board.view), inside)
    return _title(panel, box) + body


def _title(panel: Panel, box: Box) -> str:
    return text(box.x + 12, box.y + 20, panel.title, size=13, font_weight=600, room=box.width - 24)


if __name__ == "__main__":
    main()
