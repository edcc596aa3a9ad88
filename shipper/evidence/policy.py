"""Whose signatures count: a policy file of C2SP tlog-policy.

Comments that begin with `#!` are for this program: `#! interval 60s` is how often the sidecar
signs, `#! revoked <key> <reason>` keeps a key that no longer counts, `#! approver <key>` names a
person, and `#! approvals 2` is how many of these must approve a deletion, or a change of keys.
`#! timestamps URL FILE` names an authority for time stamps, and its certificates beside the policy.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from shipper.errors import ConfigError, Problem
from shipper.evidence.ed25519 import verifies
from shipper.evidence.keys import signed_at
from shipper.wire.note import Note, PublicKey, Signature, parse_public_key

_NONE = "none"
_INTERVAL = re.compile(r"#!\s*interval\s+([0-9]+)s")
_APPROVER = re.compile(r"#!\s*approver\s+(\S+)")
_APPROVALS = re.compile(r"#!\s*approvals\s+([0-9]+)")
_TIMESTAMPS = re.compile(r"#!\s*timestamps\s+(\S+)\s+(\S+)")
_REVOKED = re.compile(r"#!\s*revoked\s+(\S+)")
DEFAULT_INTERVAL_S = 60


class _Group(Struct, frozen=True):
    """Witnesses or groups, of which some are enough."""

    threshold: int
    members: tuple[str, ...]


class Policy(Struct, kw_only=True):
    """The keys that sign checkpoints, the witnesses, and how many of these are enough."""

    logs: list[PublicKey] = field(default_factory=list)
    revoked: list[PublicKey] = field(default_factory=list)
    witnesses: dict[str, PublicKey] = field(default_factory=dict)
    #: Where time stamps are asked for, and the file of the authority's certificates.
    timestamps: str = ""
    authorities: Path | None = None
    #: Where witnesses are asked, by name.
    urls: dict[str, str] = field(default_factory=dict)
    groups: dict[str, _Group] = field(default_factory=dict)
    quorum: str = _NONE
    #: Persons who approve what destroys evidence, and how many of them must.
    approvers: list[PublicKey] = field(default_factory=list)
    approvals: int = 0
    #: The longest time between two checkpoints of an open stream.
    interval_s: int = DEFAULT_INTERVAL_S

    def signer(self, note: Note, stream: str) -> PublicKey | None:
        """The key that signed a checkpoint of that stream; None if none of the policy did."""
        origin = note.checkpoint.origin
        logs = (key for key in self.logs if origin == origin_of(key, stream))
        return next((key for key in logs if signed_at(note, key) is not None), None)

    def is_other(self, note: Note, stream: str) -> bool:
        """Whether the note is about another stream than that one, or another kind of log."""
        name = note.checkpoint.origin.removesuffix("/pruned").rpartition("/")[2]
        return name != stream

    def signed_at(self, note: Note) -> int | None:
        """The latest time that a key of the policy signed with the note, in seconds."""
        times = (signed_at(note, key.cosigning()) for key in self.logs)
        return max((time for time in times if time), default=None)

    def is_witnessed(self, note: Note) -> bool:
        """Whether enough witnesses signed; they must be asked for, or no note is witnessed."""
        return self.quorum != _NONE and self._has(note, self.quorum)

    def approvers_of(self, text: str, lines: Iterable[Signature]) -> list[str]:
        """The names of the approvers who signed a note of that text."""
        found = {
            key.key: key.name
            for key in self.approvers
            for line in lines
            if (line.name, line.key_id) == (key.name, key.id)
            and verifies(key.key, line.signature, text.encode())
        }
        return sorted(found.values())

    def is_approved(self, note: Note) -> bool:
        """Whether enough approvers signed the note."""
        names = self.approvers_of(str(note.checkpoint), note.signatures)
        return len(names) >= self.approvals

    def _has(self, note: Note, name: str) -> bool:
        if group := self.groups.get(name):
            return sum(self._has(note, one) for one in group.members) >= group.threshold
        return signed_at(note, self.witnesses[name]) is not None


def origin_of(key: PublicKey, stream: str) -> str:
    """The name of the log of a stream that this key signs."""
    return f"{key.name}/{stream}"


def read_policy(path: Path) -> Policy:
    """The policy in a file; raises `ConfigError` with every problem."""
    policy, problems = Policy(), []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            _read_line(policy, line)
        except ValueError as error:
            problems.append(Problem(f"{path}:{number}", str(error)))
    if policy.authorities:
        policy.authorities = path.parent / policy.authorities
    if len(policy.approvers) < policy.approvals:
        what = f"{policy.approvals} approvals of {len(policy.approvers)} approvers are impossible"
        problems.append(Problem(str(path), what))
    if problems:
        raise ConfigError(problems)
    return policy


def _read_line(policy: Policy, line: str) -> None:
    word, *rest = line.split() or ("#",)
    if found := _INTERVAL.match(line.strip()):
        policy.interval_s = int(found[1])
    elif found := _REVOKED.match(line.strip()):
        policy.revoked.append(parse_public_key(found[1]))
    elif found := _APPROVER.match(line.strip()):
        policy.approvers.append(_unlike(policy.approvers, parse_public_key(found[1])))
    elif found := _TIMESTAMPS.match(line.strip()):
        policy.timestamps, policy.authorities = _url(found[1]), Path(found[2])
    elif found := _APPROVALS.match(line.strip()):
        policy.approvals = int(found[1])
    elif word.startswith("#"):
        return
    elif word in _LINES and len(rest) >= _LINES[word]:
        _take(policy, word, rest)
    else:
        raise ValueError(f"expected one of {', '.join(_LINES)}, or a comment")


#: The words that begin a line, and how many must follow at least.
_LINES: Mapping[str, int] = {"log": 1, "witness": 2, "group": 3, "quorum": 1}


def _take(policy: Policy, word: str, rest: Sequence[str]) -> None:
    if word == "log":
        policy.logs.append(_new_key(policy, rest[0]))
    elif word == "witness":
        policy.witnesses[_new_name(policy, rest[0])] = parse_public_key(rest[1])
        if rest[2:]:
            policy.urls[rest[0]] = _url(rest[2])
    elif word == "group":
        policy.groups[_new_name(policy, rest[0])] = _group(policy, rest[1], rest[2:])
    else:
        policy.quorum = rest[0] if rest[0] == _NONE else _known(policy, rest[0])


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("the address begins with https:// or http://")
    return text


def _new_key(policy: Policy, text: str) -> PublicKey:
    return _unlike(policy.logs, parse_public_key(text))


def _unlike(known: Iterable[PublicKey], key: PublicKey) -> PublicKey:
    if any(key.key == one.key for one in known):
        raise ValueError("this key appears twice")
    return key


def _group(policy: Policy, count: str, names: Sequence[str]) -> _Group:
    members = tuple(_known(policy, name) for name in names)
    counts = {"any": 1, "all": len(members)}
    threshold = counts[count] if count in counts else int(count)
    if not 0 < threshold <= len(members):
        raise ValueError(f"the group has {len(members)} members, not {threshold}")
    return _Group(threshold, members)


def _new_name(policy: Policy, name: str) -> str:
    if name == _NONE or name in policy.witnesses or name in policy.groups:
        raise ValueError(f"the name {name} is taken")
    return name


def _known(policy: Policy, name: str) -> str:
    if name not in policy.witnesses and name not in policy.groups:
        raise ValueError(f"{name} is not a witness or a group in a line before")
    return name


def policy_lines(policy: Policy) -> Iterator[str]:
    """The lines of a policy with log keys only, for a new file."""
    yield f"#! interval {policy.interval_s}s"
    yield from (f"log {key}" for key in policy.logs)
    yield "quorum none"
