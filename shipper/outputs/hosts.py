"""Host names and ports of a configuration."""

from collections.abc import Sequence

from shipper.errors import ConfigError, Problem


def split_host(where: str, default_port: int) -> tuple[str, int]:
    """Host and port of `host`, `host:port`, `[::1]:port` or `::1`."""
    host, port = where, ""
    if where.startswith("["):
        host, _, port = where[1:].partition("]")
        port = port.removeprefix(":")
    elif where.count(":") == 1:
        host, _, port = where.partition(":")
    if not host or (port and not port.isdecimal()):
        raise ConfigError([Problem("hosts", f"{where!r} is not host or host:port")])
    return host, int(port) if port else default_port


def some_hosts(hosts: Sequence[str]) -> Sequence[str]:
    """The hosts of a configuration; there must be at least one."""
    if not hosts:
        raise ConfigError([Problem("hosts", "name at least one")])
    return hosts
