"""Which events were counted: those of a stream are numbered, so its highest number is enough."""

#: Streams whose highest number is kept, those of the newest events: a start of a process is one.
MAX_STREAMS = 10_000
#: Where the id is in most lines, from their end.
_TAIL = -360
#: Begins the id of no event.
_NO_STREAM = "\n"


class Streams:
    """The highest number of each stream; the streams of the oldest events are forgotten."""

    def __init__(self, limit: int = MAX_STREAMS) -> None:
        self._limit = limit
        #: The newest streams last.
        self.counted: dict[str, int] = {}
        #: The same of the events since the last `settle`, but for the stream of the last event.
        self._fresh: dict[str, int] = {}
        #: How ids in the stream of the last event begin, and the number of that event.
        self.mark, self.last = _NO_STREAM, 0
        self.forgotten = 0

    def passes(self, line: bytes) -> bool:
        """Count an event that follows the last one, without decoding it; false if it may not."""
        if line.find(f'"id":"{self.mark}{self.last + 1}"'.encode(), _TAIL) < 0:
            return False
        self.last += 1
        return True

    def place(self, stream: str, sequence: int) -> int:
        """Count an event; the number before it in its stream, or -1 if it was counted already."""
        self._keep()
        last = self._fresh.get(stream) or self.counted.get(stream, 0)
        if sequence <= last:
            return -1
        self.mark, self.last = f"{stream}-", sequence
        return last

    def settle(self) -> dict[str, int]:
        """The highest number of each stream with events since the last call."""
        self._keep()
        fresh, self._fresh = self._fresh, {}
        for stream in fresh:
            self.counted.pop(stream, None)
        self.counted |= fresh
        while len(self.counted) > self._limit:
            del self.counted[next(iter(self.counted))]
            self.forgotten += 1
        return fresh

    def _keep(self) -> None:
        if self.mark != _NO_STREAM:
            self._fresh[self.mark.removesuffix("-")] = self.last
            self.mark = _NO_STREAM
