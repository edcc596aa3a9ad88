"""Random histories of files, outputs and crashes: nothing is lost, or committed unsettled."""

import base64
import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shipper.deliver.registry import read_positions
from shipper.errors import ProtocolError, Refused, TooLarge, Unavailable
from shipper.outputs.base import DELIVERED, DUPLICATE, RETRY, Rejected
from tests.deliver.lines import append, config, dead_letters, drained
from tests.fakes import ScriptedOutput


class Killed(BaseException):
    """The process dies here."""


def takes_and_dies(lines):
    raise Killed  # after `Histories._output` has noted the lines as delivered


def retries_every_other(lines):
    return [RETRY if n % 2 else DELIVERED for n in range(len(lines))]


def rejects_the_first(lines):
    return [Rejected("no"), *[DUPLICATE] * (len(lines) - 1)]


def only_single_lines(lines):
    if len(lines) > 1:
        raise TooLarge("413")
    return [DELIVERED]


ANSWERS = {
    "unavailable": Unavailable("down"),
    "refused": Refused("no"),
    "protocol": ProtocolError("what?"),
    "dies before": Killed(),
    "dies after": takes_and_dies,
    "retries": retries_every_other,
    "rejects": rejects_the_first,
    "halves": only_single_lines,
    "takes": lambda lines: [DELIVERED] * len(lines),
}


class Output(ScriptedOutput):
    """Notes what has reached the destination, also when the sender dies of it."""

    def __init__(self, answers):
        super().__init__(*answers)
        self.arrived = []

    def send(self, lines):
        if self.answers and self.answers[0] is takes_and_dies:
            self.arrived += lines
        outcomes = super().send(lines)
        good = [o is DELIVERED or o is DUPLICATE for o in outcomes]
        self.arrived += [line for line, ok in zip(lines, good, strict=True) if ok]
        return outcomes


class Histories(RuleBasedStateMachine):
    @initialize(max_lines=st.integers(1, 5), max_line_bytes=st.sampled_from([60, 1 << 20]))
    def begin(self, max_lines, max_line_bytes):
        self.home = Path(tempfile.mkdtemp())
        self.path = self.home / "logs" / "a.log"
        self.path.parent.mkdir()
        self.path.touch()
        limits = {"max_lines": max_lines, "max_line_bytes": max_line_bytes}
        self.settings = config(self.home, **limits)
        self.written = []  # (life of the file, line), in order
        self.arrived = []
        self.half = b""
        self.life = self.rotations = 0
        self.is_ordered = True

    def teardown(self):
        if hasattr(self, "home"):
            self.run([])
            assert self.missing() == set()
            self.check_order()
            assert set(self.arrived) <= {line for _, line in self.written}
            shutil.rmtree(self.home)

    @rule(sizes=st.lists(st.integers(0, 80), min_size=1, max_size=12), is_ended=st.booleans())
    def write(self, sizes, is_ended):
        for size in sizes:
            self.write_line(b'{"n":%d,"p":"%b"}' % (len(self.written), b"x" * size))
        if not is_ended:
            os.truncate(self.path, self.path.stat().st_size - 1)
            self.half = b"\n"

    @rule(kind=st.sampled_from([b"bad %d", b"[%d]", b"\xff%d", b'{"n":%d']))
    def write_bad(self, kind):
        self.write_line(kind % len(self.written))

    @rule()
    def write_blank(self):
        append(self.path, self.half + b" \r\n\n")
        self.half = b""

    @precondition(lambda self: not self.half)
    @rule(cut=st.integers(1, 12))
    def write_half(self, cut):
        line = b'{"n":%d,"h":1}' % len(self.written)
        append(self.path, line[:cut])
        self.half = line[cut:] + b"\n"
        self.written.append((self.life, line))

    def write_line(self, line):
        append(self.path, self.half + line + b"\n")
        self.half = b""
        self.written.append((self.life, line))

    @rule()
    def rotate(self):
        self.finish()
        self.rotations += 1
        self.path.rename(self.path.with_name(f"a.log.{self.rotations}"))
        self.path.touch()
        self.life += 1

    @rule()
    def truncate(self):
        """As an application that starts anew: what was not read before is lost by nature."""
        self.finish()
        self.run([])
        os.truncate(self.path, 0)
        self.life += 1

    @rule(names=st.lists(st.sampled_from(sorted(ANSWERS)), max_size=6))
    def ship(self, names):
        self.run([ANSWERS[name] for name in names])
        self.is_ordered &= not {"retries", "rejects"} & set(names)

    @rule(cut=st.integers(1, 60))
    def tear(self, cut):
        """The power fails in the last write of the journal."""
        path = self.settings.registry_path
        if not path.exists():
            return
        data = path.read_bytes()
        last = len(data) - data.rstrip(b"\n").rfind(b"\n") - 1
        if data.count(b"\n") > 2:
            os.truncate(path, len(data) - min(cut, last - 1))

    @invariant()
    def nothing_is_committed_that_is_not_settled(self):
        if not hasattr(self, "home"):
            return
        inodes = {path.stat().st_ino: path for path in self.path.parent.iterdir()}
        settled = set(self.arrived) | self.buried()
        for position in read_positions(self.settings.registry_path):
            data = inodes[position.inode].read_bytes()
            head = sha256(data[: position.head_length]).hexdigest()
            if len(data) >= position.offset and head == position.head_sha256:
                lines = {line.strip(b" \r") for line in data[: position.offset].split(b"\n")}
                assert {line for line in lines if line} <= settled

    def run(self, answers):
        output = Output(answers)
        try:
            drained(self.settings, output, sleep=lambda delay_s: None)
        except Killed:
            pass
        finally:
            self.arrived += output.arrived

    def finish(self):
        append(self.path, self.half)
        self.half = b""

    def missing(self):
        """Whole lines that are neither delivered nor in the dead letters."""
        whole = [line for _, line in self.written]
        if self.half not in (b"", b"\n"):
            whole.pop()
        elif self.half and (self.is_over_long(whole[-1]) or not whole[-1].endswith(b"}")):
            whole.pop()  # a bad line whose newline is still to come
        return set(whole) - set(self.arrived) - self.buried()

    def is_over_long(self, line):
        return len(line) > self.settings.max_line_bytes

    def buried(self):
        return {
            one["line"].encode() if "line" in one else base64.b64decode(one["line_base64"])
            for one in dead_letters(self.settings)
        }

    def check_order(self):
        """First arrivals of the lines of each file are in the order of the file."""
        if not self.is_ordered:
            return
        first = {}
        for index, line in enumerate(self.arrived):
            first.setdefault(line, index)
        for life in range(self.life + 1):
            order = [first[line] for at, line in self.written if at == life and line in first]
            assert order == sorted(order)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=80, stateful_step_count=25)
