"""A logger with a handler of its own, and what it wrote."""

import itertools
import json
import logging
from pathlib import Path

from shipper import AuditHandler
from shipper.record.seal import GENESIS, follows, unseal

_numbers = itertools.count()


class Recorder:
    """Logs through a real logger and reads the files back."""

    def __init__(self, directory, **settings):
        self.directory = Path(directory)
        self.handler = AuditHandler(directory, **{"audit_level": "enterprise", **settings})
        self.logger = logging.getLogger(f"test.recorder.{next(_numbers)}")
        self.logger.setLevel(logging.DEBUG)
        self.logger.propagate = False
        self.logger.addHandler(self.handler)

    def log(self, event):
        """Log it, and give the document that it became."""
        self.logger.info(event)
        return json.loads(lines(self.directory)[-1])

    def close(self):
        self.handler.close()
        self.logger.removeHandler(self.handler)

    def events(self):
        """The documents that were logged: without those the record adds of its own."""
        own = {"audit-segment-start", "audit-segment-end"}
        return [d for d in documents(self.directory) if d["event"]["action"] not in own]


def segments(directory):
    """The segment files, each stream's in order."""
    return sorted(Path(directory).glob("*.jsonl"))


def lines(directory):
    return [line for path in segments(directory) for line in lines_of(path)]


def lines_of(path):
    """The whole lines of a file; there must be nothing else in it."""
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n"), f"half a line in {path}: {data[-200:]!r}"
    return data.splitlines()


def documents(directory):
    return [json.loads(line) for line in lines(directory)]


def streams(directory):
    """The lines of each stream, in the order of its segments."""
    found = {}
    for path in segments(directory):
        found.setdefault(path.name.rpartition("-")[0], []).extend(lines_of(path))
    return found


def assert_whole(stream):
    """No gap in the sequence, and each line sealed to the one before."""
    assert [json.loads(line)["event"]["sequence"] for line in stream] == [
        *range(1, len(stream) + 1)
    ]
    head = GENESIS
    for line in stream:
        assert follows(line, head), line
        head = unseal(line)[1]
