"""Processes that record audit events until they are killed, forked from one that has the imports.

    python -m tests.integration.emitter DIRECTORY JOURNAL

For each line on standard input it forks a process that records one event after another, and prints
the id of that process. After each event its user is appended to the journal: everything in there
was recorded, or stated as lost.
"""

import logging
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import shipper
from tests.real.processes import dies_with_us

#: Segments of some twenty events.
_MAX_BYTES = 20_000
_PAUSE_S = 0.01


def user(process, number):
    return f"emitter-{process}-{number}"


def _record(directory, journal):
    handler = shipper.AuditHandler(directory, max_bytes=_MAX_BYTES)
    logger = logging.getLogger("mcp.audit")
    logger.addHandler(handler)
    file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    number, parent = 0, os.getppid()
    while os.getppid() == parent:
        number += 1
        who = user(os.getpid(), number)
        logger.info(shipper.create_tool_execution_event(tool_name="list", user_id=who))
        counts = handler.counts
        assert counts.recorded + counts.failed + counts.suppressed == number
        os.write(file, f"{who} {counts.failed + counts.suppressed}\n".encode())
        time.sleep(_PAUSE_S)


@contextmanager
def emitters(directory, journal):
    """A function that starts a process and returns its id."""
    command = [sys.executable, "-m", "tests.integration.emitter", str(directory), str(journal)]
    process = subprocess.Popen(
        [*dies_with_us(), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def start():
        process.stdin.write("\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    with process:
        yield start
        process.stdin.close()


def main():
    directory, journal = sys.argv[1:]
    while sys.stdin.readline():
        child = os.fork()
        if not child:
            _record(directory, journal)
            return
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    while True:  # the killed ones
        try:
            os.wait()
        except ChildProcessError:
            break


if __name__ == "__main__":
    main()
