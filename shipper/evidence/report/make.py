"""Makes a report from a record and, if there is one, its cluster."""

import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from shipper import __version__
from shipper.catalog import Catalog, Framework, Scope
from shipper.errors import ShipperError
from shipper.evidence.documents import Documents
from shipper.evidence.prove import Proof, latest_note, prove
from shipper.evidence.query import query_of, text_of
from shipper.evidence.report.assess import Facts, assess, queries_of
from shipper.evidence.report.jq import jq_of
from shipper.evidence.report.model import (
    Period,
    Population,
    Report,
    Retention,
    Sampled,
    Stream,
)
from shipper.evidence.report.population import LOST, Counted, Found, survey
from shipper.evidence.report.retention import configured, in_force
from shipper.evidence.search import earliest
from shipper.evidence.verdict import PROVEN, Verdict
from shipper.evidence.verify import Progress, Trust, verify
from shipper.record.format import iso_timestamp

_SAMPLE = 25


class Ask(Struct, frozen=True, kw_only=True):
    """What a report is asked to be about."""

    catalog: Catalog
    scope: Scope
    frameworks: Sequence[str] = ()
    #: None is the beginning of the record, and now.
    since: datetime | None = None
    until: datetime | None = None
    #: Decides which events are sampled; None derives it from the checkpoints.
    seed: str | None = None
    sample: int = _SAMPLE
    jobs: int = 1

    @property
    def rows(self) -> Sequence[Framework]:
        """The frameworks that are named, or else those that are configured, or else all."""
        names = self.frameworks or self.scope.frameworks or tuple(self.catalog.frameworks)
        known = self.catalog.frameworks
        if unknown := [name for name in names if name not in known]:
            raise ShipperError(f"unknown framework {unknown[0]!r}; known: {', '.join(known)}")
        return [known[name] for name in dict.fromkeys(names)]


class _Seen(Struct, frozen=True, kw_only=True):
    """What was found, before it is judged."""

    period: Period
    since: datetime
    seed: str
    streams: Sequence[Stream]
    found: Found
    populations: Mapping[str, Population]
    retentions: Sequence[Retention]

    @property
    def verdicts(self) -> Sequence[Verdict]:
        return [one.verdict for one in self.streams]

    @property
    def lost(self) -> int:
        """Events that the record itself states as lost."""
        return sum(self.found.losses[operation] for operation in LOST)


def make(
    paths: Sequence[Path],
    trust: Trust,
    ask: Ask,
    documents: Documents | None = None,
    progress: Progress = int,
) -> Report:
    """The report; verifies first, then counts.

    Raises `ShipperError` for an unknown framework or a query that cannot be answered, `OSError`
    where a path cannot be read, and the errors of the client.
    """
    seen = _look(paths, trust, ask, documents, progress)
    facts = Facts(
        catalog=ask.catalog,
        scope=ask.scope,
        verdicts=seen.verdicts,
        populations=seen.populations,
        retentions=seen.retentions,
        lost=seen.lost,
    )
    return Report(
        version=__version__,
        made_at=iso_timestamp(time.time()),
        period=seen.period,
        seed=seen.seed,
        sample_size=ask.sample,
        level=str(ask.scope.level),
        selected=ask.scope.frameworks,
        keys=[str(key) for key in trust.policy.logs],
        quorum=trust.policy.quorum,
        events=seen.found.events,
        hosts=sorted(seen.found.hosts),
        services=sorted(seen.found.services),
        streams=seen.streams,
        frameworks=[assess(row, facts) for row in ask.rows],
        retentions=seen.retentions,
        gaps=list(_gaps(seen)),
        alerts=sorted(seen.found.alerts.values(), key=lambda one: one.rule),
        samples=[_with_proof(one, trust) for one in _in_order(seen.found)],
        limits=list(_limits(seen, ask, documents)),
    )


def _look(
    paths: Sequence[Path],
    trust: Trust,
    ask: Ask,
    documents: Documents | None,
    progress: Progress,
) -> _Seen:
    until = ask.until or datetime.now(UTC)
    since = ask.since or earliest(paths) or until
    queries = {
        text: query_of(text, ask.catalog, since, until)
        for text in dict.fromkeys(queries_of(ask.rows))
    }
    verdicts = list(verify(paths, trust, jobs=ask.jobs, progress=progress))
    streams = [_stream(one, trust) for one in verdicts]
    seed = _seed(streams) if ask.seed is None else ask.seed
    period = query_of("", ask.catalog, since, until)
    found = survey(paths, period, queries, seed, ask.sample)
    return _Seen(
        period=Period(text_of(since), text_of(until)),
        since=since,
        seed=seed,
        streams=streams,
        found=found,
        populations={text: _population(one, documents) for text, one in found.counted.items()},
        retentions=_retentions(ask, documents),
    )


def _stream(verdict: Verdict, trust: Trust) -> Stream:
    try:
        note = latest_note(trust.store.stream(verdict.stream)) if trust.store else None
    except Proof:
        note = None
    if note is None:
        return Stream(verdict=verdict)
    checkpoint = note.checkpoint
    return Stream(
        verdict=verdict,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=b64encode(checkpoint.root).decode(),
        signers=list(dict.fromkeys(one.name for one in note.signatures)),
    )


def _seed(streams: Sequence[Stream]) -> str:
    """A seed that is known only once the checkpoints are."""
    roots = "".join(one.root or "" for one in streams)
    return sha256(roots.encode()).hexdigest()[:16]


def _population(counted: Counted, documents: Documents | None) -> Population:
    query = counted.query
    assert query.since
    assert query.until
    return Population(
        query=query.text,
        jq=jq_of(query.node, text_of(query.since), text_of(query.until)),
        count=counted.count,
        first=counted.first.decode() or None,
        last=counted.last.decode() or None,
        in_index=documents.count(query) if documents else None,
        sample=counted.sample,
    )


def _retentions(ask: Ask, documents: Documents | None) -> Sequence[Retention]:
    if documents is None:
        return configured(ask.catalog, ask.scope)
    return in_force(documents.client, ask.catalog, ask.scope)


def _in_order(found: Found) -> list[Sampled]:
    return sorted(found.samples.values(), key=lambda one: one.rank)


def _with_proof(one: Sampled, trust: Trust) -> Sampled:
    """The event, with the reason why it has no proof if it has none."""
    if trust.store is None:
        return replace(one, unproven="there is no evidence folder")
    try:
        _, entry = prove(trust.store, one.id)
    except (Proof, OSError) as error:
        return replace(one, unproven=str(error))
    same = entry.hex() == one.hash
    return one if same else replace(one, unproven="another event was signed in its place")


def _gaps(seen: _Seen) -> Iterator[str]:
    for one in seen.verdicts:
        if one.word not in PROVEN:
            yield f"{one.stream}: {one.word}: {one.why}"
        elif one.pruned:
            yield f"{one.stream}: events 1 to {one.pruned} were deleted by policy"
    for operation, count in sorted(seen.found.losses.items()):
        yield f"the record states {count} events under {operation}"
    for kept in seen.retentions:
        if kept.is_shortened:
            yield (
                f"{kept.event_type} is kept for {kept.in_force_days} days by {kept.in_force}, "
                f"and {kept.configured_days} are configured"
            )
    first = min((one.first for one in seen.populations.values() if one.first), default=None)
    if first and first[:10] > seen.period.since[:10]:
        yield f"the period begins on {seen.period.since[:10]}, its first event is from {first[:10]}"


def _limits(seen: _Seen, ask: Ask, documents: Documents | None) -> Iterator[str]:
    hosts = ", ".join(sorted(seen.found.hosts)) or "none"
    yield f"Only the events in these files are counted. They were recorded on: {hosts}."
    yield "No record shows whether the application logged the truth."
    yield "Times come from the clocks of the recording hosts."
    names = set(ask.catalog.event_types) - set(ask.scope.active(ask.catalog))
    if names:
        listed = ", ".join(sorted(names))
        yield f"Event types that the application does not record at this level: {listed}."
    if documents is None:
        yield "The cluster was not queried: retention is as configured, counts are from files only."
    if not any(one.root for one in seen.streams):
        yield "No checkpoints were found: nothing outside the files shows that they are unchanged."
    yield "Bases of frameworks that are marked second-hand were not taken from the text itself."
