"""One pipeline: followed files, an output, and the positions in the files.

The files are the queue. The next batch is read, and the positions move, only after the previous
batch is settled, so that every line arrives at least once, whatever fails in between.
"""

import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

from msgspec import Struct, structs

from shipper.deliver.accounting import account_of, raw_lines
from shipper.deliver.age import Age
from shipper.deliver.backoff import Backoff
from shipper.deliver.dead_letters import DeadLetters, LossReporter, dead_letters_path
from shipper.deliver.settle import Settled, Settler
from shipper.deliver.stats import State, Stats
from shipper.errors import ShipperError, Stopped, Unavailable, Unreadable
from shipper.follow.batch import BadLine, Batch
from shipper.follow.deletions import Deletions, OwnDeletions
from shipper.follow.discover import patterns
from shipper.follow.following import Following
from shipper.follow.inputs import InputConfig
from shipper.follow.left_out import LeftOut
from shipper.follow.reader import Limits
from shipper.follow.registry import Registry, registry_path
from shipper.follow.verified import Verified
from shipper.follow.watch import Watcher
from shipper.outputs.base import Output

_log = logging.getLogger(__name__)

#: How long `catch_up` waits until incomplete ends of files are due; a live file may grow for ever.
_MAX_END_WAIT_S = 10.0
#: How often `catch_up` scans while more lines may come.
_FEED_SCAN_S = 0.1
#: Files that one line of the log names.
_MAX_NAMED = 5
_TAKES_NOTHING = "it answers, and takes no line"
#: Scans take at most this share of the time, however many files there are.
_SCAN_SHARE = 0.05


class PipelineConfig(Struct, frozen=True, kw_only=True):
    """Which files one pipeline reads, how much at once, and where it keeps its own files."""

    #: The output's name; names the registry and the dead letters.
    name: str
    #: The files to follow.
    inputs: tuple[InputConfig, ...]
    #: The directory of the positions and dead letters (`path.data`).
    data_path: Path
    #: The most lines in a batch: the output's `bulk_max_size`.
    max_lines: int = 2048
    #: About the most bytes in a batch: the memory in use is a small multiple of it.
    max_bytes: int = 1 << 20
    #: A longer line becomes a dead letter of which only the beginning is kept.
    max_line_bytes: int = 10 << 20
    #: How often to scan for new files, and for changes where there is no inotify.
    scan_interval_s: float = 1.0
    #: The most bytes of dead letters; the pipeline waits for room when they are reached.
    dead_letters_max_bytes: int = 100 << 20
    #: The first and the longest wait for an unreachable output (Filebeat's `backoff`).
    backoff_init_s: float = 1.0
    backoff_max_s: float = 60.0
    #: `drain` gives up when the output is away for this long, or answers but takes no line for this
    #: long; that a line is at fault is found out within five minutes (`poison`).
    max_away_s: float = 30.0
    max_stall_s: float = 600.0

    @property
    def registry_path(self) -> Path:
        """The journal of positions."""
        return registry_path(self.data_path, self.name)

    @property
    def dead_letters_path(self) -> Path:
        """The file of the dead letters."""
        return dead_letters_path(self.data_path, self.name)


class Pipeline:
    """Follows files into one output; `run` and `drain` belong to one thread."""

    def __init__(
        self,
        config: PipelineConfig,
        output: Output,
        *,
        loss_reporter: LossReporter | None = None,
        deletions: Deletions | None = None,
        verified: Verified | None = None,
        sleep: Callable[[float], None] | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        """`loss_reporter` is informed of lines that do not arrive.

        `deletions`, shared by all pipelines, deletes files that every output has acknowledged, and
        `verified` gets the chains that they read.
        Tests replace the delays between attempts, and their random part, by `sleep` and `random`.
        """
        self._config = config
        self._output, self._loss_reporter = output, loss_reporter
        self._deletions = OwnDeletions(config.name, deletions)
        self._verified = verified
        self._stop = Event()
        self._pause = sleep or self._wait
        #: Whether it has opened its positions.
        self.has_started = False
        self._is_draining = self._has_given_up = False
        self.stats = Stats()
        self._watcher = Watcher(patterns(config.inputs))
        dead_letters = DeadLetters(
            config.dead_letters_path, output=config.name, max_bytes=config.dead_letters_max_bytes
        )
        self._settler = Settler(
            output,
            dead_letters,
            self.stats,
            name=config.name,
            sleep=self._sleep,
            backoff=Backoff(config.backoff_init_s, config.backoff_max_s, random),
            random=random,
            loss_reporter=loss_reporter,
        )

    @property
    def name(self) -> str:
        """The output's name."""
        return self._config.name

    def run(self) -> None:
        """Deliver existing and new lines until `stop`."""
        with self.started() as delivery:
            self._watcher.start()
            try:
                delivery.run()
            finally:
                self._watcher.close()

    def drain(self, is_over: Callable[[], bool] = lambda: True) -> ShipperError | None:
        """Deliver existing lines, and new ones until `is_over`, then return.

        Returns why not everything was delivered; None if it was. Gives up if the output is away.
        """
        self._is_draining = True
        with self.started() as delivery:
            delivery.catch_up(is_over)
            if self._has_given_up:
                return Unavailable(
                    f"gave up waiting for the output: {self.stats.last_error or _TAKES_NOTHING}"
                )
            if self._stop.is_set():
                return Stopped("stopped before everything was delivered")
            if self.stats.held:
                return Unavailable(
                    f"the output takes no line of {self.stats.held} files: {self.stats.held_reason}"
                )
            if problems := list(delivery.problems):
                return Unreadable(f"not everything could be read: {'; '.join(problems)}")
        return None

    def stop(self) -> None:
        """Make `run` or `drain` return soon; from any thread. Unsettled lines are sent again."""
        self._stop.set()
        self._watcher.wake()

    @contextmanager
    def started(self) -> Iterator["Delivery"]:
        """Lock the positions and start the delivery; closes files and output at the end."""
        config = self._config
        with ExitStack() as stack:
            stack.callback(self._end)
            registry = stack.enter_context(Registry(config.registry_path))
            following = Following(
                config.inputs,
                registry.committed,
                Limits(config.max_lines, config.max_bytes, config.max_line_bytes),
                LeftOut(registry.since_s),
                self._deletions,
            )
            stack.callback(following.close)
            self.has_started = True
            self.stats.account = registry.account
            delivery = Delivery(
                registry,
                following,
                self._settler,
                self._watcher,
                self._stop,
                self.stats,
                scan_interval_s=config.scan_interval_s,
                loss_reporter=self._loss_reporter,
            )
            delivery.verified = self._verified
            yield delivery

    def _end(self) -> None:
        self._output.close()
        self.stats.state = State.STOPPED

    def _sleep(self, delay_s: float) -> bool:
        """Wait; False if the pipeline is to stop."""
        if self._patience_left_s() <= 0:
            self._has_given_up = True
            self.stop()
        self._pause(delay_s)
        return not self._stop.is_set()

    def _wait(self, delay_s: float) -> None:
        self._stop.wait(max(0.0, min(delay_s, self._patience_left_s())))

    def _patience_left_s(self) -> float:
        """How much longer `drain` waits for the output; `run` waits for ever."""
        if not self._is_draining:
            return math.inf
        now, settler = time.monotonic(), self._settler
        away_s = now - (settler.away_since or now)
        stalled_s = now - (settler.stalled_since or now)
        return min(self._config.max_away_s - away_s, self._config.max_stall_s - stalled_s)


class Delivery:
    """A started pipeline, which reads, settles and commits batches in a loop."""

    def __init__(
        self,
        registry: Registry,
        following: Following,
        settler: Settler,
        watcher: Watcher,
        stop: Event,
        stats: Stats,
        *,
        scan_interval_s: float,
        loss_reporter: LossReporter | None,
    ) -> None:
        """`stop` ends the delivery after the attempt in flight; `watcher` need not be started."""
        self._registry, self._following, self._settler = registry, following, settler
        self._watcher, self._stop, self._stats = watcher, stop, stats
        self._scan_interval_s, self._loss_reporter = scan_interval_s, loss_reporter
        #: Gets the chains of segments, if checkpoints are signed.
        self.verified: Verified | None = None
        self._next_scan_monotonic = 0.0
        self._age = Age()

    @property
    def problems(self) -> Iterator[str]:
        """What cannot be read now, and why."""
        return self._following.problems

    def run(self) -> None:
        """Deliver existing and new lines until the stop."""
        self._deliver_all(self._next_of_all, self._wait_for_changes)

    def catch_up(self, is_over: Callable[[], bool] = lambda: True) -> None:
        """Deliver existing lines, and new ones until `is_over`."""
        while not is_over() and not self._stop.wait(_FEED_SCAN_S):
            self._scan()
            self._deliver_all(self._next, lambda: False)
        self._scan()
        deadline = time.monotonic() + _MAX_END_WAIT_S
        self._deliver_all(self._next, lambda: self._wait_for_end(deadline))
        if self._stop.is_set():  # unread lines may be left, so their ends are not known
            return
        for source in self._following.sources():
            source.warn_unfinished()

    def _deliver_all(
        self, next_batch: Callable[[], Batch | None], wait: Callable[[], bool]
    ) -> None:
        """Deliver batches; when there is none, `wait` returns whether to continue."""
        while not self._stop.is_set():
            # No variable holds the batch, which would keep it in memory while the next one is read.
            is_delivered = self._deliver(next_batch())
            if not (is_delivered or self._following.has_ready or wait()):
                return

    def _deliver(self, batch: Batch | None) -> bool:
        """Settle and commit the batch; False if there is none."""
        if batch is None:
            return False
        self._stats.active = batch.line_count()
        self._stats.account = structs.replace(self._registry.account, waiting=raw_lines(batch))
        if settled := self._settler.settle(batch):  # each line is delivered or a dead letter
            part = batch.without(settled.held) if settled.held else batch
            if part.parts:
                self._commit(part, settled)  # only now may the positions move
            self._hold(batch, settled.held)
            self._stats.active = 0
        return True

    def _hold(self, batch: Batch, held: Mapping[int, str]) -> None:
        """Let the sources wait that the destination takes no line of."""
        following, stats = self._following, self._stats
        following.hold(batch, held)
        stats.held = len(following.held)
        stats.held_reason = next(iter(following.held), "")

    def _commit(self, batch: Batch, settled: Settled) -> None:
        truncated = batch.truncated()
        if self._loss_reporter:
            self._record_losses(self._loss_reporter, batch, truncated)
        now_s = int(time.time())
        account = account_of(batch, settled)
        positions = [source.advance(now_s) for source, _ in batch.parts]
        self._registry.commit(positions, settled=account)
        self._stats.account = self._registry.account
        self._stats.batches += 1
        self._stats.read_lines += batch.line_count()
        self._stats.read_bytes += batch.size_bytes()
        self._stats.truncated += len(truncated)
        self._stats.filtered += sum(len(offsets) for _, offsets in batch.filtered())

    def _record_losses(
        self, loss_reporter: LossReporter, batch: Batch, truncated: Sequence[BadLine]
    ) -> None:
        if truncated:
            loss_reporter.truncated(truncated)
        for path, offsets in batch.filtered():
            loss_reporter.dropped(path, offsets)

    # --- the next batch

    def _next(self) -> Batch | None:
        """The next batch of the followed files."""
        batch, now_s = self._following.next_batch(), int(time.time())
        changed = self._following.moved(now_s)
        if batch is not None:  # before anything is sent under ids that nobody would know again
            new = batch.unannounced(self._registry.committed)
            changed += [source.announce(now_s) for source in new]
        if changed:
            self._registry.commit(changed)
        if batch is not None and self.verified:
            self.verified.note_all(batch)
        if batch is not None:
            self._stats.oldest_s = self._age.oldest(batch, self._following)
        return batch

    def _next_of_all(self) -> Batch | None:
        """The next batch, after a check of changed files and, if it is due, a scan."""
        self._following.check(self._watcher.changed())
        if (now := time.monotonic()) >= self._next_scan_monotonic:
            self._watcher.renew()
            self._scan()
            took_s = time.monotonic() - now
            self._next_scan_monotonic = now + max(self._scan_interval_s, took_s / _SCAN_SHARE)
        return self._next()

    def _scan(self) -> None:
        self._following.wake(time.monotonic())
        if gone := self._following.scan(int(time.time())):
            self._registry.commit((), forget=gone)
        self._stats.files = len(self._following)
        self._stats.open_files = self._following.open_files
        self._stats.started = self._following.started
        self._stats.closed = self._following.closed
        self._stats.left_out = self._following.left_out
        self._log_begun()

    def _log_begun(self) -> None:
        begun, self._following.begun = self._following.begun, []
        if begun:
            more = f" and {len(begun) - _MAX_NAMED:,} more" if len(begun) > _MAX_NAMED else ""
            names = ", ".join(found.name for found in begun[:_MAX_NAMED])
            _log.info("Output %s: reading %s%s.", self._settler.name, names, more)

    # --- when there is no batch

    def _wait_for_changes(self) -> bool:
        """Wait for a change, at most until the next scan."""
        self._stats.state = State.REFUSED if self._stats.held else State.IDLE
        self._stats.last_error = self._stats.held_reason or self._stats.last_error
        self._stats.oldest_s = None
        self._age = Age()
        if not self._stop.is_set():
            self._watcher.wait(max(0.0, self._next_scan_monotonic - time.monotonic()))
        return True

    def _wait_for_end(self, deadline: float) -> bool:
        """Wait until an incomplete end of a file is due; False if none is before the deadline."""
        due = self._following.next_due()
        if due is None or due > deadline:
            return False
        self._stop.wait(max(0.0, due - time.monotonic()))
        self._following.wake(time.monotonic())
        return True
