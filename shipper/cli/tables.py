"""The tables that commands show on the terminal."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from shipper.run.dead_letters import DeadLetterGroup
from shipper.run.status import FileStatus, OutputStatus
from shipper.run.usage import Measured
from shipper.shown import printable, shown

_COLOURS = {
    "idle": "green",
    "delivering": "green",
    "running": "green",
    "starting": "yellow",
    "unavailable": "yellow",
    "refused": "red",
    "full": "red",
    "stopped": "dim",
}
#: Stands for a value that only the endpoint of a running shipper knows.
_UNKNOWN = Text("-", "dim")
#: The width in a file or a pipe, where a table must not be folded.
_WIDE = 200


def show(what: RenderableType) -> None:
    """Print a table, as wide as the terminal."""
    Console(width=None if sys.stdout.isatty() else _WIDE).print(what)


class Rates:
    """Lines per second between two refreshes."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, int]] = {}

    def since_last(self, outputs: Iterable[OutputStatus], now_s: float) -> Mapping[str, float]:
        """Each output's rate since the last call; an output that restarted has none yet."""
        rates = {}
        for one in outputs:
            before_s, before = self._before.get(one.output, (now_s, 0))
            if one.delivered is not None:
                if now_s > before_s and one.delivered >= before:
                    rates[one.output] = (one.delivered - before) / (now_s - before_s)
                self._before[one.output] = now_s, one.delivered
        return rates


def status_view(outputs: Sequence[OutputStatus], rates: Mapping[str, float] | None = None) -> Group:
    """A row for each output, and the errors below; `rates` are lines per second.

    It fits a terminal of 80 columns; if necessary, only the names of outputs are shortened.
    """
    errors = [_error(one) for one in outputs if one.error]
    accounts = [line for one in outputs for line in _account(one)]
    return Group(_status_table(outputs, rates), *errors, *accounts)


def _error(one: OutputStatus) -> Text:
    return Text.assemble(
        (f"{one.output}: ", "bold"), (printable(one.error), _COLOURS.get(one.state, ""))
    )


def _account(one: OutputStatus) -> Iterator[Text]:
    """What became of every line, as a sum that must be right."""
    account = one.account
    parts = [
        f"{account.delivered:,} delivered",
        f"{account.dead_letters:,} dead letters",
        f"{account.waiting:,} waiting",
        *([f"{account.dropped:,} dropped by the configuration"] if account.dropped else ()),
        *([f"{account.joined:,} blank or joined"] if account.joined else ()),
    ]
    yield _named(one, f"{account.written:,} lines written = {' + '.join(parts)}")
    if (rate := account.delivery_success_rate) is not None:
        yield _named(one, f"{rate:.2%} of lines with an outcome delivered")
    if account.recorded:
        sums = f"{account.recorded:,} recorded + {account.stated_lost:,} stated as lost"
        yield _named(one, f"{account.emitted:,} audit events emitted = {sums}")
    if wrong := account.unexplained:
        yield _named(one, f"{wrong:,} lines without an outcome: report this fault", "red")


def record_view(measured: Measured) -> Text:
    """The amounts of the record on this host, in a line each."""
    sizes: Counter[int | None] = Counter()
    for one in measured.storage:
        sizes[one.retention_days] += one.bytes
    streams = len({one.stream for one in measured.storage})
    classes = [
        f"{size(sizes[days])} {f'for {days} days' if days else 'not read yet'}"
        for days in sorted(sizes, key=lambda days: days or 0)
    ]
    alerts = [f"{count} {rule}" for rule, count in sorted(measured.alert_frequency.items())]
    lines = [
        f"{measured.event_rate:,.1f} events/s within the last minute",
        f"alerts within the last day: {', '.join(alerts) or 'none'}",
        f"storage of {streams} audit streams: {', '.join(classes) or 'none'}",
    ]
    return Text("\n").join(Text.assemble(("record: ", "bold"), line) for line in lines)


def _named(one: OutputStatus, what: str, style: str = "") -> Text:
    return Text.assemble((f"{one.output}: ", "bold"), (what, style))


def _status_table(outputs: Sequence[OutputStatus], rates: Mapping[str, float] | None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("output", overflow="ellipsis")
    table.add_column("state", no_wrap=True)
    for column in ("files", "behind", "oldest", *(["lines/s"] if rates is not None else ())):
        table.add_column(column, justify="right", no_wrap=True)
    for column in ("delivered", "rejected", "dead\nletters"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in outputs:
        colour = _COLOURS.get(one.state, "")
        state = Text.assemble(("● ", colour), one.state)
        rate = [_count(rates.get(one.output))] if rates is not None else []
        table.add_row(
            one.output,
            state,
            f"{one.files:,}",
            size(one.behind_bytes),
            _UNKNOWN if one.oldest_unacknowledged_s is None else age(one.oldest_unacknowledged_s),
            *rate,
            _count(one.delivered),
            _count(one.rejected),
            size(one.dead_letters_bytes),
        )
    return table


def positions_table(files: Iterable[FileStatus]) -> Table:
    """A row for each file of each output."""
    table = _table("output", "file")
    for column in ("acknowledged", "size", "behind"):
        table.add_column(column, justify="right", no_wrap=True)
    for column in ("last commit", "fingerprint"):
        table.add_column(column, no_wrap=True)
    for row in files:
        known = row.position
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(known.updated_s)) if known else ""
        table.add_row(
            row.output,
            Text(shown(row.path)),
            f"{row.offset:,}",
            Text("gone", "dim") if row.size is None else f"{row.size:,}",
            Text(f"{row.behind:,}", "yellow" if row.behind else "dim"),
            when,
            known.head.hex()[:8] if known else "",
        )
    return table


def dead_letters_table(groups: Iterable[DeadLetterGroup], configured: Iterable[str]) -> Table:
    """A row for each output and kind of reason, with what a replay would do."""
    table = _table("output", "reason")
    for column in ("dead letters", "size"):
        table.add_column(column, justify="right", no_wrap=True)
    for column in ("oldest", "newest", "replay"):
        table.add_column(column, no_wrap=True)
    for group in groups:
        times = (one[:19].replace("T", " ") for one in (group.oldest, group.newest))
        action = "keeps them: unknown output"
        if group.output in configured:
            action = f"keeps them: {group.obstacle}" if group.obstacle else "sends them"
        table.add_row(
            group.output,
            Text(shown(group.reason)),
            f"{group.count:,}",
            size(group.size_bytes),
            *times,
            action,
        )
    return table


def _table(*texts: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in texts:
        table.add_column(column, overflow="fold")
    return table


def _count(count: float | None) -> str | Text:
    return _UNKNOWN if count is None else f"{count:,.0f}"


def size(count: float) -> str:
    """A number of bytes in a readable unit."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:  # noqa: PLR2004 - one unit is 1024 of the one before
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def age(seconds: float) -> str:
    """A time span in its two largest units."""
    rounded = round(seconds)
    for unit_s, unit, small_s, small in _SPANS:
        if rounded >= unit_s:
            return f"{rounded // unit_s} {unit} {rounded % unit_s // small_s} {small}"
    return f"{rounded} s"


_SPANS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
