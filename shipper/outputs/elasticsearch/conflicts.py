"""Whether the document that has the id of a line is this line, or another one.

An answer of 409 says only that the id is taken. A line that has an id of its own and states a hash
(`event.hash`) is compared with the document: somebody else may have taken the id first, and then
this line was never stored. Where the documents may not be read, nobody knows, and no line counts as
delivered.
"""

import logging
from collections.abc import Callable, Sequence

from shipper.errors import Refused
from shipper.outputs.base import DUPLICATE, RETRY, Outcome, Rejected
from shipper.wire import bulk, mget

_log = logging.getLogger(__name__)

_OK, _TOO_MANY, _SERVER_ERRORS = 200, 429, 500
_SECURITY = "security_exception"

#: Sends the body of a request to `mget.MGET_PATH`; returns status and answer.
_Ask = Callable[[bytes], tuple[int, bytes]]


def outcomes_of_conflicts(claims: Sequence[mget.Claim], ask: _Ask) -> Sequence[Outcome]:
    """The outcome of each line whose id is taken.

    Raises `Refused` if the documents with the ids may not be read.
    """
    status, data = ask(mget.mget_body(claims))
    if status == _TOO_MANY or status >= _SERVER_ERRORS:
        return [RETRY] * len(claims)
    if status != _OK:
        raise _unreadable(claims[0], f"{status} {bulk.read_failure(data)}".rstrip())
    stored = mget.read_stored(data, len(claims))
    outcomes = [_outcome(claim, one) for claim, one in zip(claims, stored, strict=True)]
    if taken := [one for one in outcomes if isinstance(one, Rejected)]:
        _log.error(
            "Elasticsearch holds other documents under the ids of %d events: they were changed "
            "or forged, there or here. The first: %s.",
            *(len(taken), taken[0].reason),
        )
    return outcomes


def _unreadable(claim: mget.Claim, said: str) -> Refused:
    return Refused(
        f"Elasticsearch has a document under the id of an event, {claim.id}, and does not show it "
        f"({said}), so whether it is this event is not known; give the credentials the privilege "
        f"read for {claim.index}"
    )


def _outcome(claim: mget.Claim, stored: mget.Stored) -> Outcome:
    if stored.error and stored.error.type == _SECURITY:
        raise _unreadable(claim, f"{stored.error.type}: {stored.error.reason}")
    if not stored.found:
        return RETRY
    if stored.hash == claim.hash:
        return DUPLICATE
    return Rejected(f"409 conflict: {claim.index} holds another document under the id {claim.id}")
