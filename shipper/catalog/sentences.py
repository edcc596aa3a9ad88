"""The words of `message`: `sentences.yml` as values."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from msgspec import Struct

from shipper.yaml.parse import LOADER


class Deed(Struct, frozen=True):
    """What was done: words, the field after them, and the words without it.

    The server did it if `of_server`: `@` in the words stands for the user.
    """

    words: str
    field: str = ""
    without: str = ""
    of_server: bool = False


class Sentences(Struct, frozen=True):
    """The complete table; see the head of `sentences.yml`."""

    who: tuple[str, ...]
    nobody: str
    user: str
    server: tuple[str, ...]
    unnamed: str
    deeds: Mapping[str, Deed]
    other: str
    subjects: tuple[str, ...]
    own: tuple[tuple[str, str], ...]
    endings: Mapping[str, str]
    outcomes: Mapping[str, str]
    denied: str
    reasons: tuple[str, ...]
    missing: str
    most: int


def rows() -> dict[str, Any]:
    """The table as plain JSON, for the scripts of other languages."""
    text = files("shipper.catalog").joinpath("sentences.yml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.load(text, LOADER)  # noqa: S506 - a safe loader
    return table


@cache
def sentences() -> Sentences:
    """The table as shipped."""
    table = rows()
    return Sentences(
        who=tuple(table["who"]),
        nobody=table["nobody"],
        user=table["user"],
        server=tuple(table["server"]),
        unnamed=table["unnamed"],
        deeds={action: _deed(row) for action, row in table["deeds"].items()},
        other=table["other"],
        subjects=tuple(table["subjects"]),
        own=tuple(table["own"].items()),
        endings=table["endings"],
        outcomes=table["outcomes"],
        denied=table["denied"],
        reasons=tuple(table["reasons"]),
        missing=table["missing"],
        most=table["most"],
    )


def _deed(row: list[str]) -> Deed:
    words, *rest = row
    field, without = rest or ("", words)
    return Deed(words, field, without, of_server="@" in words)
