"""From what was found to the four words of a report."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from shipper.catalog import Catalog, Scope
from shipper.catalog.model import Clause, Framework, ShownBy
from shipper.evidence.report.model import (
    Answer,
    Assessed,
    Population,
    Required,
    Retention,
    Support,
)
from shipper.evidence.verdict import PROVEN, UNPROVEN, Verdict

_Judged = tuple[Support, str]


class Facts(Struct, frozen=True, kw_only=True):
    """What the words are derived from."""

    catalog: Catalog
    scope: Scope
    verdicts: Sequence[Verdict]
    #: By query.
    populations: Mapping[str, Population]
    retentions: Sequence[Retention]
    #: Events of the period that the record states as lost.
    lost: int = 0


def _query_of_type(event_type: str) -> str:
    """The query for all events of a type."""
    return f"mcp.audit.type: {event_type}"


def queries_of(frameworks: Sequence[Framework]) -> Iterator[str]:
    """Every query of these frameworks."""
    for row in frameworks:
        yield from map(_query_of_type, row.requires)
        yield from (clause.query for clause in row.clauses.values() if clause.query)


def assess(row: Framework, facts: Facts) -> Assessed:
    """What the record shows of one framework."""
    return Assessed(
        name=row.name,
        title=row.title,
        basis=row.basis,
        second_hand=row.second_hand,
        retention_days=row.retention_days,
        required=[_required(name, facts) for name in row.requires],
        answers=[_answer(name, clause, row, facts) for name, clause in row.clauses.items()],
    )


def _required(event_type: str, facts: Facts) -> Required:
    population = facts.populations[_query_of_type(event_type)]
    is_recorded = event_type in facts.scope.active(facts.catalog)
    support, why = _by_events(population, facts)
    if support is Support.MISSING and not is_recorded:
        why = f"the configuration does not record it at the level {facts.scope.level}"
    return Required(
        event_type=event_type,
        is_recorded=is_recorded,
        support=support,
        why=why,
        population=population,
    )


def _answer(name: str, clause: Clause, row: Framework, facts: Facts) -> Answer:
    population = facts.populations[clause.query] if clause.query else None
    support, why = _judged(clause, population, row, facts)
    return Answer(
        clause=name,
        reference=clause.reference,
        asks=clause.asks,
        support=support,
        why=why,
        population=population,
    )


def _judged(clause: Clause, population: Population | None, row: Framework, facts: Facts) -> _Judged:
    if clause.shown_by is ShownBy.INTEGRITY:
        return _by_integrity(facts)
    if clause.shown_by is ShownBy.RETENTION:
        return _by_retention(row, facts)
    if population is None:
        return Support.NOT_OBSERVABLE, "no record of calls shows this; ask the organisation"
    return _by_events(population, facts)


def _by_events(population: Population, facts: Facts) -> _Judged:
    if not population.count:
        return Support.MISSING, "no such event in the period"
    doubts = [*_doubts(facts), *_in_index(population)]
    if doubts:
        return Support.PARTLY, "; ".join(doubts)
    return Support.SUPPORTED, "the record is proven complete"


def _doubts(facts: Facts) -> Iterator[str]:
    """Why events may be missing from every population."""
    unproven = [one for one in facts.verdicts if one.word not in PROVEN]
    if unproven:
        words = ", ".join(sorted({str(one.word) for one in unproven}))
        yield f"{len(unproven)} of {len(facts.verdicts)} streams are not proven ({words})"
    if facts.lost:
        yield f"{facts.lost} events are stated as lost"


def _in_index(population: Population) -> Iterator[str]:
    if population.in_index is not None and population.in_index != population.count:
        yield f"the cluster has {population.in_index} of them"


def _by_integrity(facts: Facts) -> _Judged:
    verdicts = facts.verdicts
    proven = sum(one.word in PROVEN for one in verdicts)
    damaged = sum(one.word not in PROVEN | UNPROVEN for one in verdicts)
    if not proven:
        return Support.MISSING, "no stream is signed to its end and unchanged"
    if proven < len(verdicts):
        why = f"{proven} of {len(verdicts)} streams are proven; {damaged} are damaged"
        return Support.PARTLY, why
    return Support.SUPPORTED, f"all {proven} streams are signed to their ends and unchanged"


def _by_retention(row: Framework, facts: Facts) -> _Judged:
    """The required types, by the shortest retention; what is in force counts, if it is known."""
    of_types = [one for one in facts.retentions if one.event_type in row.requires]
    short = [one.event_type for one in of_types if _days(one) < row.retention_days]
    if short:
        named = ", ".join(short)
        why = f"less than {row.retention_days} days: {named}"
        return (Support.PARTLY if len(short) < len(of_types) else Support.MISSING), why
    unseen = sum(one.in_force_days is None for one in of_types)
    if unseen:
        return (
            Support.PARTLY,
            f"configured; not seen in force for {unseen} of {len(of_types)} types",
        )
    return Support.SUPPORTED, f"in force for at least {row.retention_days} days"


def _days(one: Retention) -> int:
    return one.configured_days if one.in_force_days is None else one.in_force_days
