"""One pipeline: files, an output, and how far the one has got into the other.

The file is the queue. A batch is read only when the last one is settled, and the position moves
only then, so that every line arrives at least once, whatever dies in between.
"""

import logging
import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event

from msgspec import Struct

from shipper.deliver.age import Age
from shipper.deliver.backoff import Backoff
from shipper.deliver.dead_letters import DeadLetters, Witness
from shipper.deliver.settle import Settler
from shipper.deliver.stats import State, Stats
from shipper.follow.batch import Batch, DeadLetter
from shipper.follow.chunk import Limits
from shipper.follow.deletions import Deletions, OwnDeletions
from shipper.follow.discover import patterns
from shipper.follow.following import Following
from shipper.follow.inputs import InputConfig
from shipper.follow.left_out import Inactive
from shipper.follow.registry import Registry, registry_path
from shipper.follow.watch import Watcher
from shipper.outputs.base import Output

_log = logging.getLogger(__name__)

#: How long `drain` waits for the ends of files to be sent as they are; a live file may go on.
_MAX_END_WAIT_S = 10.0
#: How often `drain` looks for more where more is to come.
_FEED_GLANCE_S = 0.1
#: A scan may cost at most this share of the time, however many files there are.
_SCAN_SHARE = 0.05


class PipelineConfig(Struct, frozen=True, kw_only=True):
    """What one pipeline reads, how much at once, and where it keeps its own files."""

    #: The output's name; names the registry and the dead letters.
    name: str
    #: The files to follow.
    inputs: tuple[InputConfig, ...]
    #: Directory of the positions and dead letters (`path.data`).
    data_path: Path
    #: Lines in a batch at most: the output's `bulk_max_size`.
    max_lines: int = 2048
    #: Bytes in a batch, about: what is in memory at once is a small multiple of it.
    max_bytes: int = 1 << 20
    #: Longer lines go to the dead letters, all but their beginning left out.
    max_line_bytes: int = 10 << 20
    #: How often to look for new files, and for changes where there is no inotify.
    scan_interval_s: float = 1.0
    #: Room for rejected lines; when it is used up, the pipeline holds.
    dead_letters_max_bytes: int = 100 << 20
    #: First and longest wait for an output that is not there (Filebeat's `backoff`).
    backoff_init_s: float = 1.0
    backoff_max_s: float = 60.0

    @property
    def registry_path(self) -> Path:
        """The journal of positions."""
        return registry_path(self.data_path, self.name)

    @property
    def dead_letters_path(self) -> Path:
        """The rejected lines."""
        return self.data_path / "dead-letters" / f"{self.name}.ndjson"


class Pipeline:
    """Follows files into one output; `run` and `drain` belong to one thread."""

    def __init__(
        self,
        config: PipelineConfig,
        output: Output,
        *,
        witness: Witness | None = None,
        deletions: Deletions | None = None,
        sleep: Callable[[float], None] | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        """`witness` is told of lines that do not arrive.

        Files that all outputs have are deleted by `deletions`, which their pipelines share.
        `sleep` and `random` stand in for waiting and for chance between attempts in tests.
        """
        self._config = config
        self._output, self._witness = output, witness
        self._deletions = OwnDeletions(config.name, deletions)
        self._stop = Event()
        self._pause = sleep or self._stop.wait
        self.stats = Stats()
        self._age = Age()
        self._watcher = Watcher(patterns(config.inputs))
        letters = DeadLetters(
            config.dead_letters_path, output=config.name, max_bytes=config.dead_letters_max_bytes
        )
        self._settler = Settler(
            output,
            letters,
            self.stats,
            name=config.name,
            sleep=self._sleep,
            backoff=Backoff(config.backoff_init_s, config.backoff_max_s, random),
            random=random,
            witness=witness,
        )

    @property
    def name(self) -> str:
        """The output's name."""
        return self._config.name

    def run(self) -> None:
        """Deliver what is there and what comes, until `stop`."""
        with self._started() as (registry, following):
            self._watcher.start()
            try:
                self._deliver(self._follow(registry, following), registry)
            finally:
                self._watcher.close()

    def drain(self, is_over: Callable[[], bool] = lambda: True) -> None:
        """Deliver what is there, and what comes until `is_over`, then return."""
        with closing(self.passes(is_over)) as passes:
            next(passes, None)

    def passes(self, is_over: Callable[[], bool] = lambda: True) -> Generator[None]:
        """Deliver what is there, each time that the next pass is asked for."""
        with self._started() as (registry, following):
            while not self._stop.is_set():
                while not is_over() and not self._stop.wait(_FEED_GLANCE_S):
                    self._scan(registry, following)
                    self._deliver(self._available(registry, following, 0.0), registry)
                self._scan(registry, following)
                self._deliver(self._available(registry, following, _MAX_END_WAIT_S), registry)
                if self._stop.is_set():  # what is left was not delivered, whole or not
                    return
                for source in following.sources():
                    source.tell_unfinished()
                yield

    def stop(self) -> None:
        """Make `run` or `drain` return soon; from any thread. What is unsettled comes again."""
        self._stop.set()
        self._watcher.wake()

    def _deliver(self, batches: Iterator[Batch], registry: Registry) -> None:
        for batch in batches:  # whole lines, from where the registry has them
            self.stats.active = batch.line_count()
            if not self._settler.settle(batch):  # each delivered, or in the dead letters
                return
            self._commit(batch, registry)  # only now may the positions move
            self.stats.active = 0
            del batch  # or it would stay in memory while the next one is read

    def _commit(self, batch: Batch, registry: Registry) -> None:
        truncated = batch.truncated()
        if self._witness:
            self._testify(self._witness, batch, truncated)
        now_s = int(time.time())
        registry.commit([source.settle(now_s) for source, _ in batch.parts])
        self.stats.batches += 1
        self.stats.read_lines += batch.line_count()
        self.stats.read_bytes += batch.size_bytes()
        self.stats.truncated += len(truncated)
        self.stats.filtered += sum(len(offsets) for _, offsets in batch.filtered())

    def _testify(self, witness: Witness, batch: Batch, truncated: Sequence[DeadLetter]) -> None:
        if truncated:
            witness.truncated(truncated)
        for path, offsets in batch.filtered():
            witness.dropped(path, offsets)

    def _follow(self, registry: Registry, following: Following) -> Iterator[Batch]:
        """Batches as they come, until `stop`."""
        next_scan = 0.0
        while not self._stop.is_set():
            following.look(self._watcher.changed())
            if (now := time.monotonic()) >= next_scan:
                self._watcher.renew()
                self._scan(registry, following)
                took_s = time.monotonic() - now
                next_scan = now + max(self._config.scan_interval_s, took_s / _SCAN_SHARE)
            if batch := self._next(registry, following):
                yield batch
                del batch
            elif not following.has_ready:
                self._idle(next_scan)

    def _available(
        self, registry: Registry, following: Following, patience_s: float
    ) -> Iterator[Batch]:
        """Batches until everything that is there is taken, or `stop`."""
        deadline = time.monotonic() + patience_s
        while not self._stop.is_set():
            if batch := self._next(registry, following):
                yield batch
                del batch
            elif not (following.has_ready or self._waits(following, deadline)):
                return

    def _waits(self, following: Following, deadline: float) -> bool:
        """Wait until the next end of a file is due; False if there is none before the deadline."""
        due = following.next_due()
        if due is None or due > deadline:
            return False
        self._stop.wait(max(0.0, due - time.monotonic()))
        following.wake(time.monotonic())
        return True

    def _next(self, registry: Registry, following: Following) -> Batch | None:
        batch = following.next_batch()
        if moved := following.moved(int(time.time())):
            registry.commit(moved)
        if batch is not None:
            self.stats.oldest_s = self._age.oldest(batch, following)
        return batch

    def _idle(self, until: float) -> None:
        self.stats.state = State.IDLE
        self.stats.oldest_s = None
        self._age = Age()
        if not self._stop.is_set():
            self._watcher.wait(max(0.0, until - time.monotonic()))

    def _scan(self, registry: Registry, following: Following) -> None:
        following.wake(time.monotonic())
        if gone := following.scan(int(time.time())):
            registry.commit((), forget=gone)
        self.stats.files = len(following)
        self.stats.open_files = following.open_files
        self.stats.started, self.stats.closed = following.started, following.closed
        self.stats.left_out = following.left_out

    @contextmanager
    def _started(self) -> Iterator[tuple[Registry, Following]]:
        """The positions, locked, and the files; all closed in the end, and the output too."""
        with ExitStack() as stack:
            stack.callback(self._ended)
            registry = stack.enter_context(Registry(self._config.registry_path))
            following = Following(
                self._config.inputs,
                registry.positions,
                Limits(self._config.max_lines, self._config.max_bytes, self._config.max_line_bytes),
                Inactive(registry.since_s),
                self._deletions,
            )
            stack.callback(following.close)
            yield registry, following

    def _ended(self) -> None:
        self._output.close()
        self.stats.state = State.STOPPED

    def _sleep(self, delay_s: float) -> bool:
        """Wait; False if the pipeline is to stop."""
        self._pause(delay_s)
        return not self._stop.is_set()
