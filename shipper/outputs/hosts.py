"""Host names and ports of a configuration."""

from collections.abc import Sequence

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
    if not host or (port and not port.isdecimal()):
        raise ConfigError([Problem("hosts", "one of them is not host or host:port")])
    return host, int(port) if port else default_port


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
