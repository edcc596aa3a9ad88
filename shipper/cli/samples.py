"""Commands that make events to explore: the sample month and the demo."""

import argparse

from rich.console import Console

from shipper import demo as demonstration
from shipper.cli.terminal import say
from shipper.sample import write_sample


def sample(arguments: argparse.Namespace) -> int:
    """Write realistic audit events for exploring dashboards."""
    count = write_sample(arguments.directory, days=arguments.days)
    say(f"wrote {count} events over {arguments.days} days to {arguments.directory}")
    return 0


def demo(arguments: argparse.Namespace) -> int:
    """Record and ship the calls to a real MCP server."""
    return demonstration.run(
        arguments.directory,
        elasticsearch=arguments.elasticsearch,
        logstash=arguments.logstash,
        console=Console(),
    )
