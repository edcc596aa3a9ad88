"""Commands that write alerts as Sigma rules, and read Sigma rules as alerts."""

import argparse
import sys

import yaml

from shipper.catalog.alerts import alerts_of
from shipper.catalog.load import overlaid
from shipper.catalog.sigma import row_of, sigma_of
from shipper.cli.commands import EX_DATAERR, EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.errors import CatalogError


def export(arguments: argparse.Namespace) -> int:
    """Print each alert as Sigma rules, or one by name; name those that Sigma cannot express."""
    known = alerts_of(config_of(arguments).catalog)
    if arguments.name not in {None, *known}:
        warn(f"no alert named {arguments.name!r}; known: {', '.join(known)}")
        return EX_FAILED
    refused = []
    documents: list[dict[str, object]] = []
    for name in [arguments.name] if arguments.name else known:
        try:
            documents += sigma_of(known[name])
        except ValueError as error:
            refused.append(str(error))
    if documents:
        say(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=100).rstrip())
    for reason in refused:
        warn(f"not exported: {reason}")
    return EX_FAILED if refused and arguments.name else 0


def take_in(arguments: argparse.Namespace) -> int:
    """Print Sigma rules as rows for `catalog.alerts`; with a problem, nothing but the problems."""
    rows, problems = {}, []
    for path in arguments.files:
        try:
            for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                name, row = row_of(document if isinstance(document, dict) else {})
                overlaid_alerts = overlaid({**config_of(arguments).overlay, "alerts": {name: row}})
                alerts_of(overlaid_alerts)
                rows[name] = row
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, CatalogError) as error:
            problems.append(f"{path}: {error}")
    for problem in problems:
        warn(problem)
    if not problems:
        text = yaml.safe_dump({"catalog": {"alerts": rows}}, sort_keys=False, width=100)
        sys.stdout.write(text)
    return EX_DATAERR if problems else 0
