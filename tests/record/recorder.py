"""A logger with a handler of its own, and what it wrote."""

import itertools
import json
import logging
from pathlib import Path

from shipper import AuditHandler
from shipper.record.format import CONTROL_EVENTS, canonical, first_break, streams_in

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
        """Log it, and return the document that it became."""
        self.logger.info(event)
        return document_of(lines(self.directory)[-1])

    def close(self):
        self.handler.close()
        self.logger.removeHandler(self.handler)

    def events(self):
        """The documents that were logged: all except the control events."""
        control = {event.action for event in CONTROL_EVENTS}
        return [d for d in documents(self.directory) if d["event"]["action"] not in control]


def segments(directory):
    """The segment files, each stream's in order; none where there is no directory."""
    if not Path(directory).exists():
        return []
    return [path for files in streams_in(Path(directory)).values() for path in files]


def lines(directory):
    return [line for path in segments(directory) for line in lines_of(path)]


def lines_of(path):
    """The lines of a file; all must be complete."""
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n"), f"half a line in {path}: {data[-200:]!r}"
    return data.splitlines()


def document_of(line):
    """The line decoded; from the document the same line can be made again."""
    document = json.loads(line)
    assert canonical(document) == line
    return document


def documents(directory):
    return [document_of(line) for line in lines(directory)]


def streams(directory):
    """The lines of each stream, in the order of its segments."""
    found = streams_in(Path(directory)).items()
    return {stream: [line for path in files for line in lines_of(path)] for stream, files in found}


def assert_whole(stream):
    """No gap in the sequence, each line sealed to the one before and canonical."""
    assert first_break(stream) is None
    for line in stream:
        document_of(line)
