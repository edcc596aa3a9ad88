"""Whether the document that has the id of a line is this line, or another one.

An answer of 409 says only that the id is taken. A line that has an id of its own and states a hash
(`event.hash`) is compared with the document: somebody else may have taken the id first, and then
this line was never stored.
"""

import logging
from collections.abc import Callable, Sequence

from shipper.outputs.base import DUPLICATE, RETRY, Outcome, Rejected
from shipper.wire import bulk, mget

_log = logging.getLogger(__name__)

_OK, _TOO_MANY, _SERVER_ERRORS = 200, 429, 500

#: Sends the body of a request to `mget.MGET_PATH`; returns status and answer.
_Ask = Callable[[bytes], tuple[int, bytes]]


class Conflicts:
    """Compares lines with the documents that have their ids."""

    def __init__(self) -> None:
        self._is_reported = False

    def outcomes(self, claims: Sequence[mget.Claim], ask: _Ask) -> Sequence[Outcome]:
        """The outcome of each line whose id is taken."""
        status, data = ask(mget.mget_body(claims))
        if status == _TOO_MANY or status >= _SERVER_ERRORS:
            return [RETRY] * len(claims)
        if status != _OK:
            self._report(status, bulk.read_failure(data))
            return [DUPLICATE] * len(claims)
        stored = mget.read_stored(data, len(claims))
        outcomes = [_outcome(claim, one) for claim, one in zip(claims, stored, strict=True)]
        if taken := [one for one in outcomes if isinstance(one, Rejected)]:
            _log.error(
                "Elasticsearch holds other documents under the ids of %d events: they were changed "
                "or forged, there or here. The first: %s.",
                *(len(taken), taken[0].reason),
            )
        return outcomes

    def _report(self, status: int, reason: str) -> None:
        """Log once that nothing can be compared."""
        if not self._is_reported:
            _log.error(
                "Elasticsearch answers %d (%s) when asked for the documents that have the ids of "
                "events; whether they are these events is not known, and they count as delivered. "
                "Give the shipper the privilege read.",
                *(status, reason),
            )
        self._is_reported = True


def _outcome(claim: mget.Claim, stored: mget.Stored) -> Outcome:
    if not stored.found:
        return RETRY
    if stored.hash == claim.hash:
        return DUPLICATE
    return Rejected(f"409 conflict: {claim.index} holds another document under the id {claim.id}")
