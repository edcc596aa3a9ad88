"""How much of the arguments and results of calls is recorded: the operator's rules."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase

from msgspec import Struct


class Payload(StrEnum):
    """How much of a payload is recorded."""

    NONE = "none"  # nothing
    NAMES = "names"  # the names of an object's members, without their values
    MASKED = "masked"  # everything but secrets, up to the bounds
    FULL_HASH = "full-hash"  # only the SHA-256 of the complete payload


class PayloadRule(Struct, frozen=True):
    """One rule: for calls of these types and tools, how arguments and results are recorded.

    An empty list of types or tools means all; a tool may be a pattern with `*`.
    """

    event_types: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    arguments: Payload = Payload.MASKED
    results: Payload = Payload.MASKED

    def fits(self, event_type: str, tool: object) -> bool:
        if self.event_types and event_type not in self.event_types:
            return False
        return not self.tools or any(fnmatchcase(str(tool), name) for name in self.tools)


#: The fields that hold what a caller gave, and what a server answered; each with the field for
#: its digest.
ARGUMENTS: Mapping[str, str | None] = {
    "gen_ai.tool.call.arguments": "mcp.tool.arguments.hash",
    "mcp.prompt.arguments": None,
}
RESULTS: Mapping[str, str | None] = {
    "mcp.tool.result.text": "mcp.tool.result.hash",
    "error.message": None,
}


def rule_for(rules: Iterable[PayloadRule], event_type: str, tool: object) -> PayloadRule | None:
    """The first rule that fits."""
    return next((rule for rule in rules if rule.fits(event_type, tool)), None)
