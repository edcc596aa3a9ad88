"""A report as one HTML page that needs nothing else: to read, and to print."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files

from shipper.evidence.report.model import (
    Answer,
    Assessed,
    Population,
    Report,
    Required,
    Retention,
    Sampled,
    Stream,
    Support,
)
from shipper.evidence.verdict import PROVEN

_CLASSES = {
    Support.SUPPORTED: "supported",
    Support.PARTLY: "partly",
    Support.MISSING: "missing",
    Support.NOT_OBSERVABLE: "unseen",
}
_NONE = "&ndash;"
_Rows = Iterable[Sequence[str]]


def html_page(report: Report) -> str:
    """The page; every text of the record is escaped."""
    style = files("shipper.evidence.report").joinpath("page.css").read_text(encoding="utf-8")
    numbers = _numbers(report)
    parts = [
        _head(report),
        _overview(report),
        *(_framework(one, numbers) for one in report.frameworks),
        _section("Retention", _retention(report.retentions)),
        _section("Gaps and exceptions", _list(report.gaps, "None were found.")),
        _section("Alerts", _alerts(report)),
        _section("Limits of this report", _list(report.limits, "")),
        _section("Streams and checkpoints", _streams(report)),
        _section("Sample", _sample(report)),
        _section("Queries", _queries(report, numbers)),
        _section("How to check this report", _CHECK),
    ]
    title = f"Audit evidence, {_day(report.period.since)} to {_day(report.period.until)}"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"{''.join(parts)}</body>\n</html>\n"
    )


_CHECK = """\
<p>The folder of this report holds what an outsider needs to check it without this program: the
lines of the sample, a proof for each, the checkpoints and tiles, the public keys, and the SHA-256
of every file. The steps are in docs/reports.md of mcp-shipper; they take <code>sha256sum</code>,
<code>jq</code>, Python, and Go's own libraries for signed notes and trees.</p>
<p>Compare the public keys with those that you received by another way than the record.</p>
"""


def _head(report: Report) -> str:
    facts = {
        "Period": f"{_day(report.period.since)} to {_day(report.period.until)} (UTC)",
        "Made": f"{report.made_at[:16].replace('T', ' ')} UTC, mcp-shipper {report.version}",
        "Events": f"{report.events:,}",
        "Streams": _proven(report),
        "Hosts": ", ".join(report.hosts) or "none",
        "Services": ", ".join(report.services) or "none",
        "Level": f"{report.level}; frameworks: {', '.join(report.selected) or 'none'}",
        "Keys": ", ".join(key.partition("+")[0] for key in report.keys) or "none",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    return (
        "<header><h1>Audit evidence</h1>"
        "<p>Which questions the record answers. Whether an organisation fulfils a framework is for "
        f"its auditors to judge.</p><dl>{rows}</dl></header>\n"
    )


def _proven(report: Report) -> str:
    proven = sum(one.verdict.word in PROVEN for one in report.streams)
    return f"{proven} of {len(report.streams)} signed to their ends and unchanged"


def _overview(report: Report) -> str:
    rows = "".join(_overview_row(one) for one in report.frameworks)
    legend = " ".join(_mark(word) for word in Support)
    return _section("Overview", f'<p class="legend">{legend}</p><div class="bars">{rows}</div>')


def _overview_row(one: Assessed) -> str:
    counts = Counter(one.supports)
    bar = "".join(
        f'<i class="{_CLASSES[word]}" style="flex:{counts[word]}" title="{word}">{counts[word]}</i>'
        for word in Support
        if counts[word]
    )
    name = f'<a href="#{escape(one.name)}">{escape(one.title)}</a>'
    return f'<div>{name}<span class="bar">{bar}</span></div>'


def _framework(one: Assessed, numbers: dict[str, int]) -> str:
    mark = ' <span class="tag">second-hand</span>' if one.second_hand else ""
    basis = f"<p class=basis>{escape(one.basis)}{mark}</p>"
    required = _table(
        ("Required events", "Evidence", "Events", "Why"),
        (_required_row(row, numbers) for row in one.required),
        "required",
    )
    answers = _table(
        ("Reference", "Question", "Evidence", "Events", "Why"),
        (_answer_row(row, numbers) for row in one.answers),
        "answers",
    )
    body = basis + (answers if one.answers else "") + required
    return f'<section id="{escape(one.name)}"><h2>{escape(one.title)}</h2>{body}</section>\n'


def _required_row(one: Required, numbers: dict[str, int]) -> Sequence[str]:
    code = f"<code>{escape(one.event_type)}</code>"
    return code, _mark(one.support), _count(one.population, numbers), escape(one.why)


def _answer_row(one: Answer, numbers: dict[str, int]) -> Sequence[str]:
    texts = (escape(one.reference), escape(one.asks))
    return (*texts, _mark(one.support), _count(one.population, numbers), escape(one.why))


def _count(population: Population | None, numbers: dict[str, int]) -> str:
    if population is None:
        return _NONE
    number = numbers[population.query]
    return f'{population.count:,}&nbsp;<a href="#q{number}" class="q">Q{number}</a>'


def _numbers(report: Report) -> dict[str, int]:
    """A number for each query, in order of appearance."""
    found: dict[str, int] = {}
    for population in populations(report):
        found.setdefault(population.query, len(found) + 1)
    return found


def populations(report: Report) -> Iterator[Population]:
    """The population of each query, once."""
    seen: set[str] = set()
    for one in report.frameworks:
        of_answers = [row.population for row in one.answers if row.population]
        for population in (*of_answers, *(row.population for row in one.required)):
            if population.query not in seen:
                seen.add(population.query)
                yield population


def _retention(rows: Sequence[Retention]) -> str:
    return _table(
        ("Event type", "Configured", "In force", "By"),
        (
            (
                f"<code>{escape(one.event_type)}</code>",
                f"{one.configured_days:,} days",
                "not seen" if one.in_force_days is None else f"{one.in_force_days:,} days",
                escape(one.in_force) + (" <b>shortened</b>" if one.is_shortened else ""),
            )
            for one in rows
        ),
    )


def _alerts(report: Report) -> str:
    if not report.alerts:
        return "<p>The record has no alerts in the period.</p>"
    rows = ((escape(one.rule), f"{one.count:,}", _time(one.last)) for one in report.alerts)
    return _table(("Rule", "Alerts", "Last"), rows)


def _streams(report: Report) -> str:
    columns = ("Stream", "Verdict", "Events", "Signed", "Root of the tree")
    return _table(columns, map(_stream_row, report.streams))


def _stream_row(one: Stream) -> Sequence[str]:
    verdict = one.verdict
    kind = "supported" if verdict.word in PROVEN else "partly"
    word = f'<span class="mark {kind}">{verdict.word}</span>'
    signed = f"{one.size:,}" if one.size is not None else _NONE
    if verdict.signed_at:
        signed += f"<br><small>{_time(verdict.signed_at)}</small>"
    root = f"<code class=wrap>{escape(one.root) if one.root else _NONE}</code>"
    name = f"<code class=wrap>{escape(verdict.stream)}</code>"
    return name, word, f"{verdict.events:,}", signed, root


def _sample(report: Report) -> str:
    about = (
        f"<p>For each query, the {report.sample_size} events with the smallest SHA-256 of the seed "
        f"<code>{escape(report.seed)}</code> followed by <code>event.id</code>. "
        "It is better if the auditor chooses the seed.</p>"
    )
    columns = ("Event", "Time", "Action", "User", "Where", "Proof")
    return about + _table(columns, map(_sample_row, report.samples))


def _sample_row(one: Sampled) -> Sequence[str]:
    proof = escape(one.unproven) or "yes"
    place = f"{one.path.rpartition('/')[2]}:{one.line}"
    outcome = f" ({escape(one.outcome)})" if one.outcome else ""
    return (
        f"<code class=wrap>{escape(one.id)}</code>",
        _time(one.time),
        escape(one.action) + outcome,
        escape(one.user) if one.user else _NONE,
        f"<code class=wrap>{escape(place)}</code>",
        proof,
    )


def _queries(report: Report, numbers: dict[str, int]) -> str:
    def rows() -> Iterator[Sequence[str]]:
        for one in populations(report):
            number = numbers[one.query]
            index = _NONE if one.in_index is None else f"{one.in_index:,}"
            text = f"<code>{escape(one.query)}</code><pre>{escape(one.jq)}</pre>"
            yield f'<span id="q{number}">Q{number}</span>', text, f"{one.count:,}", index

    about = "<p>In Kibana's language, and below the same as a filter for <code>jq</code>.</p>"
    return about + _table(("", "Query", "On disk", "In the cluster"), rows())


def _mark(word: Support) -> str:
    return f'<span class="mark {_CLASSES[word]}">{word}</span>'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>\n"


def _list(items: Sequence[str], none: str) -> str:
    if not items:
        return f"<p>{none}</p>"
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in items)}</ul>"


def _table(columns: Sequence[str], rows: _Rows, kind: str = "") -> str:
    head = "".join(f"<th>{one}</th>" for one in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _day(time: str) -> str:
    return time[:10]


def _time(time: str) -> str:
    return escape(time[:19].replace("T", " "))
