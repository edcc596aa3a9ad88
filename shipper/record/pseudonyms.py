"""Pseudonyms in place of the identifiers of an event, each under the key of its subject."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shipper.catalog import Catalog
from shipper.catalog.model import Sensitivity
from shipper.record.persons import Person, Persons

_log = logging.getLogger("shipper.record")

#: The subject of an event is the first of these that it has. Its addresses and sessions are under
#: the subject's key too, so that they are forgotten with it.
_SUBJECTS = ("user.id", "user.name", "mcp.client.id")
#: Another person than the subject.
_OTHERS = frozenset({"mcp.authz.approval.approver"})
#: The keys of this many subjects are kept in memory, and this many identifiers of each.
_MOST_SUBJECTS = 1024
_MOST_VALUES = 256


class _Known:
    """A subject's key, and the pseudonyms that were made with it."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.made: dict[tuple[str, bool], str] = {}


class Pseudonyms:
    """Replaces the personal values of events; used under the recording's lock."""

    def __init__(self, catalog: Catalog) -> None:
        self._is_address = {
            path: field.type == "ip"
            for path, field in catalog.fields.items()
            if field.sensitivity is Sensitivity.PERSONAL
        }
        self._persons = Persons(Path(catalog.pseudonyms))
        self._known: dict[str, _Known] = {}
        self._forgotten = 0
        self._is_failing = False

    def __call__(self, values: dict[str, object]) -> int:
        """Replace the values in place; return how many are left out because there is no key."""
        paths = [path for path in values if path in self._is_address]
        if not paths:
            return 0
        subject = next((one for path in _SUBJECTS if type(one := values.get(path)) is str), None)
        try:
            self._drop_forgotten()
            made = {path: self._replaced(path, values[path], subject) for path in paths}
        except OSError as error:
            for path in paths:
                del values[path]
            self._note_failure(error)
            return len(paths)
        values.update(made)
        self._is_failing = False
        return 0

    def _drop_forgotten(self) -> None:
        forgotten = self._persons.forgotten
        if forgotten != self._forgotten:
            self._known.clear()
            self._forgotten = forgotten

    def _replaced(self, path: str, value: object, subject: str | None) -> object:
        if path in _OTHERS:
            subject = None
        if isinstance(value, list):
            return [self._replaced(path, one, subject) for one in value]
        text = str(value)
        return self._pseudonym(subject or text, text, is_address=self._is_address[path])

    def _pseudonym(self, subject: str, value: str, *, is_address: bool) -> str:
        known = self._known.get(subject) or self._read(subject)
        found = known.made.get((value, is_address))
        return found or self._make(known, value, is_address=is_address)

    def _read(self, subject: str) -> _Known:
        _bound(self._known, _MOST_SUBJECTS)
        known = self._known[subject] = _Known(self._persons.of(subject))
        return known

    def _make(self, known: _Known, value: str, *, is_address: bool) -> str:
        person = known.person
        if value != person.subject:
            try:
                self._persons.note(person, value)
            except FileNotFoundError:  # forgotten since the key was read
                known = self._read(person.subject)
                person = known.person
                self._persons.note(person, value)
        _bound(known.made, _MOST_VALUES)
        made = person.pseudonym(value, is_address=is_address)
        known.made[value, is_address] = made
        return made

    def _note_failure(self, error: OSError) -> None:
        if not self._is_failing:
            _log.error("Persons are left out of audit events until this is fixed: %s", error)
        self._is_failing = True


def _bound(cache: dict[Any, Any], most: int) -> None:
    if len(cache) >= most:
        cache.clear()


def pseudonyms_of(catalog: Catalog) -> Callable[[dict[str, object]], int] | None:
    """What replaces the personal values, if the operator asks for it."""
    return Pseudonyms(catalog) if catalog.pseudonyms else None
