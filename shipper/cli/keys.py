"""The commands about the keys that sign checkpoints, and the policy that names them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from shipper.cli.commands import EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.durable import make_directory, replace
from shipper.evidence.keys import create_key, signer_of_file
from shipper.evidence.policy import DEFAULT_INTERVAL_S, origin_of, read_policy
from shipper.evidence.store import POLICY
from shipper.wire.note import parse_public_key

_HEADER = "# Whose checkpoints count: C2SP tlog-policy. Lines with #! are for mcp-shipper.\n"


def create(arguments: argparse.Namespace) -> int:
    """Create a key, and a policy that names it."""
    policy = _policy_path(arguments)
    if arguments.file.exists():
        warn(f"{arguments.file} already exists; `keys rotate` makes a new key beside it")
        return EX_FAILED
    public = create_key(arguments.file, arguments.name)
    lines = _lines(policy) or [f"#! interval {DEFAULT_INTERVAL_S}s", "quorum none"]
    _write(policy, [f"log {public}", *lines])
    say(str(public))
    return 0


def rotate(arguments: argparse.Namespace) -> int:
    """Replace the key in a file; the old public key stays in the policy."""
    policy = _policy_path(arguments)
    name = arguments.name or signer_of_file(arguments.file).public.name
    new = arguments.file.with_name(arguments.file.name + ".new")
    public = create_key(new, name)
    _write(policy, [f"log {public}", *_lines(policy)])
    new.rename(arguments.file)
    say(str(public))
    return 0


def revoke(arguments: argparse.Namespace) -> int:
    """Take a public key out of the policy: what only it signed no longer counts."""
    policy = _policy_path(arguments)
    lines = _lines(policy)
    named = [line for line in lines if line.split()[:1] == ["log"] and _names(line, arguments.key)]
    if not named:
        warn(f"{policy}: no log line has the key {arguments.key}")
        return EX_FAILED
    reason = arguments.reason.replace("\n", " ")
    kept = [line for line in lines if line not in named]
    _write(policy, [*kept, *(f"#! revoked {line.split()[1]} {reason}".rstrip() for line in named)])
    say(f"revoked: {named[0].split()[1]}")
    return 0


def _names(line: str, key: str) -> bool:
    """Whether a log line has that key, given in full or by its id."""
    public = parse_public_key(line.split()[1])
    return key in {str(public), public.id.hex()}


def export(arguments: argparse.Namespace) -> int:
    """Print the public keys of the policy, or the one of a key file, and the log's origins."""
    if arguments.file:
        say(str(signer_of_file(arguments.file).public))
        return 0
    for key in read_policy(_policy_path(arguments)).logs:
        say(f"{key}  {origin_of(key, 'STREAM')}")
    return 0


def _policy_path(arguments: argparse.Namespace) -> Path:
    found: Path = arguments.policy or config_of(arguments).data / "evidence" / POLICY
    return found


def _lines(policy: Path) -> list[str]:
    if not policy.is_file():
        return []
    read_policy(policy)  # raises if somebody has broken it
    lines = policy.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and f"{line}\n" != _HEADER]


def _write(policy: Path, lines: Sequence[str]) -> None:
    make_directory(policy.parent)
    replace(policy, [_HEADER.encode(), *(f"{line}\n".encode() for line in lines)])
