"""The record of a configuration: where it is on disk and in the cluster, and who has read it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from heapq import nlargest
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from shipper.account import account
from shipper.api.answers import Found
from shipper.config import Config
from shipper.errors import ConfigError, Problem, Refused, ShipperError, Unavailable
from shipper.follow.discover import scan
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.record.event import create_compliance_event
from shipper.record.format import valid
from shipper.record.handler import AuditHandler

if TYPE_CHECKING:  # only the operations about the cluster load its client
    from shipper.evidence.documents import Documents
    from shipper.evidence.report.make import Ask
    from shipper.evidence.report.model import Report
    from shipper.evidence.verdict import Verdict
    from shipper.evidence.verify import Trust

_LIMIT = 100
_SAMPLE = 25
_MAX_REASON = 300
_TIMES = ("since", "until")


def recorded_in(config: Config) -> list[Path]:
    """Where the configuration records: the application's events, and those of the shipper."""
    return [path for path in (config.audit, config.data / "audit") if path.is_dir()]


def is_recorded(config: Config, paths: Iterable[Path]) -> bool:
    """Whether any of the paths is in the record of this configuration, and not a copy of it."""
    followed = {Path(found.path).parent for found in scan(config.inputs)}
    own = {folder.resolve() for folder in (*recorded_in(config), *followed)}
    return any(own & {found, *found.parents} for found in (path.resolve() for path in paths))


@contextmanager
def documents_of(config: Config, index: str | None = None) -> Iterator["Documents"]:
    """The documents in the cluster of the configuration.

    Inside, failures of the client become `Refused` and `Unavailable`.
    """
    from elasticsearch import ApiError, TransportError

    from shipper.evidence.documents import DEFAULT_INDEX, Documents
    from shipper.outputs.elasticsearch.api import api_client

    settings = config.outputs.get("elasticsearch")
    if not isinstance(settings, ElasticsearchConfig):
        what = "is missing; it names the cluster (as does elasticsearch_url)"
        raise ConfigError([Problem("output.elasticsearch", what)])
    with api_client(settings) as client:
        try:
            yield Documents(client, index or DEFAULT_INDEX)
        except ApiError as error:
            what = f"{error.status_code}: {str(error)[:_MAX_REASON]}"
            raise Refused(f"Elasticsearch refused a request ({what})") from error
        except TransportError as error:
            what = str(error)[:_MAX_REASON]
            raise Unavailable(f"Elasticsearch cannot be reached ({what})") from error


def record_operation(
    config: Config,
    operation: str,
    records: int | None = None,
    *,
    success: bool = True,
    user: object = None,
    **details: object,
) -> None:
    """Record that somebody has read the record, in the shipper's own audit stream.

    `records` is how many events were read; `success` is false if they are damaged. `user` is who
    asked, by default the account of this process. Never raises.
    """
    if not config.operation.self_audit.enabled:
        return
    known = {name: value for name, value in details.items() if value is not None}
    asked_by = user if isinstance(user, str) and user else account()
    event = create_compliance_event(operation, None, known, records, asked_by, success=success)
    with closing(AuditHandler(config.data / "audit", **config.self_recording)) as handler:
        handler.record_self_audit(event)


def require_record(
    config: Config,
    operation: str,
    details: Mapping[str, object],
    records: int | None = None,
    *,
    stated: Mapping[str, object] | None = None,
    success: bool = True,
) -> None:
    """Record an operation that must not happen unseen; the event is on the disk on return.

    `stated` are fields by path that only the record itself writes. Raises `ShipperError`.
    """
    folder = config.data / "audit"
    event = create_compliance_event(operation, None, details, records, account(), success=success)
    settings = {**config.self_recording, "durability": "each"}
    with closing(AuditHandler(folder, **settings)) as handler:
        if not handler.record_self_audit(event, stated):
            raise ShipperError(f"{folder}: the {operation} cannot be recorded")


def record_verification(config: Config, verdicts: "Sequence[Verdict]", user: object = None) -> None:
    """Record that the configuration's own record was verified, and the words it got.

    Never raises.
    """
    from shipper.evidence.verdict import is_damaged

    words = Counter(str(one.word) for one in verdicts)
    events = sum(one.events for one in verdicts)
    record_operation(
        config, "verify", events, success=not is_damaged(verdicts), user=user, words=dict(words)
    )


def compliance_report(context: Mapping[str, Any], config: Config) -> "Report":
    """The report on `frameworks` between `since` and `until`.

    `seed` and `sample` choose the events that are sampled. With `elasticsearch` true, the cluster
    is asked for its counts and for the retention in force.
    """
    from shipper.evidence.report.make import make

    ask, trust = _ask(context, config), trust_of(config)
    with ExitStack() as stack:
        documents = None
        if context.get("elasticsearch"):
            documents = stack.enter_context(documents_of(config))
        report = make(recorded_in(config), trust, ask, documents)
    record_report(config, report, context.get("user_id"))
    return report


def record_report(config: Config, report: "Report", user: object = None) -> None:
    """Record that a report was made. Never raises."""
    names = [one.name for one in report.frameworks]
    period = msgspec.to_builtins(report.period)
    details = {"frameworks": names, "seed": report.seed, **period}
    record_operation(config, "report", report.events, user=user, **details)


def trust_of(config: Config, folder: Path | None = None, policy: Path | None = None) -> "Trust":
    """What a record is verified against: by default the evidence folder and the policy in it."""
    from shipper.evidence.policy import Policy, read_policy
    from shipper.evidence.store import POLICY, Store
    from shipper.evidence.verify import Trust

    folder = folder or config.data / "evidence"
    named = policy or folder / POLICY
    known = read_policy(named) if policy or named.is_file() else Policy()
    return Trust(policy=known, store=Store(folder) if folder.is_dir() else None)


def _ask(context: Mapping[str, Any], config: Config) -> "Ask":
    from shipper.evidence.query import time_of
    from shipper.evidence.report.make import Ask

    names, sample = context.get("frameworks"), context.get("sample")
    names = (names,) if isinstance(names, str) else names or ()
    since, until = (time_of(str(at)) if (at := context.get(name)) else None for name in _TIMES)
    seed = context.get("seed")
    return Ask(
        catalog=config.catalog,
        scope=config.scope,
        frameworks=names,
        seed=None if seed is None else valid(str(seed)),
        sample=_SAMPLE if sample is None else int(sample),
        since=since,
        until=until,
    )


def search_audit_events(context: Mapping[str, Any], config: Config) -> Found:
    """The events that match `query` between `since` and `until`, at most `limit` of them.

    With `elasticsearch` true, the cluster is searched, otherwise the segments on disk. With
    `newest` true, these are the last ones, the newest first.
    """
    from shipper.evidence.query import query_of, time_of
    from shipper.evidence.search import search

    text, limit = context.get("query") or "", int(context.get("limit") or _LIMIT)
    times = {name: context[name] for name in _TIMES if context.get(name)}
    query = query_of(text, config.catalog, **{one: time_of(str(at)) for one, at in times.items()})
    if context.get("elasticsearch"):
        with documents_of(config) as documents:
            lines = chosen(documents.search(query), limit + 1, context)
    else:
        lines = chosen(search(recorded_in(config), query), limit + 1, context)
    events = [msgspec.json.decode(line) for line in lines[:limit]]
    user = context.get("user_id")
    record_operation(config, "search", len(events), query=text, user=user, **times)
    return Found(events, len(events), len(lines) <= limit)


def chosen(lines: Iterator[bytes], count: int, context: Mapping[str, Any]) -> list[bytes]:
    """The first lines, or the newest ones if the request wants these."""
    from shipper.evidence.query import TIME

    if context.get("newest"):
        return nlargest(count, lines, key=itemgetter(TIME))
    return [*islice(lines, count)]
