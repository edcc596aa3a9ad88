"""The configuration of the console output."""

from msgspec import Struct

from shipper.bounds import Count
from shipper.formats.codec import Codec, CodecConfig
from shipper.outputs.config import OutputConfig


class ConsoleConfig(OutputConfig, CodecConfig, Struct, frozen=True, kw_only=True):
    """How lines look."""

    #: Indented over several lines, for reading; otherwise the unchanged bytes.
    pretty: bool = False
    #: json: the unchanged line; ocsf, cef, leef: the line in that format.
    codec: Codec = "json"
    #: Lines written at once.
    bulk_max_size: Count = 2048

    @property
    def is_indented(self) -> bool:
        """Whether lines are indented: CEF and LEEF cannot be."""
        return self.pretty and self.codec in {"json", "ocsf"}
