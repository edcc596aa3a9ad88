"""Notice of changed files by inotify, through watchdog; where that fails, scans find them."""

import logging
import os
from collections.abc import Sequence
from threading import Event, Lock

from watchdog.events import (
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from shipper.follow.discover import matcher, watch_roots

_log = logging.getLogger(__name__)

#: Reading a file causes events too: without this filter the shipper would wake itself.
_EVENTS: list[type[FileSystemEvent]] = [FileCreatedEvent, FileModifiedEvent, FileMovedEvent]

#: At most this many changed paths are remembered; the next scan finds the others.
_MAX_CHANGED = 10_000


class Watcher:
    """Collects the paths of changed files in threads of its own; wakes the pipeline's thread."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._changes = _Changes(patterns)
        self._roots = watch_roots(patterns)
        self._observer: BaseObserver | None = None
        self._has_warned = False

    def start(self) -> None:
        """Watch the directories that exist; `renew` adds the others later."""
        try:
            observer = Observer()  # takes an inotify instance, of which a user has 128
            observer.start()
        except (OSError, RuntimeError) as error:
            _log.warning("Changes cannot be watched (%s); scanning instead.", error)
            return
        self._observer = observer
        self.renew()

    def renew(self) -> None:
        """Watch the directories that were created since."""
        for root, is_deep in tuple(self._roots.items()):
            if self._observer is not None and root.is_dir():
                del self._roots[root]
                self._watch(self._observer, os.fspath(root), is_deep=is_deep)

    def wait(self, timeout_s: float) -> None:
        """Return when something has changed, after `wake`, or after `timeout_s`."""
        self._changes.happened.wait(timeout_s)

    def wake(self) -> None:
        """Make `wait` return now; from any thread."""
        self._changes.happened.set()

    def changed(self) -> set[str]:
        """The paths that have changed since the last call."""
        return self._changes.take()

    def close(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()

    def _watch(self, observer: BaseObserver, root: str, *, is_deep: bool) -> None:
        try:
            observer.schedule(self._changes, root, recursive=is_deep, event_filter=_EVENTS)
        except OSError as error:  # too many watches
            if not self._has_warned:
                _log.warning("%s cannot be watched (%s); scanning instead.", root, error)
            self._has_warned = True


class _Changes(FileSystemEventHandler):
    """Passes the changed paths from the observer's thread to the pipeline's."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._is_wanted = matcher(patterns).match
        self._paths: set[str] = set()
        self._lock = Lock()
        self.happened = Event()

    def dispatch(self, event: FileSystemEvent) -> None:
        path = os.fsdecode(event.dest_path or event.src_path)
        if event.is_directory or not self._is_wanted(path):
            return
        with self._lock:
            if len(self._paths) < _MAX_CHANGED:
                self._paths.add(path)
        self.happened.set()

    def take(self) -> set[str]:
        self.happened.clear()
        with self._lock:
            paths, self._paths = self._paths, set()
        return paths
