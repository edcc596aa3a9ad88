"""Reads nodes as Structs: a field is a key of a section, and its type hint decides the reading."""

import types
import typing
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from shipper.bounds import INNER
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader

_Reading = Callable[[Reader, YamlNode], Any]


def into(reader: Reader, kind: type, node: YamlNode, **inner: object) -> Any:
    """A `kind` from the keys of a section; None if a required key is missing.

    A duration `timeout_s` has the key `timeout`. `inner` are fields that are not keys (`INNER`).
    """
    keys = _keys(kind)
    values = {
        keys[name].field: _reading(keys[name].hint)(reader, child)
        for name, child in reader.children(node, keys).items()
        if not (child.scalar == "" and keys[name].may_be_empty)
    }
    missing = [name for name, key in keys.items() if key.is_required and key.field not in values]
    for name in missing:
        reader.note(node, f"{name} is required")
    return None if missing else kind(**values, **inner)


class _Key(Struct, frozen=True):
    field: str
    hint: object
    is_required: bool
    #: Whether an empty text means that nothing is given, as in Filebeat's examples.
    may_be_empty: bool


@cache
def _keys(kind: type) -> Mapping[str, _Key]:
    return {
        _name(row.name, row.type): _Key(row.name, row.type, row.required, _may_be_empty(row.type))
        for row in fields(kind)
        if not _is_inner(row.type)
    }


def _name(field: str, hint: object) -> str:
    return field.removesuffix("_s") if _is_duration(hint) else field


def _is_duration(hint: object) -> bool:
    return typing.get_args(_bare(hint))[:1] == (float,)


def _is_inner(hint: object) -> bool:
    return INNER in typing.get_args(hint)


def _may_be_empty(hint: object) -> bool:
    return _is_optional(hint) or typing.get_origin(hint) is typing.Literal


def _is_optional(hint: object) -> bool:
    return typing.get_origin(hint) in {types.UnionType, typing.Union}


def _bare(hint: Any) -> Any:
    """`X` of `X | None`."""
    if _is_optional(hint):
        return next(arm for arm in hint.__args__ if arm is not type(None))
    return hint


@cache
def _reading(hint: object) -> _Reading:
    wanted: Any = _bare(hint)
    if generic := _GENERIC.get(typing.get_origin(wanted)):
        return generic(wanted)
    if read := _SIMPLE.get(wanted):
        return read
    assert isinstance(wanted, type), f"no reading for {wanted}"
    assert wanted is not float, "a duration is Annotated: bounds.Duration, bounds.Span"
    if issubclass(wanted, StrEnum):
        return lambda reader, node: reader.member(node, wanted)
    if not issubclass(wanted, Struct):
        make: Callable[[str], object] = wanted  # a Secret
        return lambda reader, node: make(reader.text(node))
    if _is_optional(hint):
        return lambda reader, node: _optional_section(reader, node, wanted)
    return lambda reader, node: into(reader, wanted, node)


_SIMPLE: Mapping[object, _Reading] = {str: Reader.text, int: Reader.whole, bool: Reader.truth}


def _number(wanted: Any) -> _Reading:
    """A whole number, or a duration, within bounds."""
    base, bounds = typing.get_args(wanted)
    if base is float:
        return lambda reader, node: reader.seconds(node, bounds)
    return lambda reader, node: reader.whole(node, bounds)


def _literal(wanted: Any) -> _Reading:
    known = typing.get_args(wanted)

    def read(reader: Reader, node: YamlNode) -> Any:
        given = reader.one_of(node, known)
        return given if given in known else known[0]

    return read


def _mapping(wanted: Any) -> _Reading:
    read = _reading(typing.get_args(wanted)[1])
    return lambda reader, node: {
        key: read(reader, child)
        for key, child in reader.children(node, node.children or ()).items()
    }


def _tuple(wanted: Any) -> _Reading:
    """A list; a single value is a list of one."""
    inner = typing.get_args(wanted)[0]
    if typing.get_origin(inner) is not typing.Literal:
        return Reader.texts
    known = typing.get_args(inner)
    return lambda reader, node: tuple(
        reader.one_of(item, known) for item in ([node] if node.items is None else node.items)
    )


_GENERIC: Mapping[object, Callable[[Any], _Reading]] = {
    typing.Annotated: _number,
    typing.Literal: _literal,
    Mapping: _mapping,
    tuple: _tuple,
}


def _optional_section(reader: Reader, node: YamlNode, kind: type) -> Any:
    """A section that may be missing, and may be switched off."""
    keys = dict(node.children or {})
    enabled = keys.pop("enabled", None)
    if enabled and not enabled.is_unset and not reader.truth(enabled):
        reader.ignored.append(node.path)
        return None
    return into(reader, kind, replace(node, children=keys) if node.children else node)
