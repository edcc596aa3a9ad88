"""The keys of persons: one file for each subject, which is all that connects pseudonyms to them.

A pseudonym is an HMAC of an identifier under the key of its subject. The file has the subject, the
key and each identifier that was seen under it, so whoever may read it can reveal a pseudonym, and
without it nobody can.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import msgspec
from msgspec import Struct

from shipper.durable import append, exclusively, open_append, replace, sync_directory

_PREFIX = "p_"
_DIGITS = 32
#: The start of a pseudonym of an address: Elasticsearch accepts only addresses in such a field.
#: It is in the range for private use, fc00::/7, where no traffic of the Internet comes from.
_NETWORK = bytes.fromhex("fd7073657564")
_ADDRESS_BYTES = 16
_KEY_BYTES = 32


class Person(Struct, frozen=True):
    """A subject and its key."""

    subject: str
    key: str

    def pseudonym(self, value: str, *, is_address: bool = False) -> str:
        """What stands for an identifier: `p_` and 128 bits, or an address with 80 bits."""
        digest = hmac.digest(bytes.fromhex(self.key), value.encode(), "sha256")
        if is_address:
            return str(IPv6Address((_NETWORK + digest)[:_ADDRESS_BYTES]))
        return _PREFIX + digest.hex()[:_DIGITS]


class Persons:
    """The keys in one folder, which several processes may share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._forgotten = folder / "forgotten"

    @property
    def forgotten(self) -> int:
        """How often a subject was forgotten; a key that was read at another number is void."""
        try:
            return self._forgotten.stat().st_size
        except FileNotFoundError:
            return 0

    def of(self, subject: str) -> Person:
        """The subject's key, created at first sight, and on the disk before it is used.

        Raises `OSError`.
        """
        if (found := self.find(subject)) is not None:
            return found
        with self._locked():
            if (found := self.find(subject)) is not None:
                return found
            made = Person(subject, secrets.token_hex(_KEY_BYTES))
            replace(self._path(subject), [msgspec.json.encode(made)])
            return made

    def find(self, subject: str) -> Person | None:
        """The subject's key, or None."""
        return _read(self._path(subject))[0]

    def note(self, person: Person, value: str) -> None:
        """Keep an identifier of a subject, so that its pseudonym can be revealed.

        Raises `FileNotFoundError` if the subject was forgotten meanwhile.
        """
        file = os.open(self._path(person.subject), os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, b"\n" + msgspec.json.encode(value))
        finally:
            os.close(file)

    def reveal(self, pseudonym: str) -> tuple[str, str] | None:
        """The subject and the identifier behind a pseudonym; None without the key."""
        wanted = _written(pseudonym)
        is_address = not wanted.startswith(_PREFIX)
        for person, values in self._all():
            for value in (person.subject, *values):
                if person.pseudonym(value, is_address=is_address) == wanted:
                    return person.subject, value
        return None

    def subjects_with(self, value: str) -> list[str]:
        """The subjects that have an identifier beside their own."""
        return [person.subject for person, values in self._all() if value in values]

    def forget(self, subject: str) -> str | None:
        """Destroy the subject's key; return the pseudonym that nobody can reveal from now on.

        None if there is no key. Running handlers forget theirs too, also if an earlier call was
        interrupted.
        """
        with self._locked():
            path = self._path(subject)
            person, _ = _read(path)
            _erase(path)
            sync_directory(self._folder)
            file = open_append(self._forgotten)
            try:
                append(file, b"\n")
            finally:
                os.close(file)
        return person.pseudonym(subject) if person else None

    def _path(self, subject: str) -> Path:
        return self._folder / f"{hashlib.sha256(subject.encode()).hexdigest()}.person"

    def _all(self) -> Iterator[tuple[Person, list[str]]]:
        for path in self._folder.glob("*.person"):
            person, values = _read(path)
            if person:
                yield person, values

    @contextmanager
    def _locked(self) -> Iterator[None]:
        file = open_append(self._folder / "lock")
        try:
            with exclusively(file):
                yield
        finally:
            os.close(file)


def _written(pseudonym: str) -> str:
    """An address in the form in which it was written."""
    try:
        return str(ip_address(pseudonym))
    except ValueError:
        return pseudonym


def _read(path: Path) -> tuple[Person | None, list[str]]:
    """The person and the identifiers; a line that a crash cut short is left out."""
    try:
        head, *lines = path.read_bytes().split(b"\n")
        person = msgspec.json.decode(head, type=Person)
    except (FileNotFoundError, msgspec.DecodeError, RecursionError):
        return None, []
    return person, list(dict.fromkeys(_texts(lines)))


def _texts(lines: list[bytes]) -> Iterator[str]:
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=str)
        except (msgspec.DecodeError, RecursionError):
            continue


def _erase(path: Path) -> None:
    """Overwrite the key, then delete the file, and what an interrupted creation left of it."""
    for one in (path, path.with_name(f"{path.name}.new")):
        try:
            file = os.open(one, os.O_WRONLY)
        except FileNotFoundError:
            continue
        try:
            os.write(file, bytes(os.fstat(file).st_size))
            os.fdatasync(file)
        finally:
            os.close(file)
        one.unlink()
