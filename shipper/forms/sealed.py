"""Lines of an audit segment."""

from shipper.forms.ndjson import Ndjson


class _Sealed(Ndjson):
    """Lines of a segment, where a line counts only with its newline.

    The writer cuts off an incomplete line, and may write another with the same sequence number.
    """

    def patience_s(self, rest: bytes) -> float | None:  # noqa: ARG002  # the signature of all forms
        return None


SEALED = _Sealed()
