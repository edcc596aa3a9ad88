"""The error tree: the class of an error says what happens next."""

from collections.abc import Sequence

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One thing wrong with what a person wrote: where it is, and what to do about it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class ShipperError(Exception):
    """Anything this package raises on purpose."""


class BadInput(ShipperError):
    """What a person wrote cannot be used: stop before starting, and report every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class ConfigError(BadInput):
    """The configuration has problems."""


class CatalogError(BadInput):
    """The catalog, or a user's overlay of it, has problems."""


class DeliveryError(ShipperError):
    """A whole batch was not taken; nothing is known to have arrived."""


class Unavailable(DeliveryError):
    """The destination cannot be reached or is overloaded: the same batch again, after a delay."""


class Closed(Unavailable):
    """The connection was ended on the batch without a word: as `Unavailable`.

    When that goes on while the destination works otherwise, one of the lines is to blame.
    `answers` says whether it proved to work on a new connection right after.
    """

    def __init__(self, message: str, *, answers: bool) -> None:
        super().__init__(message)
        self.answers = answers


class Refused(DeliveryError):
    """A person must act (credentials, certificate, disk): the same batch, slowly and loudly."""


class TooLarge(DeliveryError):
    """The destination limits the size: send halves; one line that is too large is rejected."""


class ProtocolError(ShipperError):
    """The peer broke its protocol: drop the connection, then as `Unavailable`."""


class Unprocessable(ShipperError):
    """A line that the processors cannot look through: it alone goes to the dead letters."""


class RegistryError(ShipperError):
    """Positions cannot be read or kept: stop, for without them nothing can be promised."""
