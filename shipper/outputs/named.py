"""Lines with a name of their own each: an index, a topic or a key."""

from collections.abc import Callable, Sequence

from shipper.lines import Lines
from shipper.outputs.base import Outcome, Rejected
from shipper.processors.naming import Names

#: Sends lines with the name of each.
_Send = Callable[[Lines, Sequence[str]], Sequence[Outcome]]


def send_named(lines: Lines, names: Names, what: str, send: _Send) -> Sequence[Outcome]:
    """Send the lines that have a name; the others are rejected. `what` the name is, for reasons."""
    found = [names.of(line) for line in lines]
    if all(found):
        return send(lines, found)
    named = [at for at, name in enumerate(found) if name]
    outcomes: list[Outcome] = [
        Rejected("" if name else names.why_not(line, what))
        for line, name in zip(lines, found, strict=True)
    ]
    sent = send(lines.pick(named), [found[at] for at in named]) if named else ()
    for at, outcome in zip(named, sent, strict=True):
        outcomes[at] = outcome
    return outcomes
