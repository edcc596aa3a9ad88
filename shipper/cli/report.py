"""The command that reports which questions of a framework a record answers."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from shipper.api.record import documents_of, record_report, recorded_in
from shipper.cli.configuration import config_of
from shipper.cli.evidence import progress_bar, trust_of
from shipper.cli.terminal import say
from shipper.config import Config
from shipper.evidence.query import time_of
from shipper.evidence.report.folder import json_text, write_folder
from shipper.evidence.report.make import Ask, make
from shipper.evidence.report.model import Report
from shipper.evidence.verify import Trust


def report(arguments: argparse.Namespace) -> int:
    """Make a report, print it, and record that it was made."""
    config, trust = config_of(arguments), trust_of(arguments)
    made = _made(arguments, config, trust)
    record_report(config, made)
    if arguments.output:
        write_folder(made, arguments.output, trust)
    if arguments.json:
        sys.stdout.buffer.write(json_text(made))
        return 0
    from shipper.cli.report_tables import report_view
    from shipper.cli.tables import show

    show(report_view(made))
    if arguments.output:
        say(f"{arguments.output}: report.html, and the files to check it with")
    return 0


def _made(arguments: argparse.Namespace, config: Config, trust: Trust) -> Report:
    since, until = (time_of(one) if one else None for one in (arguments.since, arguments.until))
    paths: Sequence[Path] = arguments.paths or recorded_in(config)
    ask = Ask(
        catalog=config.catalog,
        scope=config.scope,
        frameworks=arguments.framework,
        since=since,
        until=until,
        seed=arguments.seed,
        sample=arguments.sample,
        jobs=arguments.jobs,
    )
    with ExitStack() as stack:
        documents = None
        if arguments.elasticsearch:
            documents = stack.enter_context(documents_of(config, arguments.index))
        advance = stack.enter_context(progress_bar(paths))
        return make(paths, trust, ask, documents, advance)
