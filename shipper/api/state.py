"""Operations about the state of the shipper and of its record."""

import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from shipper.api.answers import Metrics, Output, Verification
from shipper.api.record import record_verification, recorded_in, trust_of
from shipper.config import Config
from shipper.errors import Unavailable
from shipper.run.status import output_status
from shipper.run.usage import Usage

#: A verification reads the complete record, so there is one at a time.
_verifying = threading.Lock()
#: What was measured of a record, as the next measurement reads on from there.
_usages: dict[tuple[str, str], Usage] = {}


def metrics(_context: Mapping[str, Any], config: Config) -> Metrics:
    """The state of each output, and the amounts of the record on this host."""
    usage = _usages.setdefault((str(config.audit), str(config.data)), Usage(config))
    outputs = msgspec.convert([one.plain() for one in output_status(config)], list[Output])
    return Metrics(outputs, usage.measure())


def verification(context: Mapping[str, Any], config: Config) -> Verification:
    """Verify the record on this host; `Unavailable` while another request does so."""
    from shipper.evidence.verdict import is_damaged
    from shipper.evidence.verify import verify

    if not _verifying.acquire(blocking=False):
        raise Unavailable("another request is verifying the record; ask again later")
    try:
        verdicts = [*verify(recorded_in(config), trust_of(config))]
    finally:
        _verifying.release()
    record_verification(config, verdicts, context.get("user_id"))
    return Verification(is_damaged(verdicts), sum(one.events for one in verdicts), verdicts)
