"""Installing in Elasticsearch and Kibana, and taking it away again."""

import argparse
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from shipper.cli.commands import EX_CONFIG, EX_FAILED, Commands, config_of
from shipper.cli.terminal import say, warn
from shipper.errors import DeliveryError

if TYPE_CHECKING:
    from shipper.assets import Part, Step
    from shipper.assets.install.kibana_api import Kibana
    from shipper.config import Config
    from shipper.outputs.elasticsearch.config import ElasticsearchConfig

#: Each is a switch; the names are those of `shipper.assets.Part`, which costs time to load.
_PARTS = {
    "index-management": "only templates, policies and first indices",
    "pipelines": "only ingest pipelines",
    "kibana": "only the data view, searches and dashboards",
    "rules": "only alerting and detection rules",
    "roles": "only roles; without this switch they are left alone",
}


def add(commands: Commands) -> None:
    setup = commands.add("setup", _setup, "install what Elasticsearch and Kibana need")
    for part, text in _PARTS.items():
        setup.add_argument(f"--{part}", dest="parts", action="append_const", const=part, help=text)
    setup.add_argument("--space", metavar="ID", help="the space of Kibana; made if there is none")
    setup.add_argument("--dry-run", action="store_true", help="say what would be done")
    setup.add_argument("--remove", action="store_true", help="remove what setup installed")


def _setup(arguments: argparse.Namespace) -> int:
    """Install all, or what the switches name; Kibana is looked at before anything is changed."""
    from shipper.assets import USUAL, Part
    from shipper.outputs.elasticsearch.config import ElasticsearchConfig

    config = config_of(arguments)
    settings = config.outputs.get("elasticsearch")
    if not isinstance(settings, ElasticsearchConfig):
        warn("setup needs output.elasticsearch (or elasticsearch_url) in the configuration")
        return EX_CONFIG
    parts = [Part(name) for name in arguments.parts or USUAL]
    wants_kibana = {Part.KIBANA, Part.RULES}.intersection(parts)
    if wants_kibana and not config.kibana_url:
        warn("no kibana_url in the configuration: dashboards and rules are left out")
        if arguments.parts:
            return EX_CONFIG
    kibana = _kibana(config, settings) if wants_kibana and config.kibana_url else None
    steps = _removed if arguments.remove else _installed
    failed = _tell(steps(config, settings, kibana, parts, arguments))
    if arguments.dry_run:
        warn("dry run: nothing was changed")
    return EX_FAILED if failed else 0


def _kibana(config: "Config", settings: "ElasticsearchConfig") -> "Kibana":
    """Kibana is asked with the credentials and the trust of Elasticsearch."""
    from shipper.assets.install.kibana_api import Kibana
    from shipper.outputs.elasticsearch.api import kibana_access

    assert config.kibana_url is not None
    kibana = Kibana(config.kibana_url, *kibana_access(settings))
    kibana.check_version()
    return kibana


def _installed(
    config: "Config",
    settings: "ElasticsearchConfig",
    kibana: "Kibana | None",
    parts: "Collection[Part]",
    arguments: argparse.Namespace,
) -> "Iterator[Step]":
    from shipper.assets import Part
    from shipper.assets.generate.kibana import saved_objects
    from shipper.assets.install.elasticsearch import install
    from shipper.assets.install.kibana import install_objects
    from shipper.assets.install.kibana_rules import install_rules
    from shipper.outputs.elasticsearch.api import api_client

    catalog, scope, dry_run = config.catalog, config.scope, arguments.dry_run
    with api_client(settings) as client:
        yield from install(client, catalog, scope, parts=parts, dry_run=dry_run)
    if kibana and arguments.space:
        yield kibana.enter(arguments.space, dry_run=dry_run)
    if kibana and Part.KIBANA in parts:
        yield from install_objects(kibana, saved_objects(catalog, scope), dry_run=dry_run)
    if kibana and Part.RULES in parts:
        yield from install_rules(kibana, catalog, scope, dry_run=dry_run)


def _removed(
    config: "Config",
    settings: "ElasticsearchConfig",
    kibana: "Kibana | None",
    parts: "Collection[Part]",
    arguments: argparse.Namespace,
) -> "Iterator[Step]":
    """The other way round. A space stays: it may hold what others made."""
    from shipper.assets import Part, remove
    from shipper.assets.generate.kibana import saved_objects
    from shipper.assets.install.kibana import remove_objects
    from shipper.assets.install.kibana_rules import remove_rules
    from shipper.outputs.elasticsearch.api import api_client

    catalog, scope, dry_run = config.catalog, config.scope, arguments.dry_run
    if kibana and arguments.space:
        kibana.enter(arguments.space, dry_run=True)  # not made where there is none
    if kibana and Part.RULES in parts:
        yield from remove_rules(kibana, catalog, scope, dry_run=dry_run)
    if kibana and Part.KIBANA in parts:
        yield from remove_objects(kibana, saved_objects(catalog, scope), dry_run=dry_run)
    with api_client(settings) as client:
        yield from remove(client, parts=parts, dry_run=dry_run)


def _tell(steps: "Iterable[Step]") -> int:
    """Print each step as it is done, then how many of each; how many failed."""
    from shipper.assets import Action

    told: Counter[str] = Counter()
    try:
        for step in steps:
            say(f"{step.action:<12}{step.kind:<20}{step.name}  {step.detail}".rstrip())
            told[step.action] += 1
    except DeliveryError:
        warn(f"stopped after {told.total()} steps; what was done stays, and can be run again:")
        raise
    say(", ".join(f"{told[action]} {action}" for action in Action if told[action]) or "nothing")
    return told[Action.FAILED]
