"""Lines of other programs' files: none of them stands among the events of an audit stream."""

import re
from collections.abc import Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shipper.forms.base import Block, Form, OverLong
from shipper.forms.check import Sifted
from shipper.forms.search import has
from shipper.lines import Lines

#: Marks a line that named an audit data stream; `data_stream_was` holds what it named.
_TAG = "mcp_unsealed"

#: A character of a name can be written so.
_ESCAPE = re.compile(rb"\\u00(?:2[eE]|3[0-9]|5[fF]|6[1-9a-fA-F]|7[0-9aA])")
_STREAM = "data_stream"
_NAMED = re.compile(rb'"data_stream[".]')

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_tags = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_UNREADABLE = (msgspec.DecodeError, RecursionError)


class Foreign(Struct, frozen=True):
    """The lines of another form, without the names of audit data streams.

    A line with such a name would stand among the events. It keeps all other members, goes where a
    line without a data stream goes, and is tagged.
    """

    form: Form
    #: The datasets of the operator's own event types; all that begin with `mcp.` are reserved.
    datasets: tuple[str, ...] = ()

    def sift(self, block: Block) -> Sifted:
        return self._renounced(self.form.sift(block), block.offset)

    def shorten(self, line: OverLong) -> Sifted:
        return self._renounced(self.form.shorten(line), line.offset)

    def patience_s(self, rest: bytes) -> float | None:
        return self.form.patience_s(rest)

    def _renounced(self, sifted: Sifted, base: int) -> Sifted:
        if not self._may_claim(sifted.lines.block):
            return sifted
        lines = [self._without_claim(line) for line in sifted.lines]
        if all(map(bytes.__eq__, lines, sifted.lines)):
            return sifted
        return replace(sifted, lines=Lines.of(lines), offsets=sifted.places(base))

    def _may_claim(self, data: bytes) -> bool:
        """Whether one of the reserved names is in the bytes, or may be, in escapes."""
        if has(data, b'"mcp.') or (has(data, rb"\u00") and _ESCAPE.search(data)):
            return True
        return any(has(data, b'"%b"' % name.encode()) for name in self.datasets)

    def _without_claim(self, line: bytes) -> bytes:
        if not self._may_claim(line):
            return line
        try:
            members = _members.decode(line)
        except _UNREADABLE:  # it nests too deep: no output takes it
            return line
        names = [name for name in members if name == _STREAM or name.startswith(f"{_STREAM}.")]
        if any(self._may_claim(bytes(members[name])) for name in names):
            return _tagged(members, names)
        # Of a member that comes twice only the last was checked: the line is written without it.
        has_twice = len(_NAMED.findall(line)) > len(names) or _ESCAPE.search(line)
        return _encode(members) if has_twice else line


def _tagged(members: dict[str, msgspec.Raw], names: Sequence[str]) -> bytes:
    was = {name: members.pop(name) for name in names}
    try:
        tags = _tags.decode(members.get("tags", b"[]"))
    except _UNREADABLE:
        tags = [members["tags"]]
    tags.append(msgspec.Raw(_encode(_TAG)))
    return _encode({**members, "tags": tags, "data_stream_was": str(_encode(was), "utf-8")})
