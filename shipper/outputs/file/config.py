"""The configuration of the file output."""

from msgspec import Struct

from shipper.bounds import Count
from shipper.formats.codec import Codec, CodecConfig
from shipper.outputs.config import OutputConfig


class FileConfig(OutputConfig, CodecConfig, Struct, frozen=True, kw_only=True):
    """Where the files go, and when a new one starts."""

    #: Directory; made if it is missing.
    path: str
    #: The files are <filename>.ndjson, <filename>-1.ndjson, -2 and so on; the last is written to.
    filename: str = "mcp-shipper"
    #: The size at which a new file starts; a batch is never split over two files.
    rotate_every_kb: Count = 10_240
    #: How many files to keep; the oldest are deleted. 0 keeps all, as an audit trail requires.
    number_of_files: int = 0
    #: Mode of new files.
    permissions: int = 0o600
    #: json: the unchanged line; ocsf, cef, leef: the line in that format.
    codec: Codec = "json"
    #: Lines written and synchronised together.
    bulk_max_size: Count = 2048
