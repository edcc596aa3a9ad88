"""The formats of a line by their configuration name."""

from collections.abc import Callable, Mapping
from typing import Literal

from shipper.formats.ocsf import ocsf
from shipper.formats.siem import cef, leef
from shipper.lines import Lines

Codec = Literal["json", "ocsf", "cef", "leef"]

#: A line without its newline in a format; never raises for a JSON object.
Encode = Callable[[bytes], bytes]

#: json: the unchanged line.
ENCODERS: Mapping[Codec, Encode] = {"json": bytes, "ocsf": ocsf, "cef": cef, "leef": leef}


class CodecConfig:
    """What an output that can write other formats has in its configuration."""

    __slots__ = ()

    codec: Codec

    def encoded(self, lines: Lines) -> Lines:
        """The lines in the configured format, in the same order."""
        return lines if self.codec == "json" else Lines.of(map(ENCODERS[self.codec], lines))
