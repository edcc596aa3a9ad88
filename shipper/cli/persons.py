"""The commands about persons: destroy the key of one, or reveal a pseudonym."""

import argparse
from pathlib import Path

from shipper.api.record import require_record
from shipper.cli.commands import EX_CONFIG, EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.config import Config
from shipper.record.persons import Person, Persons

_NO_KEYS = "catalog.pseudonyms: no folder of keys is configured, so identifiers are in clear"
_NO_EVENTS = "self_audit.enabled: must be true, because each use of the keys is an event"


def forget(arguments: argparse.Namespace) -> int:
    """Destroy the key of a subject, and record it before and after."""
    config, subject = config_of(arguments), arguments.subject
    if (persons := _persons(config)) is None:
        return EX_CONFIG
    person = persons.find(subject)
    if person:
        _destroy(config, persons, person, arguments.authority)
    else:
        persons.forget(subject)  # it completes one that was interrupted
        warn("no key of this subject; a subject is a user.id, or user.name, or mcp.client.id")
    for other in persons.subjects_with(subject):
        warn(f"it is also an identifier of {other!r}: forget that subject too if it is the same")
    return 0 if person else EX_FAILED


def _destroy(config: Config, persons: Persons, person: Person, authority: str) -> None:
    """The request is an event before, so that no key is destroyed without one."""
    pseudonym = person.pseudonym(person.subject)
    details = {"pseudonym": pseudonym, "authority": authority}
    require_record(config, "forget-requested", details)
    persons.forget(person.subject)
    say(f"{pseudonym}: nobody can reveal it, nor any other identifier of this subject")
    require_record(config, "forget", details)


def reveal(arguments: argparse.Namespace) -> int:
    """Print the subject and the identifier behind a pseudonym, once that is recorded."""
    config = config_of(arguments)
    if (persons := _persons(config)) is None:
        return EX_CONFIG
    found = persons.reveal(arguments.pseudonym)
    details = {"pseudonym": arguments.pseudonym, "authority": arguments.authority}
    require_record(config, "reveal", details, success=found is not None)
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
