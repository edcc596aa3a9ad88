"""Lines of any text: those that are JSON objects are sent as such, others become events."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from shipper.forms.base import Block, OverLong
from shipper.forms.check import Sifted, short_lines
from shipper.forms.ndjson import is_complete
from shipper.forms.text.emit import Emitter, Json
from shipper.forms.text.message import Parser
from shipper.forms.text.plain import plain
from shipper.forms.text.raw import UTF_8, lines_of, shortened
from shipper.forms.text.sifting import Sifting
from shipper.patterns import Pattern


class Text(Struct, frozen=True, kw_only=True):
    """The form of text."""

    parsers: Sequence[Parser] = ()
    json: Json = field(default_factory=Json)
    #: A codec that encodes a newline, and only a newline, as the byte 10.
    encoding: str = UTF_8
    #: If there are any, only lines that match one of them are sent.
    include_lines: tuple[Pattern, ...] = ()
    #: Lines that match one of these are not sent.
    exclude_lines: tuple[Pattern, ...] = ()
    #: Longer messages are cut; the block's limit applies too.
    max_bytes: int = 10 << 20
    #: How long a last line waits for its newline; None: without limit.
    partial_line_timeout_s: float | None = None
    #: Whether an event names its file.
    names_file: bool = True
    #: Other fields of every event that is made here.
    common: Mapping[str, object] = field(default_factory=dict)

    def sift(self, block: Block) -> Sifted:
        limit = min(self.max_bytes, block.max_line_bytes)
        if self._leaves_objects and block.data.startswith(b"{"):
            lines = short_lines(block.data, limit)
            if lines is not None:
                return Sifted(lines)
        if self._is_plain and (sifted := self._plain(block, limit)):
            return sifted
        sifting = Sifting(self.parsers, block, limit, self._emitter(block.path, limit))
        for message in lines_of(block, limit, self.encoding):
            sifting.feed(message)
        return sifting.result()

    def _plain(self, block: Block, max_bytes: int) -> Sifted | None:
        path = block.path if self.names_file else ""
        return plain(block, max_bytes, path, self.common, takes_objects=self.json.is_text)

    def shorten(self, line: OverLong) -> Sifted:
        limit = min(self.max_bytes, line.max_line_bytes)
        emitter = self._emitter(line.path, limit)
        cut = replace(line, head=line.head[:limit], max_line_bytes=limit)
        emitter.emit(shortened(cut, self.encoding))
        return emitter.result()

    def patience_s(self, rest: bytes) -> float | None:
        if not self.parsers and is_complete(rest):
            return 0.0
        timeouts = [one.timeout_s for one in self.parsers if one.timeout_s is not None]
        if not rest.endswith(b"\n"):
            if self.json.is_strict or self.partial_line_timeout_s is None:
                return None
            timeouts.append(self.partial_line_timeout_s)
        return max(timeouts, default=0.0)

    @property
    def _is_plain(self) -> bool:
        """Whether a line that is no object becomes an event just as it is."""
        is_filtered = self.include_lines or self.exclude_lines
        is_other = self.json.is_strict or self.json.add_error_key or self.encoding != UTF_8
        return not (self.parsers or is_filtered or is_other)

    @property
    def _leaves_objects(self) -> bool:
        """Whether a line that is an object is sent unchanged."""
        is_filtered = self.include_lines or self.exclude_lines
        json = self.json
        is_changed = json.target or json.expand_keys or json.is_text or self.encoding != UTF_8
        return not (self.parsers or is_filtered or is_changed)

    def _emitter(self, path: str, max_bytes: int) -> Emitter:
        lines = (self.include_lines, self.exclude_lines)
        path = path if self.names_file else ""
        return Emitter(path, self.json, lines, self.common, max_bytes)
