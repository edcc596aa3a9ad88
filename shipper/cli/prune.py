"""The command that deletes old segments under a signed statement."""

import argparse
import time
from collections.abc import Sequence

from shipper.api.record import recorded_in, require_record
from shipper.cli.commands import EX_CONFIG
from shipper.cli.configuration import config_of
from shipper.cli.evidence import trust_of
from shipper.cli.terminal import say, warn
from shipper.config import Config
from shipper.evidence.keys import signer_of
from shipper.evidence.policy import Policy
from shipper.evidence.prune import Pruning, approved_pruning, carry_out, plan
from shipper.evidence.store import Store
from shipper.run.status import settled_files

_DAY_S = 86_400


def prune(arguments: argparse.Namespace) -> int:
    """Delete segments that are older than a number of days, under a signed statement."""
    config = config_of(arguments)
    if not config.operation.evidence.enabled:
        warn("evidence: no key is configured, so the deletion cannot be signed")
        return EX_CONFIG
    paths = arguments.paths or recorded_in(config)
    before_s = time.time() - arguments.older_than * _DAY_S
    settings = config.operation.evidence
    signer = signer_of(settings.key, settings.command, settings.public)
    found = list(
        plan(paths, trust_of(arguments), signer, before_s, lambda some: settled_files(config, some))
    )
    for one in found:
        say(f"{one.stream}: events 1 to {one.last}, {len(one.paths)} files")
    if arguments.dry_run or not found:
        return 0
    store = Store(arguments.evidence or config.data / "evidence")
    _carry_out(config, store, trust_of(arguments).policy, found, arguments.authority)
    return 0


def _carry_out(
    config: Config, store: Store, policy: Policy, prunings: Sequence[Pruning], authority: str
) -> None:
    """Delete what approvers allow: all of it, or nothing."""
    requests = [store.folder / "requests" / f"prune-{one.stream}" for one in prunings]
    pairs = zip(prunings, requests, strict=True)
    allowed = [approved_pruning(policy, path, one) for one, path in pairs]
    for one, path in zip(allowed, requests, strict=True):
        _record(config, one, authority)
        carry_out(store, one)
        path.unlink(missing_ok=True)


def _record(config: Config, one: Pruning, authority: str) -> None:
    root = one.note.checkpoint.root.hex()
    values = {"stream": one.stream, "size": one.last, "root": root, "note": str(one.note)}
    stated = {f"mcp.audit.checkpoint.{name}": value for name, value in values.items()}
    details = {"stream": one.stream, "first": 1, "last": one.last, "authority": authority}
    require_record(config, "retention", details, one.last, stated=stated)
