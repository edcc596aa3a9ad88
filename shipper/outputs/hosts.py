"""Host names and ports of a configuration."""

import re
from collections.abc import Sequence
from typing import Final

from shipper.errors import ConfigError, Problem


def split_host(where: str, default_port: int) -> tuple[str, int]:
    """Host and port of `host`, `host:port`, `[::1]:port` or `::1`; `ConfigError` without them."""
    host, port = where, ""
    if fault := fault_of_host(where):
        raise ConfigError([Problem("hosts", fault)])
    if where.startswith("["):
        host, _, port = where[1:].partition("]")
        port = port.removeprefix(":")
    elif where.count(":") == 1:
        host, _, port = where.partition(":")
    if not is_host(host) or (port and not _PORT.fullmatch(port)):
        raise ConfigError([Problem("hosts", "one of them is not host or host:port")])
    number = int(port) if port else default_port
    if number > _LAST_PORT:
        raise ConfigError([Problem("hosts", f"one of them has a port above {_LAST_PORT}")])
    return host, number


#: ASCII only: `int` would take the digits of any script.
_PORT = re.compile("[0-9]{1,9}")
_LAST_PORT: Final = 65_535


def is_host(name: str) -> bool:
    """Whether it can be looked up: `a..b` and a part of over 63 letters end in a `UnicodeError`."""
    try:
        return bool(name) and bool(name.encode("idna"))
    except UnicodeError:
        return False


def fault_of_host(where: str) -> str:
    """Why it names more than a host and a port, without quoting it: it may hold a password."""
    if "@" in where:
        return "one of them contains a user name; only host and port belong there"
    if "/" in where or not where.isprintable() or " " in where:
        return "one of them is not host or host:port"
    return ""


def some_hosts(hosts: Sequence[str]) -> Sequence[str]:
    """The hosts of a configuration; there must be at least one."""
    if not hosts:
        raise ConfigError([Problem("hosts", "name at least one")])
    return hosts
