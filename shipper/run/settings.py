"""What the shipper's settings were in the last run, so that a change is an event.

`settings.json` in `path.data` has a digest of each key's value under a random salt, never a value.
A file that was changed while the shipper stood still is noticed at the next start.
"""

import hashlib
import pwd
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from shipper.config import Config
from shipper.durable import make_directory, replace

_SALT_BYTES = 32
#: An event names at most this many keys.
_MAX_KEYS = 100


class Recording(Struct, frozen=True):
    """What is recorded and for how long: these values are no secrets."""

    level: str
    frameworks: tuple[str, ...]
    #: The days that events of each type are kept.
    retention_days: Mapping[str, int]

    def differs(self, before: "Recording") -> Iterator[tuple[str, object]]:
        """Each value that is another one than before, by name."""
        for name in ("level", "frameworks"):
            pair = getattr(before, name), getattr(self, name)
            if pair[0] != pair[1]:
                yield name, _change(*pair)
        for name in sorted({*before.retention_days, *self.retention_days}):
            days = before.retention_days.get(name), self.retention_days.get(name)
            if days[0] != days[1]:
                yield f"retention_days.{name}", _change(*days)


class Settled(Struct, frozen=True):
    """The settings of one run; `signer` is the public key that signs, None if nothing is signed."""

    salt: str
    recording: Recording
    keys: Mapping[str, str] = field(default_factory=dict)
    signer: str | None = None

    @property
    def digest(self) -> str:
        """Equal for equal settings on this host, but for those of files that they name."""
        return hashlib.sha256(msgspec.json.encode(self.keys, order="sorted")).hexdigest()

    def changes(self, before: "Settled") -> dict[str, object]:
        """The names of the keys that were changed, and which values of the record."""
        names = {*self.keys, *before.keys}
        keys = sorted(one for one in names if self.keys.get(one) != before.keys.get(one))
        if not keys and self.recording == before.recording:
            return {}
        found: dict[str, object] = {"keys": keys[:_MAX_KEYS], "count": len(keys)}
        found |= {"before": before.digest, "after": self.digest}
        return found | dict(self.recording.differs(before.recording))

    def weaknesses(self, before: "Settled") -> Iterator[tuple[str, dict[str, Any]]]:
        """The changes that weaken the record, as operations with details; an alert names them."""
        days = self.recording.retention_days
        shorter = {
            name: _change(kept, days[name])
            for name, kept in before.recording.retention_days.items()
            if days.get(name, kept) < kept
        }
        if shorter:
            yield "retention-shortened", {"days": shorter}
        if before.signer and before.signer != self.signer:
            yield "key-changed", _change(before.signer, self.signer or "none")


def _change(before: object, after: object) -> dict[str, object]:
    return {"before": before, "after": after}


def settled(config: Config, signer: str | None, before: Settled | None) -> Settled:
    """The settings of a configuration, comparable with those before.

    `signer` is the public key that signs; None if it is not known.
    """
    salt = before.salt if before else secrets.token_hex(_SALT_BYTES)
    scope, catalog = config.scope, config.catalog
    days = {name: scope.retention_days_of(name, catalog) for name in catalog.event_types}
    recording = Recording(scope.level.value, scope.frameworks, days)
    keys = config.settings.digests(bytes.fromhex(salt))
    policy = config.data / "evidence" / "policy"
    with suppress(OSError):  # none, or what reads it for its content reports it
        keys["evidence/policy"] = hashlib.sha256(policy.read_bytes()).hexdigest()
    if not config.operation.evidence.enabled:
        signer = None
    elif before:
        signer = signer or before.signer
    return Settled(salt, recording, keys, signer)


def read_settled(data: Path) -> Settled | None:
    """The settings of the last run that recorded them; None if there is none, or it is damaged."""
    try:
        return msgspec.json.decode(_path(data).read_bytes(), type=Settled)
    except (FileNotFoundError, msgspec.DecodeError, RecursionError):
        return None


def keep_settled(data: Path, found: Settled) -> None:
    """Keep the settings of this run; raises `OSError`."""
    make_directory(data)
    replace(_path(data), [msgspec.json.encode(found)])


def owner_of(file: str) -> str | None:
    """The account that owns the file: only it and root may write a configuration."""
    try:
        uid = Path(file).stat().st_uid
    except OSError:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _path(data: Path) -> Path:
    return data / "settings.json"
