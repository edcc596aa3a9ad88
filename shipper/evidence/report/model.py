"""A report as values: what the JSON file holds, and what the pages show."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from shipper.evidence.verdict import Verdict


class Support(StrEnum):
    """How far the record answers a question; it is no judgement of the organisation."""

    SUPPORTED = "supported by evidence"
    PARTLY = "partly"
    MISSING = "missing"
    NOT_OBSERVABLE = "not observable"


class Population(Struct, kw_only=True):
    """The events of the period that match a query."""

    #: In Kibana's language, and the same as a filter for jq.
    query: str
    jq: str
    count: int = 0
    first: str | None = None
    last: str | None = None
    #: How many documents of the period match in the cluster; None if it was not asked.
    in_index: int | None = None
    #: The ids of the sampled events, in the order of their ranks.
    sample: Sequence[str] = ()


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to one clause of a framework."""

    clause: str
    reference: str
    asks: str
    support: Support
    why: str
    population: Population | None = None


class Required(Struct, frozen=True, kw_only=True):
    """An event type that a framework requires."""

    event_type: str
    is_recorded: bool
    support: Support
    why: str
    population: Population


class Assessed(Struct, frozen=True, kw_only=True):
    """One framework."""

    name: str
    title: str
    basis: str
    second_hand: bool
    retention_days: int
    required: Sequence[Required]
    answers: Sequence[Answer]

    @property
    def supports(self) -> Sequence[Support]:
        """Every word that was given."""
        return [*(one.support for one in self.required), *(one.support for one in self.answers)]


class Stream(Struct, frozen=True, kw_only=True):
    """One audit stream, its verdict, and the checkpoint that covers it."""

    verdict: Verdict
    origin: str | None = None
    #: Events that the latest checkpoint covers, and the root of their tree in base64.
    size: int | None = None
    root: str | None = None
    signers: Sequence[str] = ()


class Sampled(Struct, frozen=True, kw_only=True):
    """An event of a sample."""

    id: str
    time: str
    dataset: str
    action: str
    user: str | None
    outcome: str | None
    path: str
    #: The number of its line in the file, from 1.
    line: int
    hash: str
    #: SHA-256 of the seed and the id: the events with the smallest ones are the sample.
    rank: str
    #: Why there is no proof; empty if there is one.
    unproven: str = ""


class Retention(Struct, frozen=True, kw_only=True):
    """How long one event type is kept."""

    event_type: str
    configured_days: int
    #: The shortest in force; None if the cluster was not queried or has no index of the type.
    in_force_days: int | None = None
    #: What the cluster states: a policy, `never deleted`, or that there is nothing.
    in_force: str = "the cluster was not queried"

    @property
    def is_shortened(self) -> bool:
        """Whether the cluster keeps events for less time than is configured."""
        return self.in_force_days is not None and self.in_force_days < self.configured_days


class Alerts(Struct, frozen=True):
    """How often a rule raised an alert in the period."""

    rule: str
    count: int
    last: str


class Period(Struct, frozen=True):
    """The time that the report is about, as text that compares like the time; until is excluded."""

    since: str
    until: str


class Report(Struct, frozen=True, kw_only=True):
    """A report."""

    version: str
    made_at: str
    period: Period
    seed: str
    sample_size: int
    level: str
    selected: Sequence[str]
    #: Public keys whose checkpoints count.
    keys: Sequence[str]
    quorum: str
    #: All events of the period.
    events: int
    hosts: Sequence[str]
    services: Sequence[str]
    streams: Sequence[Stream]
    frameworks: Sequence[Assessed]
    retentions: Sequence[Retention]
    gaps: Sequence[str]
    alerts: Sequence[Alerts]
    samples: Sequence[Sampled]
    limits: Sequence[str]
