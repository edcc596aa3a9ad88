"""The segment in README and docs/evidence.md; `python -m tests.evidence.example` renews it."""

import os
import re
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import shipper

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "evidence.md")
_LINES = re.compile(r"(?<=```json\n)\{\"@timestamp.*?(?=```)", re.DOTALL)
_DIGITS = re.compile(r"Its hashes are `\w+…`, `\w+…` and `\w+…`")


def recorded():
    """The lines of a segment with one tool call."""
    here = os.uname()
    host = os.uname_result((here.sysname, "orders-7f3a", here.release, here.version, here.machine))
    with tempfile.TemporaryDirectory() as folder, patch("os.uname", lambda: host):
        handler = shipper.AuditHandler(folder)
        event = shipper.create_tool_execution_event(
            "bob", "query_db", {"limit": 10}, "3 rows", duration_ms=12.5
        )
        handler.record(event, time.time())
        handler.close()
        [path] = Path(folder).glob("*.jsonl")
        return path.read_text(encoding="utf-8").splitlines()


def shown(page):
    """The lines in the page."""
    return _LINES.search(page.read_text(encoding="utf-8"))[0].splitlines()


def _renew():
    lines = recorded()
    first, second, third = (line[-67:-59] for line in lines)
    hashes = f"Its hashes are `{first}…`, `{second}…` and `{third}…`"
    for page, part in zip(PAGES, ([lines[1]], lines), strict=True):
        text = page.read_text(encoding="utf-8")
        text = _LINES.sub(lambda _, part=part: "\n".join(part) + "\n", text, count=1)
        page.write_text(_DIGITS.sub(hashes, text), encoding="utf-8")


if __name__ == "__main__":
    _renew()
