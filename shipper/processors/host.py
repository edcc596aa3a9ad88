"""The machine that the shipper runs on: `add_host_metadata`, from the operating system."""

import platform
import socket
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from shipper.bounds import Duration
from shipper.processors.cached import Cached
from shipper.processors.event import Event, below, find
from shipper.processors.fields import AddFields

_MACHINE_ID = Path("/etc/machine-id")
#: The families of distributions, by the ids that they or their relatives have in os-release.
_FAMILIES = {
    "debian": ("debian", "ubuntu"),
    "redhat": ("rhel", "fedora", "centos", "amzn"),
    "suse": ("suse", "opensuse", "sles"),
    "arch": ("arch",),
    "alpine": ("alpine",),
}


class _NetinfoConfig(Struct, frozen=True, kw_only=True):
    """Whether to add the addresses of the interfaces."""

    enabled: bool = True


class _CacheConfig(Struct, frozen=True, kw_only=True):
    """How long facts about the host are kept; 0: read them for every event."""

    ttl_s: Duration = 300.0


class GeoConfig(Struct, frozen=True, kw_only=True):
    """Where the machine is, which only the operator knows."""

    name: str = ""
    location: str = ""
    continent_name: str = ""
    country_name: str = ""
    country_iso_code: str = ""
    region_name: str = ""
    region_iso_code: str = ""
    city_name: str = ""


class HostConfig(Struct, frozen=True, kw_only=True):
    """The options of `add_host_metadata`."""

    netinfo: _NetinfoConfig = _NetinfoConfig()
    cache: _CacheConfig = _CacheConfig()
    geo: GeoConfig = GeoConfig()
    #: Replaces the machine's own name.
    name: str = ""
    #: Whether this host replaces another one that an event describes.
    replace_fields: bool = True


class AddHostMetadata:
    """Adds `host.*`."""

    def __init__(self, config: HostConfig) -> None:
        self._replaces = config.replace_fields
        self._facts = Cached(lambda: AddFields({"host": facts(config)}), config.cache.ttl_s)

    def process(self, event: Event) -> Event:
        if not self._replaces and _describes_host(event):
            return event
        return self._facts().process(event)

    def may_touch(self, _line: bytes) -> bool:
        return True


def _describes_host(event: Event) -> bool:
    """Whether the event has more about a host than its name."""
    host = find(event, "host")
    return (type(host) is dict and host.keys() != {"name"}) or below(event, "host") != []


def facts(config: HostConfig) -> Event:
    """What is known about this machine, under the names of ECS."""
    name = socket.gethostname().lower()
    host: Event = {
        "name": config.name or name,
        "hostname": name,
        "architecture": platform.machine(),
        "os": _system(),
    }
    if geo := {key: value for key, value in asdict(config.geo).items() if value}:
        host["geo"] = geo
    if _MACHINE_ID.is_file():
        host["id"] = _MACHINE_ID.read_text(encoding="ascii", errors="replace").strip()
    if config.netinfo.enabled:
        host["ip"], host["mac"] = _addresses()
    return {key: value for key, value in host.items() if value}


def _system() -> Event:
    kernel = {"type": platform.system().lower(), "kernel": platform.release()}
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return kernel
    known = {
        "platform": release["ID"],
        "family": _family(release),
        "name": release["NAME"],
        "version": release.get("VERSION", release.get("VERSION_ID", "")),
        "codename": release.get("VERSION_CODENAME", ""),
    }
    return kernel | {key: value for key, value in known.items() if value}


def _family(release: dict[str, str]) -> str:
    names = {release["ID"], *release.get("ID_LIKE", "").split()}
    return next((family for family, ids in _FAMILIES.items() if names.intersection(ids)), "")


def _addresses() -> tuple[list[str], list[str]]:
    """The IP addresses and the MAC addresses of all interfaces except loopback."""
    import psutil  # takes 10 ms, and only `netinfo` needs it

    flags = {name: stats.flags for name, stats in psutil.net_if_stats().items()}
    found = [
        one
        for name, addresses in psutil.net_if_addrs().items()
        for one in addresses
        if "loopback" not in flags.get(name, "")
    ]
    ips = [one.address.partition("%")[0] for one in found if one.family in _IP]
    macs = [one.address for one in found if one.family == psutil.AF_LINK]
    return ips, [mac.upper().replace(":", "-") for mac in macs]


_IP = (socket.AF_INET, socket.AF_INET6)
