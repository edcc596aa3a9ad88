"""The configuration as it was read, defaults included, for a person."""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath

from msgspec import Struct
from msgspec.structs import fields

from shipper.config.model import Config
from shipper.outputs.secret import Secret

#: The user name and password that may precede the host of an address.
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")


def plain(config: Config) -> dict[str, object]:
    """Every value under its internal name, which includes its unit; the catalog is left out.

    Secrets are `<hidden>`, also in addresses; objects with code, such as processors, are shown by
    the name of their class.
    """
    return {
        row.name: _plain(getattr(config, row.name))
        for row in fields(config)
        if row.name != "catalog"
    }


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(_plain(one)) for one in value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Struct):
        return {row.name: _plain(getattr(value, row.name)) for row in fields(value)}
    return _leaf(value)


def _leaf(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float():
            return value
        case re.Pattern():
            return str(value.pattern)
        case Secret():
            return str(value)
        case str() | PurePath():
            return _USERINFO.sub(f"{Secret('')}@", str(value))
    return type(value).__name__
