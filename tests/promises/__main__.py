"""Writes `docs/guarantees.md`."""

from tests.promises.page import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
