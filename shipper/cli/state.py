"""What has been shipped and what has not."""

import argparse

from shipper.cli.commands import Commands, config_of


def add(commands: Commands) -> None:
    commands.add("status", _status, "how far each output is with each file")


def _status(arguments: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from shipper.status import file_status

    config = config_of(arguments)
    table = Table("output", "file", "acknowledged", "size", "behind", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    rows = file_status(config)
    for row in rows:
        size = "gone" if row.size is None else f"{row.size:,}"
        table.add_row(row.output, row.path, f"{row.offset:,}", size, f"{row.behind:,}")
    Console().print(table if rows else f"nothing shipped yet under {config.data}")
    return 0
