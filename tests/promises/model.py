"""A promise, its proofs, and the mutants that show that they prove it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """The code without one of its guards: `file`, below `shipper/`, has `after` for `before`."""

    file: str
    before: str
    after: str

    def applied(self, text: str) -> str:
        """The text of the file without the guard; `ValueError` unless it occurs exactly once."""
        if (count := text.count(self.before)) != 1:
            raise ValueError(f"shipper/{self.file} has {self.before!r} {count} times, not once")
        return text.replace(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Promise:
    """`area:claim`, the sentence, and each proof with the mutants on which it fails.

    A proof is `file::test`, below `tests/`.
    """

    id: str
    sentence: str
    proofs: Mapping[str, Sequence[Mutant]]
