"""Installing what Elasticsearch and Kibana need, and removing it."""

import argparse
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from shipper.api.record import documents_of, record_operation, require_record, trust_of
from shipper.assets.install.change import Change, Effect
from shipper.assets.install.kibana_api import Kibana
from shipper.assets.install.parts import DEFAULT_PARTS, Part
from shipper.assets.install.setup import Setup
from shipper.cli.commands import EX_CONFIG, EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.config import Config
from shipper.errors import DeliveryError
from shipper.evidence.approval import approved, request_of
from shipper.evidence.report.retention import in_force
from shipper.outputs.elasticsearch.api import api_client, kibana_access
from shipper.outputs.elasticsearch.config import ElasticsearchConfig


def setup(arguments: argparse.Namespace) -> int:
    """Install the default parts, or those of the switches, after a check of Kibana."""
    config = config_of(arguments)
    settings = config.outputs.get("elasticsearch")
    if not isinstance(settings, ElasticsearchConfig):
        warn("setup needs output.elasticsearch (or elasticsearch_url) in the configuration")
        return EX_CONFIG
    parts = arguments.parts or DEFAULT_PARTS
    wants_kibana = {Part.KIBANA, Part.RULES}.intersection(parts)
    if wants_kibana and not config.kibana_url:
        warn("no kibana_url in the configuration: dashboards and rules are left out")
        if arguments.parts:
            return EX_CONFIG
    kibana = _kibana(config, settings) if wants_kibana and config.kibana_url else None
    if Part.INDEX_MANAGEMENT in parts and not (arguments.dry_run or arguments.remove):
        _approve_shorter_retention(config)
    counts: Counter[Effect] = Counter()
    try:
        _report(_changes(config, settings, kibana, parts, arguments), counts)
    finally:
        if not arguments.dry_run:
            _record(config, counts)
    if arguments.dry_run:
        warn("dry run: nothing was changed")
    return EX_FAILED if counts[Effect.FAILED] else 0


def _approve_shorter_retention(config: Config) -> None:
    """Raise `NotApproved` if events would be kept for less time, and the policy wants approval."""
    policy = trust_of(config).policy
    if not policy.approvals:
        return
    with documents_of(config) as documents:
        found = in_force(documents.client, config.catalog, config.scope)
    shorter = {
        one.event_type: {"before": one.in_force_days, "after": one.configured_days}
        for one in found
        if (one.in_force_days or 0) > one.configured_days
    }
    if shorter:
        path = config.data / "evidence" / "requests" / "retention-shorter"
        note = approved(policy, path, request_of("retention-shorter", shorter))
        stated = {"mcp.audit.checkpoint.note": note}
        require_record(config, "retention-shorter", shorter, stated=stated)
        path.unlink(missing_ok=True)


def _record(config: Config, counts: Counter[Effect]) -> None:
    """Record what was changed in the cluster, such as how long it keeps events."""
    made = {one.value: counts[one] for one in _CHANGING if counts[one]}
    if made:
        record_operation(config, "setup", success=not counts[Effect.FAILED], **made)


_CHANGING = (Effect.CREATED, Effect.UPDATED, Effect.REMOVED, Effect.FAILED)


def _kibana(config: Config, settings: ElasticsearchConfig) -> Kibana:
    """Kibana, with the credentials and the trusted authorities of Elasticsearch."""
    assert config.kibana_url is not None
    kibana = Kibana(config.kibana_url, *kibana_access(settings))
    kibana.check_version()
    return kibana


def _changes(
    config: Config,
    settings: ElasticsearchConfig,
    kibana: Kibana | None,
    parts: Collection[Part],
    arguments: argparse.Namespace,
) -> Iterator[Change]:
    with api_client(settings) as client:
        work = Setup(
            client=client,
            kibana=kibana,
            space=arguments.space,
            parts=parts,
            catalog=config.catalog,
            scope=config.scope,
            namespace=config.namespace,
            dry_run=arguments.dry_run,
        )
        yield from work.remove() if arguments.remove else work.install()


def _report(changes: Iterable[Change], counts: Counter[Effect]) -> None:
    """Print each change when it is made, and count it, then how many there are of each effect."""
    try:
        for change in changes:
            say(f"{change.effect:<12}{change.kind:<20}{change.name}  {change.detail}".rstrip())
            counts[change.effect] += 1
    except DeliveryError:
        done = f"stopped after {counts.total()} steps"
        warn(f"{done}; what was done stays, and setup can be run again:")
        raise
    say(", ".join(f"{counts[one]} {one}" for one in Effect if counts[one]) or "nothing to do")
