"""Values out of YAML rows: each is checked, and every problem is kept with its place."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from shipper.errors import Problem

Word = TypeVar("Word", bound=StrEnum)


class Row:
    """One mapping of the catalog. What cannot be used is noted, and its default goes on.

    So one reading finds everything that is wrong, not the first of it.
    """

    def __init__(self, value: object, where: str, problems: list[Problem]) -> None:
        self.where = where
        self._problems = problems
        self.values = value if isinstance(value, Mapping) else {}
        if value is not None and not isinstance(value, Mapping):
            self.note("", f"expected a mapping, found {_kind(value)}")

    def note(self, key: str, what: str) -> None:
        self._problems.append(Problem(f"{self.where}.{key}" if key else self.where, what))

    def rows(self) -> Iterator[tuple[str, "Row"]]:
        """The mappings in it, by name."""
        for name, value in self.values.items():
            if isinstance(name, str):
                yield name, Row(value, f"{self.where}.{name}", self._problems)
            else:
                self.note("", f"the name {name!r} is {_kind(name)}; put it in quotes")

    def row(self, key: str) -> "Row":
        return Row(self.values.get(key), f"{self.where}.{key}", self._problems)

    def over(self, other: "Row | None") -> "Row":
        """This row over another, key by key."""
        below = other.values if other else {}
        return Row({**below, **self.values}, self.where, self._problems)

    def only(self, known: Collection[str]) -> None:
        """Note every key that is not known, with the nearest that is."""
        for key in self.values:
            if key not in known:
                near = get_close_matches(str(key), known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
                self.note(str(key), f"unknown key; {hint}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, str, "text", default)
        return value if isinstance(value, str) else ""

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if self.values.get(key) is not None else None

    def whole(self, key: str, default: int | None = None) -> int:
        value = self._get(key, int, "a whole number", default)
        return value if isinstance(value, int) else 1

    def texts(self, key: str, default: list[str] | None = None) -> list[str]:
        value = self._get(key, list, "a list of names", default)
        if not isinstance(value, list):
            return []
        for item in value:
            if not isinstance(item, str):
                self.note(key, f"expected a list of names, found {_kind(item)} in it: {item!r}")
        return [item for item in value if isinstance(item, str)]

    def word(self, key: str, words: type[Word], default: Word) -> Word:
        value = self.values.get(key, default)
        if value not in list(words):
            self.note(key, f"{value!r} is none of {', '.join(words)}")
            return default
        return words(value)

    def _get(self, key: str, kind: type, expected: str, default: object) -> Any:
        value = self.values.get(key)
        if value is None:
            if default is None:
                self.note(key, f"missing; expected {expected}")
            return default
        if not isinstance(value, kind) or isinstance(value, bool):
            self.note(key, f"expected {expected}, found {_kind(value)}: {value!r}")
            return default
        return value


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", int: "a number", float: "a fraction"}
    return "nothing" if value is None else names.get(type(value), type(value).__name__)
