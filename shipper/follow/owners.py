"""Which input a path belongs to, and how long that input keeps the position of a missing file."""

from collections.abc import Sequence

from shipper.follow.discover import matcher, patterns
from shipper.follow.inputs import InputConfig

#: Positions of files that were missing for this long are forgotten (a mount may be back sooner).
_FORGET_AFTER_S = 30 * 24 * 3600


class Owners:
    """The inputs, by the paths that their patterns match."""

    def __init__(self, inputs: Sequence[InputConfig]) -> None:
        self._by_match = [(matcher(patterns([one])).match, one) for one in inputs]
        self._has_clean = any(one.clean_inactive_s for one in inputs)

    def of(self, path: str) -> InputConfig | None:
        """The first input that wants the file; None if no input does."""
        found = (one for is_match, one in self._by_match if is_match(path))
        return next((one for one in found if one.scanner.wants(path)), None)

    def kept_s(self, path: str) -> float:
        """How long the position of the file is kept while the file is missing, in seconds."""
        owner = self.of(path) if self._has_clean else None
        return owner.clean_inactive_s if owner and owner.clean_inactive_s else _FORGET_AFTER_S
