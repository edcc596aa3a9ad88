"""Runs the demo's MCP server and client again and again, to have events to ship."""

import os
import time
from pathlib import Path

import anyio

from shipper.demo.client import play

AUDIT = Path(os.environ.get("AUDIT_DIRECTORY", "/var/log/mcp"))
PAUSE_S = float(os.environ.get("PAUSE_S", "10"))

while True:
    anyio.run(play, AUDIT)
    print(f"calls made, audit lines in {AUDIT}; again in {PAUSE_S:g} s", flush=True)
    time.sleep(PAUSE_S)
