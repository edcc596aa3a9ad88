"""The formats of a line by their configuration name."""

from collections.abc import Callable
from typing import Literal

from shipper.lines import Lines

Codec = Literal["json", "ocsf", "cef", "leef"]

#: A line without its newline in a format; never raises for a JSON object.
Encode = Callable[[bytes], bytes]


def encoder(codec: Codec) -> Encode:
    """The function for a codec; json leaves the line unchanged."""
    if codec == "json":
        return bytes
    # A configuration needs only the names; the tables of the formats take a while to read.
    from shipper.formats.ocsf import ocsf
    from shipper.formats.siem import cef, leef

    return {"ocsf": ocsf, "cef": cef, "leef": leef}[codec]


class CodecConfig:
    """What an output that can write other formats has in its configuration."""

    __slots__ = ()

    codec: Codec

    def encoded(self, lines: Lines) -> Lines:
        """The lines in the configured format, in the same order."""
        return lines if self.codec == "json" else Lines.of(map(encoder(self.codec), lines))
