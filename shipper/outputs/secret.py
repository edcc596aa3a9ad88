from msgspec import Struct

"""Values that must not be seen."""


class Secret(Struct, frozen=True):
    """A password or key: its text comes out of `reveal` alone, never out of a repr or a log."""

    _value: str

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__
