"""`python -m tests.stacks.served KIND FOLDER HOW`: the shop on standard input and output."""

import sys
from pathlib import Path

from tests.stacks import shop
from tests.stacks.visit import audited

if __name__ == "__main__":
    kind, folder, how = sys.argv[1:]
    shop.run_stdio(audited(shop.KINDS[kind](guarded=False), Path(folder), how))
