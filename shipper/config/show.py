"""The configuration as it was read, defaults included, for a person."""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath

from msgspec import Struct
from msgspec.structs import fields

from shipper.config.model import Config
from shipper.outputs.secret import Secret
from shipper.patterns import Pattern

#: What may stand before the host of an address: a name and a password, which may have any sign.
_USERINFO = re.compile(r"(?<=://)\S*@|\A(?!\w+://)\S*@")
#: What may stand behind it: a port that is none may be a piece of a password.
_PORT = re.compile(r"(?<=:)(?!//)[^:/\]]*[^:/\]0-9][^:/\]]*(?=/|\Z)")
_QUERY = re.compile(r"\?.*", re.DOTALL)
_HIDDEN = str(Secret(""))
#: Fields with addresses, and with values that may be secret.
_ADDRESSES = frozenset({"hosts", "path", "kibana_url"})
_VALUES = frozenset({"parameters"})


def plain(config: Config) -> dict[str, object]:
    """Every value under its internal name, which includes its unit, without catalog and keys.

    Secrets are `<hidden>`, also in addresses; objects with code, such as processors, are shown by
    the name of their class.
    """
    return {
        row.name: _field(row.name, getattr(config, row.name))
        for row in fields(config)
        if row.name not in {"catalog", "settings"}
    }


def _field(name: str, value: object) -> object:
    if name in _VALUES and isinstance(value, Mapping):
        return dict.fromkeys(map(str, value), _HIDDEN)
    if name in _ADDRESSES and isinstance(value, tuple):
        return [_address(str(one)) for one in value]
    return _address(value) if name in _ADDRESSES and isinstance(value, str) else _plain(value)


def _address(text: str) -> str:
    """The address without name, password and query."""
    text = _QUERY.sub(f"?{_HIDDEN}", _USERINFO.sub(f"{_HIDDEN}@", text))
    return _PORT.sub(_HIDDEN, text)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(_plain(one)) for one in value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Struct):
        return {row.name: _field(row.name, getattr(value, row.name)) for row in fields(value)}
    return _leaf(value)


def _leaf(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float():
            return value
        case Pattern():
            return str(value.pattern)
        case Secret():
            return str(value)
        case str() | PurePath():
            return _hidden(str(value))
    return type(value).__name__


def _hidden(text: str) -> str:
    """The text, unless it is a key, or has the password of an address."""
    if "-----BEGIN" in text:
        return _HIDDEN
    return _USERINFO.sub(f"{_HIDDEN}@", text) if "://" in text else text
