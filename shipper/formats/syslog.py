"""RFC 5424: the header, the structured data and the frame (RFC 6587) of a message."""

import re
from collections.abc import Mapping
from typing import Any, Final

from shipper.formats.codec import Encode
from shipper.formats.fields import VENDOR, fields_of, level_of, text_of, time_of

_NIL: Final = "-"
_NOT_PRINTABLE = re.compile(r"[^\x21-\x7e]")
#: The severity of each level: unknown and info are informational, then notice to critical.
_SEVERITIES = (6, 6, 5, 4, 3, 2)
_SD_VALUE = re.compile(r'(["\\\]])')
#: Most characters of `software` and `swVersion` (RFC 5424, 7.2).
_SOFTWARE, _VERSION = 48, 32


def syslog(line: bytes, encode: Encode, facility: int) -> bytes:
    """A message with the line as `encode` writes it, without a frame."""
    fields = fields_of(line)
    time = time_of(fields)
    head = (
        f"<{facility * 8 + _SEVERITIES[level_of(fields)]}>1",
        time.isoformat() if time else _NIL,
        _word(fields, "host.name", 255),
        _word(fields, "service.name", 48),
        _word(fields, "process.pid", 128),
        _word(fields, "event.action", 32),
        _origin(fields),
    )
    return b" ".join((" ".join(head).encode(), encode(line)))


def framed(message: bytes) -> bytes:
    """The message after its length (octet counting), so it may hold newlines."""
    return b"%d %b" % (len(message), message)


def _word(fields: Mapping[str, Any], field: str, most: int) -> str:
    """A name of the header: printable ASCII without spaces."""
    text = text_of(fields.get(field, ""))[:most]
    return _NOT_PRINTABLE.sub("_", text) or _NIL


def _origin(fields: Mapping[str, Any]) -> str:
    """The structured data `origin`: the application that the event is from."""
    software = text_of(fields.get("service.name", VENDOR))[:_SOFTWARE]
    version = text_of(fields.get("service.version", ""))[:_VERSION]
    pair = f' swVersion="{_escaped(version)}"' if version else ""
    return f'[origin software="{_escaped(software)}"{pair}]'


def _escaped(text: str) -> str:
    return _SD_VALUE.sub(r"\\\1", text)
