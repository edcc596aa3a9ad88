"""The commands about the keys that sign checkpoints, and the policy that names them."""

import argparse
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from shipper.api.record import require_record
from shipper.cli.commands import EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.config import Config
from shipper.durable import make_directory, replace
from shipper.evidence.approval import approve as sign_request
from shipper.evidence.approval import approved, request_of
from shipper.evidence.keys import create_key, signer_of_file
from shipper.evidence.policy import DEFAULT_INTERVAL_S, Policy, origin_of, read_policy
from shipper.evidence.store import POLICY
from shipper.wire.note import PublicKey, parse_public_key

_HEADER = "# Whose checkpoints count: C2SP tlog-policy. Lines with #! are for mcp-shipper.\n"


def create(arguments: argparse.Namespace) -> int:
    """Create a key, and a policy that names it."""
    lines = _lines(_policy_path(arguments))
    if not arguments.file.exists():
        create_key(arguments.file, arguments.name)
    elif str(public := signer_of_file(arguments.file).public) in _logs(lines):
        warn(f"{arguments.file} already exists; `keys rotate` makes a new key beside it")
        return EX_FAILED
    public = signer_of_file(arguments.file).public
    known = lines or [f"#! interval {DEFAULT_INTERVAL_S}s", "quorum none"]
    _change(arguments, "keys-create", public, {}, [f"log {public}", *known])
    say(str(public))
    return 0


def rotate(arguments: argparse.Namespace) -> int:
    """Replace the key in a file; the old public key stays in the policy."""
    policy = _policy_path(arguments)
    old = signer_of_file(arguments.file).public
    new = arguments.file.with_name(arguments.file.name + ".new")
    if not new.exists():  # otherwise it waits for approval, or was interrupted
        create_key(new, arguments.name or old.name)
    public = signer_of_file(new).public
    details = {"replaces": _named(old)}
    _change(arguments, "keys-rotate", public, details, [f"log {public}", *_lines(policy)])
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
    key, reason = parse_public_key(named[0].split()[1]), arguments.reason.replace("\n", " ")
    kept = [line for line in lines if line not in named]
    lines = [*kept, f"#! revoked {key} {reason}".rstrip()]
    _change(arguments, "keys-revoke", key, {"reason": reason}, lines)
    say(f"revoked: {key}")
    return 0


def approve(arguments: argparse.Namespace) -> int:
    """Sign requests of others, and print what they ask for."""
    signer = signer_of_file(arguments.key)
    for path in arguments.files:
        say(sign_request(path, signer).rstrip())
        say(f"{path}: signed by {signer.public.name}")
    return 0


def _change(
    arguments: argparse.Namespace,
    operation: str,
    key: PublicKey,
    details: Mapping[str, str],
    lines: Sequence[str],
) -> None:
    """Write another policy, once approvers of the present one allow it and it is recorded."""
    path = _policy_path(arguments)
    present = path.read_bytes() if path.is_file() else b""
    policy = read_policy(path) if present else Policy()
    # With the digest, the request is about this policy: nobody can use it a second time.
    digest = sha256(present).hexdigest()
    request = request_of(operation, {**details, "key": str(key), "policy": digest})
    kept = path.parent / "requests" / operation
    note = approved(policy, kept, request)
    if not arguments.policy:
        known = {"signer": _named(key), **details}
        _record(config_of(arguments), operation, known, note if policy.approvals else "")
    _write(path, lines)
    kept.unlink(missing_ok=True)


def _record(config: Config, operation: str, details: Mapping[str, str], note: str) -> None:
    if config.operation.self_audit.enabled:
        stated = {"mcp.audit.checkpoint.note": note} if note else None
        require_record(config, operation, details, stated=stated)


def _named(key: PublicKey) -> str:
    """The key by name and id: the rest of its text looks like a secret, and is in the policy."""
    return f"{key.name}+{key.id.hex()}"


def _logs(lines: Sequence[str]) -> list[str]:
    return [line.split()[1] for line in lines if line.split()[:1] == ["log"]]


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
