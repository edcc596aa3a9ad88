"""What the demo prints: events by type, one event in full, deliveries, the search for secrets."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shipper.record.format import first_break, streams_in
from shipper.run.service import Service

_OUTCOMES = {"success": "green", "failure": "red", "unknown": "yellow"}
_TOKEN = re.compile(r"\[[A-Z_]+\]")


def introduce(console: Console) -> None:
    console.print(
        "\n[bold]mcp-shipper demo[/]: a real MCP server in a process of its own, a real client,\n"
        "calls that succeed, fail, are denied, are cancelled and carry secrets.\n"
    )


def recorded(audit: Path, console: Console) -> None:
    """Events by type and outcome, one event in full, and whether the chain holds."""
    streams = streams_in(audit)
    segments = [path for files in streams.values() for path in files]
    events = [json.loads(line) for line in _lines(segments)]
    console.print(_by_type_and_outcome(events))
    console.print()
    shown = next(event for event in events if _tool_of(event) == "send_mail")
    console.print(_complete(shown))
    is_broken = any(first_break(_lines(files)) for files in streams.values())
    console.print(
        f"\n[bold]Chain[/]      {len(events)} lines in {len(segments)} segment, "
        + ("[red]BROKEN" if is_broken else "[green]each follows from the one before")
    )
    for segment in segments:
        console.print(f"[bold]Segment[/]    {segment}", highlight=False, soft_wrap=True)


def _lines(segments: Iterable[Path]) -> Iterator[bytes]:
    for path in segments:
        yield from path.read_bytes().splitlines()


def _tool_of(event: dict[str, Any]) -> str:
    return str(event.get("gen_ai", {}).get("tool", {}).get("name", ""))


def _by_type_and_outcome(events: list[dict[str, Any]]) -> Table:
    counts: Counter[tuple[str, str, str]] = Counter()
    for event in events:
        about = event["event"]
        counts[event["mcp"]["audit"]["type"], about["action"], about["outcome"]] += 1
    table = Table("event type", "action", *_OUTCOMES, box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for kind, action in sorted({key[:2] for key in counts}):
        cells = [
            f"[{colour}]{counts[kind, action, outcome] or '[dim]·'}"
            for outcome, colour in _OUTCOMES.items()
        ]
        table.add_row(kind, action, *cells)
    return table


def _complete(event: dict[str, Any]) -> Panel:
    """The event as it is on disk, one row for each field, with the tokens of redaction marked."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for path, value in _flat(event):
        text = Text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        text.highlight_regex(_TOKEN, "bold black on yellow")
        grid.add_row(Text(path, "cyan"), text)
    return Panel(grid, title="one event, every field of it", title_align="left", expand=False)


def _flat(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def delivered(service: Service, directory: Path, console: Console) -> None:
    """What each output acknowledged, and how to send the events elsewhere."""
    for name, pipeline in service.pipelines.items():
        stats = pipeline.stats
        console.print(
            f"[bold]Delivered[/]  {name}: {stats.delivered} events acknowledged, "
            f"{stats.duplicates} duplicates, {stats.rejected} rejected",
            highlight=False,
        )
    for path in sorted((directory / "delivered").glob("*")):
        console.print(f"[bold]Output[/]     {path}", highlight=False, soft_wrap=True)
    console.print(
        "\nTo ship to Elasticsearch or Logstash too:\n"
        "  make demo ELASTICSEARCH=http://localhost:9200\n"
        "  make demo LOGSTASH=localhost:5044",
        highlight=False,
    )


def indexed(url: str, namespace: str, console: Console) -> None:
    """Where the events are in Elasticsearch, and how to remove them."""
    streams = f"logs-mcp.*-{namespace}"
    console.print(
        f"\nThe events are in {streams}:\n"
        f"  curl '{url}/{streams}/_search?pretty&size=1'\n"
        "Without `mcp-shipper setup` before, they have no mappings of ours. To remove them:\n"
        f"  curl -X DELETE '{url}/_data_stream/{streams}'",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def searched(directory: Path, console: Console) -> int:
    """Search every file for every planted secret; the demo fails if it finds one."""
    from shipper.demo.client import PLANTED

    files = [path for path in directory.rglob("*") if path.is_file()]
    contents = [path.read_bytes() for path in files]
    found = {
        name: sum(secret.encode() in content for content in contents)
        for name, secret in PLANTED.items()
    }
    console.print(
        f"\n[bold]Secrets[/]    planted: {', '.join(PLANTED)}; "
        + ("[red]FOUND ON DISK" if any(found.values()) else "[green]none is in any file")
        + f"[/] ({len(files)} searched)\n"
    )
    return 1 if any(found.values()) else 0
