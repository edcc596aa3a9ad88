"""The error tree: the class of an error determines what happens next."""

from collections.abc import Sequence

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One fault in something a person wrote: where it is, and how to fix it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class ShipperError(Exception):
    """Anything this package raises on purpose."""


class BadInput(ShipperError):
    """Something a person wrote cannot be used: stop before the start, and report every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class ConfigError(BadInput):
    """The configuration has problems."""


class CatalogError(BadInput):
    """The catalog, or a user's overlay of it, has problems."""


class NotRecorded(ShipperError):
    """An event that must be recorded cannot be: what it is about must not take place."""


class Unreadable(ShipperError):
    """A file or directory that is to be shipped cannot be read."""


class Stopped(ShipperError):
    """A stop came before everything was delivered."""


class DeliveryError(ShipperError):
    """A complete batch failed; no line of it is known to have arrived."""


class Unavailable(DeliveryError):
    """The destination is unreachable or overloaded: send the same batch again after a delay."""


class Closed(Unavailable):
    """The destination closed the connection on the batch without an answer: as `Unavailable`.

    If this continues while the destination works otherwise, one of the lines is to blame.
    `answers` is whether the destination worked on a new connection directly afterwards.
    """

    def __init__(self, message: str, *, answers: bool) -> None:
        super().__init__(message)
        self.answers = answers


class Refused(DeliveryError):
    """A person must act (credentials, certificate, disk): retry the batch slowly, and log it."""


class TooLarge(DeliveryError):
    """The batch is over the destination's limit: send halves; reject a single line over it."""


class ProtocolError(ShipperError):
    """The peer broke the protocol: close the connection, then as `Unavailable`."""


class Unprocessable(ShipperError):
    """The processors cannot read a line completely: only this line becomes a dead letter."""


class RegistryError(ShipperError):
    """Positions cannot be read or saved: stop, because without them no promise holds."""
