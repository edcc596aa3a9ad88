"""Which keys the operator has set, so that a change of one can be noticed."""

import hmac
import json
from collections.abc import Iterator

from shipper.yaml.node import YamlNode


class Settings:
    """The keys of a configuration; their values stay inside, because some are secret.

    Not a Struct, because encoders and printers find the fields of those.
    """

    __slots__ = ("_values", "file")

    def __init__(self, tree: YamlNode | None = None) -> None:
        self._values = dict(_leaves(tree)) if tree else {}
        #: The configuration file; empty if there is none.
        self.file = tree.where.rpartition(":")[0] if tree else ""

    def digests(self, salt: bytes) -> dict[str, str]:
        """A digest of the value of each key, which means nothing without the salt."""
        return {
            key: hmac.digest(salt, value.encode(), "sha256").hex()
            for key, value in self._values.items()
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._values == other._values

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))


def _leaves(node: YamlNode) -> Iterator[tuple[str, str]]:
    """Each key with its value as JSON; a list of plain values is one value."""
    if not node.children and not any(one.children for one in node.items or ()):
        yield node.path, json.dumps(node.plain())
        return
    for one in (*(node.children or {}).values(), *(node.items or ())):
        yield from _leaves(one)
