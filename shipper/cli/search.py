"""The command that searches a record."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from shipper.api.record import documents_of, record_operation, recorded_in
from shipper.cli.configuration import config_of
from shipper.config import Config
from shipper.evidence.query import Query, query_of, time_of
from shipper.evidence.search import search


def search_events(arguments: argparse.Namespace) -> int:
    """Print the events that match a query; the search itself is recorded."""
    config = config_of(arguments)
    since, until = (time_of(one) if one else None for one in (arguments.since, arguments.until))
    query = query_of(arguments.query, config.catalog, since, until)
    count = 0
    try:
        with _found(arguments, config, query) as lines:
            for line in islice(lines, arguments.limit):
                sys.stdout.buffer.write(line + b"\n")
                count += 1
                sys.stdout.buffer.flush()
    finally:
        record_operation(
            config,
            "search",
            count,
            query=arguments.query,
            since=arguments.since,
            until=arguments.until,
        )
    return 0


@contextmanager
def _found(
    arguments: argparse.Namespace, config: Config, query: Query
) -> Iterator[Iterator[bytes]]:
    if not arguments.elasticsearch:
        yield search(arguments.paths or recorded_in(config), query)
        return
    with documents_of(config, arguments.index) as documents:
        yield documents.search(query)
