"""Lines of an audit segment, which count only with their newline."""

from shipper.forms.ndjson import Ndjson


class Sealed(Ndjson):
    """Lines of a segment: there a line without its newline does not count.

    The writer cuts such a line off again, and may write another one with its sequence number.
    """

    def patience_s(self, rest: bytes) -> float | None:  # noqa: ARG002  # as every form's
        """None: the newline is a part of the line."""
        return None


SEALED = Sealed()
