"""What became of the lines up to the positions of an output: an account that must balance.

The lines are counted in the files, and their outcomes where lines are settled. Both are committed
with the positions, so no crash comes between them, and `Account.unexplained` is 0 unless lines were
lost or doubled on the way.
"""

from msgspec import Struct


class Account(Struct, frozen=True, omit_defaults=True):
    """Counts of lines; `read` = `delivered` + `dead_letters` + `dropped` + `joined`."""

    #: Lines of the files, each newline one.
    read: int = 0
    #: Accepted by the destination, now or before.
    delivered: int = 0
    #: Became dead letters, including those that a replay delivers later.
    dead_letters: int = 0
    #: Dropped by processors or filters of the configuration.
    dropped: int = 0
    #: Blank, or a further line of an event of several lines.
    joined: int = 0
    #: Of `read`, the events of audit streams, and how many events these state as lost.
    recorded: int = 0
    stated_lost: int = 0
    #: In the files and not settled; never committed.
    waiting: int = 0

    def __add__(self, other: "Account") -> "Account":
        return Account(*(a + b for a, b in zip(_values(self), _values(other), strict=True)))

    @property
    def written(self) -> int:
        """All lines of the files: settled or waiting."""
        return self.read + self.waiting

    @property
    def emitted(self) -> int:
        """All events of the audit streams: recorded, or stated as lost."""
        return self.recorded + self.stated_lost

    @property
    def unexplained(self) -> int:
        """Lines that were read and have no outcome; less than 0 if lines have two."""
        return self.read - self.delivered - self.dead_letters - self.dropped - self.joined

    @property
    def delivery_success_rate(self) -> float | None:
        """The part of lines with an outcome that was delivered; None before the first one."""
        settled = self.delivered + self.dead_letters
        return round(self.delivered / settled, 6) if settled else None

    def plain(self) -> dict[str, int]:
        """As one JSON object, with the sums."""
        names = ("written", *self.__struct_fields__, "emitted", "unexplained")
        return {name: getattr(self, name) for name in names}


def _values(account: Account) -> list[int]:
    return [getattr(account, name) for name in Account.__struct_fields__]
