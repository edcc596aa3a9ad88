"""Random histories of files, outputs and crashes: nothing is lost, or committed unsettled.

Ten thousand of them, in about ten minutes:
    pytest tests/deliver/test_histories.py --hypothesis-profile=long --timeout=0
"""

import base64
import gzip
import os
import shutil
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shipper import AuditHandler, create_compliance_event
from shipper.deliver.accounting import account_now
from shipper.deliver.pipeline import Pipeline
from shipper.errors import ProtocolError, Refused, TooLarge, Unavailable
from shipper.follow import sources
from shipper.follow.mark import HEAD_BYTES, fingerprint
from shipper.follow.registry import read_positions
from shipper.outputs.base import DELIVERED, DUPLICATE, RETRY, Failed, Held, Rejected
from tests.deliver.lines import append, config, dead_letters, in_passes
from tests.fakes import Killed, ScriptedOutput


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


def holds_every_other(lines):
    return [Held("no") if n % 2 else DELIVERED for n in range(len(lines))]


ANSWERS = {
    "holds": lambda lines: [Held("no")] * len(lines),
    "holds some": holds_every_other,
    "fails": lambda lines: [Failed("500 x: y")] * len(lines),
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
    """Records the lines that reach the destination, even if the send then kills the sender."""

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


#: A part of a batch arrives; who dies before it is settled sends that part again.
PARTIAL = {"retries", "halves"}
#: Later lines of a file may arrive first.
REORDERING = {"retries", "rejects", "holds some", "fails"}

names = st.sampled_from(["a", "b"])
answers = st.lists(st.sampled_from(sorted(ANSWERS)), max_size=6)


class Log:
    """A file of an application, and all lines written to it through all rotations."""

    def __init__(self, path):
        self.path = path
        self.lives = [[]]
        #: What ends the last line.
        self.half = b""
        self.rotations = 0
        path.touch()

    @property
    def written(self):
        return [line for life in self.lives for line in life]

    def write(self, line):
        append(self.path, self.half + line + b"\n")
        self.half = b""
        self.lives[-1].append(line)

    def finish(self):
        append(self.path, self.half)
        self.half = b""

    def cut(self):
        os.truncate(self.path, 0)
        self.lives.append([])

    def next_name(self):
        self.rotations += 1
        return self.path.with_name(f"{self.path.name}.{self.rotations}")


class Histories(RuleBasedStateMachine):
    @initialize(max_lines=st.integers(1, 5), max_line_bytes=st.sampled_from([60, 1 << 20]))
    def begin(self, max_lines, max_line_bytes):
        sources._HOLD_S = 0.0
        self.home = Path(tempfile.mkdtemp())
        folder = self.home / "logs"
        folder.mkdir()
        self.logs = {name: Log(folder / f"{name}.log") for name in "ab"}
        patterns = (str(folder / "*.log*"), str(folder / "*.jsonl"), str(folder / "*/*.log"))
        limits = {"max_lines": max_lines, "max_line_bytes": max_line_bytes}
        self.settings = config(self.home, *patterns, **limits)
        self.recorder = None
        #: The lives of files without names, and who still writes to them.
        self.writers = []
        #: The lines of each of several files that are equal.
        self.twins = []
        self.arrived = []
        self.count = 0
        self.passes = self.output = None
        self.is_ordered = self.is_exact = True
        #: Whether a commit that had returned was undone; its file may be gone.
        self.is_torn = False

    def teardown(self):
        if hasattr(self, "home"):
            self.ship_all()
            self.stop()
            self.forget_writers()
            self.check_twins()
            assert self.missing() == set()
            self.check_account()
            self.check_order()
            self.check_segments()
            assert set(self.arrived) <= {*self.written, *self.segment_lines()}
            if self.is_exact:
                assert len(self.arrived) == len(set(self.arrived))
            shutil.rmtree(self.home)

    # --- actions of the applications

    @rule(name=names, sizes=st.lists(st.integers(0, 80), min_size=1, max_size=12))
    def write(self, name, sizes):
        for size in sizes:
            self.logs[name].write(self.new_line(b"x" * size))

    @rule(name=names)
    def write_much(self, name):
        """More than a fingerprint covers."""
        self.write(name, [400] * 4)

    @rule(name=names)
    def write_without_newline(self, name):
        self.write(name, [3])
        log = self.logs[name]
        os.truncate(log.path, log.path.stat().st_size - 1)
        log.half = b"\n"

    @rule(name=names, kind=st.sampled_from([b"bad %d", b"[%d]", b"\xff%d", b'{"n":%d']))
    def write_bad(self, name, kind):
        self.count += 1
        self.logs[name].write(kind % self.count)

    @rule(name=names)
    def write_blank(self, name):
        log = self.logs[name]
        append(log.path, log.half + b" \r\n\n")
        log.half = b""

    @rule(name=names, cut=st.integers(1, 12))
    def write_half(self, name, cut):
        log, line = self.logs[name], self.new_line(b"half")
        append(log.path, log.half + line[:cut])
        log.half = line[cut:] + b"\n"
        log.lives[-1].append(line)

    def new_line(self, pad):
        self.count += 1
        return b'{"n":%d,"p":"%b"}' % (self.count, pad)

    @rule(events=st.integers(1, 4))
    def record(self, events):
        """Audit events, in segments so small that there are many."""
        if self.recorder is None:
            self.recorder = AuditHandler(self.home / "logs", max_bytes=2500)
        for _ in range(events):
            self.recorder.record_self_audit(create_compliance_event("thing"))

    @precondition(lambda self: self.recorder)
    @rule()
    def end_stream(self):
        self.recorder.close()
        self.recorder = None

    # --- actions on the files

    @rule(name=names, is_deleted=st.booleans())
    def leave(self, name, is_deleted):
        """The file gets a name that no pattern matches, or none; its program goes on writing."""
        log = self.logs[name]
        log.finish()
        self.ship_all()
        writer = os.open(log.path, os.O_WRONLY | os.O_APPEND)
        if is_deleted:
            log.path.unlink()
        else:
            log.path.rename(self.home / f"{name}.{len(log.lives)}")
        self.writers.append((log.lives[-1], writer))
        log.path.touch()
        log.lives.append([])

    @precondition(lambda self: self.writers)
    @rule(which=st.integers(0, 9), sizes=st.lists(st.integers(0, 400), min_size=1, max_size=4))
    def write_late(self, which, sizes):
        """Only the running shipper can read these lines, so they are read before it dies."""
        life, writer = self.writers[which % len(self.writers)]
        lines = [self.new_line(b"x" * size) for size in sizes]
        os.write(writer, b"".join(line + b"\n" for line in lines))
        life += lines
        self.ship_all()

    def forget_writers(self):
        for _, writer in self.writers:
            os.close(writer)
        self.writers.clear()

    @rule(name=names, sizes=st.lists(st.integers(0, 400), max_size=4), is_late=st.booleans())
    def replace(self, name, sizes, is_late):
        """A longer copy of the file takes its place, at once or some time after it is gone."""
        log = self.logs[name]
        log.finish()
        self.ship_all()
        data = log.path.read_bytes()
        if is_late:
            log.path.unlink()
            if self.passes and data:
                self.ship_all()
        for size in sizes:
            log.lives[-1].append(self.new_line(b"x" * size))
            data += log.lives[-1][-1] + b"\n"
        (self.home / "copy").write_bytes(data)
        (self.home / "copy").rename(log.path)
        # Seen within one scan: the position of a deleted file does not outlive the shipper, and a
        # copy of the new file is not known before that file is.
        if is_late or self.passes:
            self.ship_all()

    @rule(name=names, sizes=st.lists(st.integers(0, 80), min_size=1, max_size=3))
    def copytruncate_with_hole(self, name, sizes):
        """The program does not append, and writes on where it was."""
        log = self.logs[name]
        log.finish()
        size = log.path.stat().st_size
        log.next_name().write_bytes(log.path.read_bytes())
        log.cut()
        os.truncate(log.path, size)
        for one in sizes:
            log.write(self.new_line(b"x" * one))

    @precondition(lambda self: hasattr(self, "home") and len(self.twins) < 3)
    @rule(size=st.sampled_from([3, 400]))
    def twin(self, size):
        """Two services write the same into folders of their own."""
        folder = self.home / "logs" / str(len(self.twins))
        folder.mkdir()
        data = b"".join(b'{"twin":%d,"p":"%b"}\n' % (n, b"x" * size) for n in range(4))
        (folder / "app.log").write_bytes(data)
        self.twins.append(data.splitlines())

    @rule(name=names)
    def rotate(self, name):
        log = self.logs[name]
        log.finish()
        log.path.rename(log.next_name())
        log.path.touch()
        log.lives.append([])

    @rule(name=names, meanwhile=st.lists(st.integers(0, 100), max_size=2), after=st.booleans())
    def copytruncate(self, name, meanwhile, after):
        """The copy may be seen while it is made, and before and after the original is cut."""
        log = self.logs[name]
        log.finish()
        data = log.path.read_bytes()
        copy = log.next_name()
        copy.touch()
        for percent in (*sorted(meanwhile), 100):
            copy.write_bytes(data[: len(data) * percent // 100])
            if meanwhile:
                self.ship([])
        log.cut()
        if after:
            self.ship([])

    @precondition(lambda self: self.rotated())
    @rule(
        which=st.integers(0, 9),
        meanwhile=st.lists(st.integers(0, 100), max_size=2),
        is_kept=st.booleans(),
        is_renamed=st.booleans(),
    )
    def compress(self, which, meanwhile, is_kept, is_renamed):
        """As gzip does, and logrotate; the archive may be seen while it is written."""
        rotated = self.rotated()
        path = rotated[which % len(rotated)]
        archive = path.with_name(f"{path.name}.gz")
        packed = gzip.compress(path.read_bytes())
        for percent in (*sorted(meanwhile), 100):
            archive.write_bytes(packed[: len(packed) * percent // 100])
            if percent < 100 or is_kept:
                self.ship([])
        path.unlink()
        later = path.with_name(f"{path.stem}.{int(path.suffix[1:]) + 1}.gz")
        if is_renamed and not later.exists():
            archive.rename(later)

    def rotated(self):
        paths = (self.home / "logs").glob("*.log.*") if hasattr(self, "home") else ()
        files = [path for path in paths if path.suffix != ".gz"]
        return sorted(path for path in files if not path.with_name(f"{path.name}.gz").exists())

    @rule(name=names)
    def truncate(self, name):
        """As an application that starts again; lines not read before are necessarily lost."""
        self.logs[name].finish()
        self.ship_all()
        self.logs[name].cut()

    @rule(name=names, is_made_anew=st.booleans())
    def delete(self, name, is_made_anew):
        log = self.logs[name]
        log.finish()
        self.ship_all()
        log.path.unlink()
        if not is_made_anew:
            self.ship([])
        log.path.touch()
        log.lives.append([])

    # --- events of the shipper

    @rule(names=answers)
    def ship(self, names):
        if self.passes is None:
            self.output = Output(())
            pipeline = Pipeline(self.settings, self.output, sleep=lambda delay_s: None)
            self.passes = in_passes(pipeline)
        self.output.answers.extend(ANSWERS[name] for name in names)
        self.is_ordered &= REORDERING.isdisjoint(names)
        self.is_exact &= {"dies after", "holds some"}.isdisjoint(names)
        # Without ids, what arrived of a batch that is read again arrives twice.
        is_read_again = not {"dies before", "holds", "fails"}.isdisjoint(names)
        self.is_exact &= not (is_read_again and not PARTIAL.isdisjoint(names))
        with suppress(Killed):
            next(self.passes)
            self.output.answers.clear()
            self.note()
            return
        self.note()
        self.passes = None
        self.forget_writers()

    @rule()
    def stop(self):
        self.forget_writers()
        if self.passes:
            self.passes.close()
            self.passes = None

    @rule(cut=st.integers(1, 60))
    def tear(self, cut):
        """The power fails in the last write of the journal."""
        self.stop()
        path = self.settings.registry_path
        if not path.exists():
            return
        data = path.read_bytes()
        last = len(data) - data.rstrip(b"\n").rfind(b"\n") - 1
        if data.count(b"\n") > 2:
            os.truncate(path, len(data) - min(cut, last - 1))
            self.is_torn = True
            self.is_exact = False

    # --- invariants

    @invariant()
    def nothing_is_committed_that_is_not_settled(self):
        if not hasattr(self, "home"):
            return
        files = (one for one in (self.home / "logs").iterdir() if one.is_file())
        inodes = {one.stat().st_ino: one for one in files}
        settled = set(self.arrived) | self.buried()
        for position in read_positions(self.settings.registry_path):
            if position.inode not in inodes:
                continue
            path = inodes[position.inode]
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            head = fingerprint(data[: min(HEAD_BYTES, position.offset)])
            if len(data) >= position.offset and head == position.head:
                lines = {line.strip(b"\0 \r") for line in data[: position.offset].split(b"\n")}
                assert {line for line in lines if line} <= settled

    @invariant()
    def each_settled_line_is_explained(self):
        if hasattr(self, "home"):
            assert account_now(self.settings.inputs, self.settings.registry_path).unexplained == 0

    def check_account(self):
        """Each line counts once, whatever crashed; only a blank one counts as joined."""
        account = account_now(self.settings.inputs, self.settings.registry_path)
        if not self.is_torn:
            twins = sum(map(len, self.twins))
            others = {line for line in self.complete() if not line.startswith(b'{"twin"')}
            assert account.delivered + account.dead_letters == len(others) + twins

    def ship_all(self):
        """Twice: the first pass may find out something about a file that releases another."""
        self.ship([])
        self.ship([])

    def note(self):
        self.arrived += self.output.arrived
        self.output.arrived = []

    @property
    def written(self):
        return [line for log in self.logs.values() for line in log.written]

    def segment_files(self):
        return sorted((self.home / "logs").glob("*.jsonl"))

    def segment_lines(self):
        return [line for one in self.segment_files() for line in one.read_bytes().splitlines()]

    def missing(self):
        """Complete lines that are neither delivered nor dead letters."""
        return self.complete() - set(self.arrived) - self.buried()

    def complete(self):
        """The lines that must be settled."""
        whole = set(self.segment_lines())
        for log in self.logs.values():
            whole.update(log.written)
            if log.half not in (b"", b"\n"):
                whole.discard(log.written[-1])
            elif log.half and (
                self.is_over_long(log.written[-1]) or not log.written[-1].endswith(b"}")
            ):
                whole.discard(log.written[-1])  # a bad line whose newline is not written yet
        return whole

    def is_over_long(self, line):
        return len(line) > self.settings.max_line_bytes

    def buried(self):
        """The lines among the dead letters; an over-long one is there by its digest."""
        found = dead_letters(self.settings)
        complete = {
            one["line"].encode() if "line" in one else base64.b64decode(one["line_base64"])
            for one in found
        }
        digests = {one.get("sha256") for one in found}
        every = {
            *self.segment_lines(),
            *(line for log in self.logs.values() for line in log.written),
        }
        return complete | {line for line in every if sha256(line).hexdigest() in digests}

    def firsts(self):
        """When each line arrived first."""
        first = {}
        for index, line in enumerate(self.arrived):
            first.setdefault(line, index)
        return first

    def check_twins(self):
        """Each line of each twin; then they are put aside, because they are no doubles."""
        for line in {line for lines in self.twins for line in lines}:
            count = sum(line in lines for lines in self.twins)
            if line in self.buried():
                continue
            assert self.arrived.count(line) >= count
            if self.is_exact:
                assert self.arrived.count(line) == count
        every = {line for lines in self.twins for line in lines}
        self.arrived = [line for line in self.arrived if line not in every]

    def check_order(self):
        """First arrivals of the lines of each file are in the order of the file."""
        first = self.firsts()
        lives = [life for log in self.logs.values() for life in log.lives]
        for life in lives if self.is_ordered else ():
            order = [first[line] for line in life if line in first]
            assert order == sorted(order)

    def check_segments(self):
        """A segment begins to arrive when all before it in its stream has arrived."""
        first, last = self.firsts(), {}
        for path in self.segment_files():
            stream = path.name.rpartition("-")[0]
            places = [first[line] for line in path.read_bytes().splitlines() if line in first]
            if places:
                assert min(places) > last.get(stream, -1)
                last[stream] = max(places)


TestHistories = Histories.TestCase
TestHistories.settings = settings(stateful_step_count=25)
