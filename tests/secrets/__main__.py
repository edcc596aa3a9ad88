"""`python -m tests.secrets` writes the page; `… peers` first runs the other tools again.

`… failures` prints the cases that fail on the record line, with what is written of them.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.secrets import peers
from tests.secrets.faces import by_handler
from tests.secrets.measure import all_cases, failures
from tests.secrets.page import PAGE, page


def _print_failures():
    with TemporaryDirectory() as folder:
        for case, written in failures(by_handler(all_cases(), Path(folder))):
            sys.stdout.write(f"{case.id}: {case.payload!r} -> {written!r}\n")


if "failures" in sys.argv:
    _print_failures()
else:
    if "peers" in sys.argv:
        peers.main()
    PAGE.write_text(page(), encoding="utf-8")
