"""CEF and LEEF: a header and pairs, each value cut to the length that its key may have."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from shipper import __version__
from shipper.formats.fields import VENDOR, epoch_us, fields_of, level_of, table, text_of, time_of

#: A severity of each level, in CEF from 0 to 10, in LEEF from 1 to 10; unknown is the lowest.
_CEF_SEVERITY = (0, 1, 3, 5, 8, 10)
_LEEF_SEVERITY = (1, 1, 3, 5, 8, 10)
#: Characters of a name in the header: ArcSight takes up to 1023 for the event class.
_MOST_IN_HEADER = 512
#: The longest text for a line that is no event of a known type.
_MOST_OF_A_LINE = 1023

_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_CEF_VALUE = str.maketrans({"\\": r"\\", "=": r"\=", "\n": r"\n", "\r": r"\r"})
_CEF_HEADER = str.maketrans({"\\": r"\\", "|": r"\|"})


class _Row(Struct, frozen=True):
    name: str
    field: str
    most: int
    label: str = ""


def cef(line: bytes) -> bytes:
    """The line as CEF, version 0, without a newline."""
    fields = fields_of(line)
    kind, action = (_in_cef_header(one) for one in _kind_and_action(fields))
    severity = _CEF_SEVERITY[level_of(fields)]
    pairs = dict(_pairs("cef", fields, "rt", line))
    body = " ".join(f"{name}={value.translate(_CEF_VALUE)}" for name, value in pairs.items())
    header = f"CEF:0|{VENDOR}|{VENDOR}|{__version__}|{kind}|{action}|{severity}|"
    return (header + body).encode()


def leef(line: bytes) -> bytes:
    """The line as LEEF 2.0 with tabs between the pairs, without a newline.

    LEEF has no escapes: a control character in a value becomes a space, a bar in the header `_`.
    """
    fields = fields_of(line)
    _, action = _kind_and_action(fields)
    pairs = {
        **dict(_pairs("leef", fields, "devTime", line)),
        "sev": str(_LEEF_SEVERITY[level_of(fields)]),
    }
    body = "\t".join(f"{name}={_BREAKS.sub(' ', value)}" for name, value in pairs.items())
    event = _BREAKS.sub(" ", action).replace("|", "_")[:_MOST_IN_HEADER]
    return f"LEEF:2.0|{VENDOR}|{VENDOR}|{__version__}|{event}|x09|{body}".encode()


def _kind_and_action(fields: Mapping[str, Any]) -> tuple[str, str]:
    kind, action = fields.get("mcp.audit.type", "line"), fields.get("event.action", "line")
    return text_of(kind), text_of(action)


def _in_cef_header(text: str) -> str:
    return _BREAKS.sub(" ", text[:_MOST_IN_HEADER]).translate(_CEF_HEADER)


def _pairs(
    form: str, fields: Mapping[str, Any], time_key: str, line: bytes
) -> Iterator[tuple[str, str]]:
    if time := time_of(fields):
        yield time_key, str(epoch_us(time) // 1000)
    for row in _rows(form):
        if row.field in fields:
            if row.label:
                yield f"{row.name}Label", row.label
            yield row.name, text_of(fields[row.field])[: row.most]
    if "mcp.audit.type" not in fields and "message" not in fields:
        yield "msg", line.decode()[:_MOST_OF_A_LINE]


@cache
def _rows(form: str) -> tuple[_Row, ...]:
    return tuple(_Row(**row) for row in table(form))
