"""`python -m shipper.auto`, the same as the command `mcp-shipper auto`."""

import argparse
import sys

from shipper.auto.arguments import add, start
from shipper.errors import ShipperError

_parser = argparse.ArgumentParser(prog="python -m shipper.auto")
add(_parser)
try:
    start(_parser.parse_args())
except ShipperError as error:
    sys.exit(f"mcp-shipper auto: {error}")
