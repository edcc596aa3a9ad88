"""The command that masks a file, or lists its secrets."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.processors.findings import Finding, findings, masked_line
from shipper.secrets.own import declare
from shipper.shown import shown

#: The longest line that is read: a file without newlines must not fill the memory.
_MAX_LINE = 16 << 20
_WIDEST_BAR = 40


def redact(arguments: argparse.Namespace) -> int:
    """Print each line masked; with --check, what is masked and why, without the secrets."""
    own = config_of(arguments).catalog.secrets
    declare(own.rows(), own.names, own.allowed, own.digest_key, own.mask)
    try:
        file = Path(arguments.file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        warn(f"{shown(str(arguments.file))} cannot be read: {error.strerror}")
        return os.EX_NOINPUT
    with file:
        lines = iter(lambda: file.readline(_MAX_LINE), b"")
        if arguments.check:
            _report(lines, as_json=arguments.json)
        else:
            for line in lines:
                sys.stdout.buffer.write(masked_line(line.rstrip(b"\r\n")) + b"\n")
    return 0


def _report(lines: Iterator[bytes], *, as_json: bool) -> None:
    kinds: Counter[str] = Counter()
    count = 0
    for count, line in enumerate(lines, 1):
        for found in findings(line.rstrip(b"\r\n")):
            kinds[found.kind] += 1
            say(_as_json(count, found) if as_json else _as_text(count, found))
    if not as_json:
        say(f"{sum(kinds.values())} values masked in {count} lines")
        for row in _chart(kinds):
            say(row)


def _as_json(number: int, found: Finding) -> str:
    return json.dumps({"line": number, **found._asdict()})


def _as_text(number: int, found: Finding) -> str:
    place = f"line {number}{f', {shown(found.path)}' if found.path else ''}"
    size = f", {found.characters} characters" if found.characters else ""
    return f"{place}: {found.kind}{size}: {found.why}"


def _chart(kinds: Counter[str]) -> Iterator[str]:
    """A bar for each kind, the most frequent first."""
    most, width = max(kinds.values(), default=1), max(map(len, kinds), default=0)
    for kind, count in kinds.most_common():
        bar = "█" * max(1, round(_WIDEST_BAR * count / most))
        yield f"{kind:<{width}}  {bar} {count}"
