"""The commands about persons: destroy the key of one, or reveal a pseudonym."""

import argparse
from contextlib import closing
from pathlib import Path

from shipper.account import account
from shipper.cli.commands import EX_CONFIG, EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.config import Config
from shipper.errors import ShipperError
from shipper.record.event import create_compliance_event
from shipper.record.handler import AuditHandler
from shipper.record.persons import Persons

_NO_KEYS = "catalog.pseudonyms: no folder of keys is configured, so identifiers are in clear"
_NO_EVENTS = "self_audit.enabled: must be true, because each use of the keys is an event"


def forget(arguments: argparse.Namespace) -> int:
    """Destroy the key of a subject, and record it."""
    config = config_of(arguments)
    if (persons := _persons(config)) is None:
        return EX_CONFIG
    pseudonym = persons.forget(arguments.subject)
    if pseudonym is not None:
        _record(config, "forget", pseudonym, arguments.authority)
        say(f"{pseudonym}: nobody can reveal it, nor any other identifier of this subject")
    for other in persons.subjects_with(arguments.subject):
        warn(f"it is also an identifier of {other!r}: forget that subject too if it is the same")
    if pseudonym is None:
        warn("no key of this subject; a subject is a user.id, or user.name, or mcp.client.id")
        return EX_FAILED
    return 0


def reveal(arguments: argparse.Namespace) -> int:
    """Print the subject and the identifier behind a pseudonym, once that is recorded."""
    config = config_of(arguments)
    if (persons := _persons(config)) is None:
        return EX_CONFIG
    found = persons.reveal(arguments.pseudonym)
    _record(config, "reveal", arguments.pseudonym, arguments.authority, success=found is not None)
    if found is None:
        warn("no key makes this pseudonym: its subject is forgotten, or the key is elsewhere")
        return EX_FAILED
    subject, value = found
    say(value if value == subject else f"{value} of {subject}")
    return 0


def _persons(config: Config) -> Persons | None:
    if not config.catalog.pseudonyms:
        warn(_NO_KEYS)
    elif not config.operation.self_audit.enabled:
        warn(_NO_EVENTS)
    else:
        return Persons(Path(config.catalog.pseudonyms))
    return None


def _record(
    config: Config, operation: str, pseudonym: str, authority: str, *, success: bool = True
) -> None:
    """Record the use of a key without the identifier; raise `ShipperError` if that fails."""
    details = {"pseudonym": pseudonym, "authority": authority}
    event = create_compliance_event(operation, None, details, None, account(), success=success)
    with closing(AuditHandler(config.data / "audit", **config.self_recording)) as handler:
        handler.record_self_audit(event)
        if handler.counts.failed:
            raise ShipperError(f"{config.data / 'audit'}: the {operation} cannot be recorded")
