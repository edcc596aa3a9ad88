"""The pictures of the dashboards show the current dashboards."""

from html import escape
from pathlib import Path

import pytest

from docs.preview.svg import fitted
from shipper.assets.generate.kibana import boards
from shipper.assets.generate.kibana.model import Links, Markdown, Metric
from shipper.catalog import builtin
from shipper.catalog.alerts import alerts

DOCS = Path(__file__).parent.parent.parent / "docs"
BOARDS = boards(builtin())


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_the_picture_of_a_dashboard_has_each_of_its_panels(board):
    drawn = (DOCS / "pictures" / f"{board.id}.svg").read_text(encoding="utf-8")
    for row in board.rows:
        for panel in row.panels:
            if not isinstance(panel.chart, Links | Markdown):
                name = panel.chart.value.label if isinstance(panel.chart, Metric) else panel.title
                assert f">{escape(name)}<" in drawn, f"{name}: run make previews"


def test_the_page_of_the_dashboards_has_every_dashboard_and_alert():
    page = (DOCS / "dashboards.md").read_text(encoding="utf-8")
    for board in BOARDS:
        assert f"(pictures/{board.id}.svg)" in page
    for alert in alerts().values():
        assert alert.description in page


def test_a_text_that_does_not_fit_is_cut_with_a_mark():
    assert fitted("find_customer", 10, 54) == "find_cust…"
    assert fitted("find", 10, 54) == "find"
