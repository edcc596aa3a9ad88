"""All checks, in the order in which a person should read them: this machine first, then servers."""

import os
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from shipper.config import Config
from shipper.doctor.certificates import certificates
from shipper.doctor.cluster import cluster
from shipper.doctor.dashboards import dashboards
from shipper.doctor.files import disks, inputs, state
from shipper.doctor.finding import Finding, ok, problem, warning
from shipper.doctor.record import keys, record
from shipper.doctor.shipping import dead_letters, lock, outputs
from shipper.doctor.versions import versions
from shipper.errors import BadInput, ShipperError
from shipper.run.risks import risks

#: A person waits; the outputs' own timeouts are for busy servers.
_TIMEOUT_S = 10.0

_CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    state,
    lock,
    inputs,
    record,
    keys,
    dead_letters,
    disks,
    outputs,
    certificates,
    cluster,
    dashboards,
)


def examine(load: Callable[[], Config]) -> Iterator[Finding]:
    """Every finding; never raises because of what it finds, and changes nothing."""
    yield from versions()
    try:
        config = _impatient(load())
        found = list(_of_config(config))
    except BadInput as error:
        yield from (problem("config", one.where, one.what) for one in error.problems)
        return
    except (ShipperError, OSError) as error:
        yield problem("config", str(error), "see docs/operations.md, Permissions", os.EX_NOPERM)
        return
    yield from found
    for check in _CHECKS:
        yield from _guarded(check, config)


def _guarded(check: Callable[[Config], Iterator[Finding]], config: Config) -> Iterator[Finding]:
    """The findings of one check; what ends it is a finding too."""
    try:
        yield from check(config)
    except PermissionError as error:
        what = f"{error.filename} may not be read by this user"
        fix = "run `mcp-shipper doctor` as the shipper's user, or as root"
        yield problem(check.__name__, what, fix, os.EX_NOPERM)
    except (LookupError, TypeError, AttributeError) as error:  # an answer with other members
        what = f"the server's answer has an unknown form ({type(error).__name__}: {error})"
        fix = "check that Elasticsearch or Kibana answers at this address, not a proxy"
        yield problem(check.__name__, what, fix, os.EX_UNAVAILABLE)
    except (ShipperError, OSError) as error:
        yield problem(check.__name__, f"cannot be checked: {error}", "fix this first", os.EX_IOERR)


def _of_config(config: Config) -> Iterator[Finding]:
    """What reading the configuration noted, and the risks that it takes."""
    yield ok("config", f"inputs: {len(config.inputs)}, outputs: {', '.join(config.outputs)}")
    for note in config.notes:
        yield warning("config", note, "remove the key, or leave it: it changes nothing")
    for risk in risks(config):
        what, _, fix = risk.partition("; ")
        yield warning("security", what, fix or "see docs/operations.md, Configure")


def _impatient(config: Config) -> Config:
    """The configuration with timeouts for a person who waits."""
    outputs = {name: _sooner(settings) for name, settings in config.outputs.items()}
    return replace(config, outputs=outputs)


def _sooner(settings: object) -> object:
    timeout_s = getattr(settings, "timeout_s", 0.0)
    if timeout_s <= _TIMEOUT_S:
        return settings
    return replace(settings, timeout_s=_TIMEOUT_S)  # type: ignore[type-var]  # a Struct
