"""Values of another type: `convert`, with the limits and spellings of Go."""

import math
import re
import struct
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Any, Literal

from msgspec import Struct

from shipper.processors.event import MISSING, Event, Misfit, find, mentions, put, without
from shipper.processors.failures import all_or_none

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
#: As Go writes it with a prefix: digits may be apart by `_`.
_HEXADECIMAL = re.compile(r"[+-]?0[xX](?:_?[0-9a-fA-F]){1,20}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
#: The longest text that is read as a number.
_MAX_DIGITS = 512


class Conversion(Struct, frozen=True):
    """One field, its new place, which may be empty, and its type, which may be empty."""

    source: str
    target: str = ""
    type: str = ""


class Convert(Struct, frozen=True, kw_only=True):
    """Converts fields in their place, or into other fields, which it replaces."""

    fields: tuple[Conversion, ...]
    mode: Literal["copy", "rename"] = "copy"
    ignore_missing: bool = False
    fail_on_error: bool = True

    def process(self, event: Event) -> Event:
        """The event; unchanged if one of its fields cannot be converted, with `fail_on_error`."""
        steps = (partial(self._converted, one, event) for one in self.fields)
        return all_or_none(event, steps, fail_on_error=self.fail_on_error)

    def may_touch(self, line: bytes) -> bool:
        return any(mentions(line, one.source) for one in self.fields)

    def _converted(self, one: Conversion, original: Event, event: Event) -> Event:
        """The event with the field converted, whose value is that before any conversion."""
        value = find(original, one.source)
        if value is MISSING:
            if self.ignore_missing:
                return event
            raise Misfit(f"{one.source} does not exist")
        if one.type:
            value = to_type(one.type, value)
        new = put(event, one.target or one.source, value)
        return without(new, one.source) if one.target and self.mode == "rename" else new


def to_type(kind: str, value: Any) -> Any:
    """The value as `kind`; raises `Misfit` if it has none."""
    converted = CONVERSIONS[kind](value)
    if converted is None:
        raise Misfit(f"it cannot become {kind}")
    return converted


def _whole(bits: int, value: Any) -> int | None:
    number: int | None = None
    if type(value) is int:
        number = value
    elif isinstance(value, float):
        number = int(value) if math.isfinite(value) else None
    elif type(value) is str and _WHOLE.fullmatch(value):
        number = int(value)
    elif type(value) is str and _HEXADECIMAL.fullmatch(value):
        number = int(value, 16)
    limit = 1 << bits - 1
    return number if number is not None and -limit <= number < limit else None


def _double(value: Any) -> float | None:
    if type(value) is str and len(value) <= _MAX_DIGITS and _NUMBER.fullmatch(value):
        number = float(value)
    elif type(value) is int or isinstance(value, float):
        try:
            number = float(value)
        except OverflowError:
            return None
    else:
        return None
    return number if math.isfinite(number) else None


def _float(value: Any) -> float | None:
    """The shortest number that is the same in 32 bits."""
    number = _double(value)
    if number is None:
        return None
    try:
        wanted = struct.pack("f", number)
    except OverflowError:
        return None
    found = (float(f"{number:.{digits}g}") for digits in range(1, 10))
    return next((one for one in found if struct.pack("f", one) == wanted), number)


def text_of(value: Any) -> str | None:
    """The value as Go prints it; None for null."""
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, float):
        return _printed(value)
    if type(value) is list:
        return f"[{' '.join(_printed_inner(one) for one in value)}]"
    if type(value) is dict:
        rows = (f"{key}:{_printed_inner(value[key])}" for key in sorted(value))
        return f"map[{' '.join(rows)}]"
    return str(value)


def _printed_inner(value: Any) -> str:
    text = text_of(value)
    return "<nil>" if text is None else text


#: Go writes exponents from here on.
_MAX_PLAIN, _MIN_PLAIN = 1e21, 1e-4


def _printed(value: float) -> str:
    if not math.isfinite(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    size = abs(value)
    if size and not _MIN_PLAIN <= size < _MAX_PLAIN:
        return text.replace(".0e", "e")
    return (f"{value:.0f}" if "e" in text else text).removesuffix(".0")


def _truth(value: Any) -> bool | None:
    return value if type(value) is bool else _TRUTHS.get(value) if type(value) is str else None


def _ip(value: Any) -> str | None:
    try:
        ip_address(value)
    except ValueError:
        return None
    return value if type(value) is str and "%" not in value else None


#: The value as each type; None if it has none.
CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "integer": partial(_whole, 32),
    "long": partial(_whole, 64),
    "float": _float,
    "double": _double,
    "string": text_of,
    "boolean": _truth,
    "ip": _ip,
}
