"""A panel of the model as a search request, and the answer as rows, as in Kibana."""

from shipper.assets.generate.kibana.model import AGENTS_VIEW, EVENTS_VIEW, RECORDS, columns_of
from shipper.assets.generate.kibana.saved import runtime_mappings
from shipper.catalog.kql import And, Exists, Match, Not, Or, Range, parse
from tests.assets.agents import INDEX as AGENTS_INDEX

METRICS = {"unique_count": "cardinality", "sum": "sum", "max": "max"}
RANGES = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def query_of(kql):
    """KQL in Elasticsearch's own words."""
    node = parse(kql)
    return {"match_all": {}} if node is None else _clause(node)


def _clause(node):
    match node:
        case And(parts):
            return {"bool": {"filter": [_clause(part) for part in parts]}}
        case Or(parts):
            return {"bool": {"should": [_clause(part) for part in parts]}}
        case Not(part):
            return {"bool": {"must_not": [_clause(part)]}}
        case Range(path, operator, bound):
            return {"range": {path: {RANGES[operator]: bound}}}
        case Exists(path):
            return {"exists": {"field": path}}
        case Match(path, value):
            # The tests have no `*` or `?` that stand for themselves.
            kind = "wildcard" if len(value.texts) > 1 else "match"
            return {kind: {path: "*".join(value.texts)}}


def indices_of(view):
    """The indices of a data view, where the namespace is the usual one."""
    return f"logs-mcp.*-default,{AGENTS_INDEX}" if view == AGENTS_VIEW else "logs-mcp.*-default"


def request(panel, interval="1d", view=EVENTS_VIEW):
    """The body of the search that gives the panel's data."""
    ours = [{"term": {"event.module": "mcp"}}] if view == EVENTS_VIEW else []
    columns = columns_of(panel.chart)
    buckets = [column for column in columns if column.is_bucket]
    metrics = [column for column in columns if not column.is_bucket]
    aggs = {f"m{n}": _metric(column) for n, column in enumerate(metrics)}
    for depth, column in reversed(list(enumerate(buckets))):
        inner = {**aggs, "rank": _value(metrics[0])} if column.operation == "terms" else aggs
        aggs = {f"b{depth}": {**_bucket(column, metrics[0], interval), "aggs": inner}}
    return {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": [query_of(panel.where), *ours]}},
        "runtime_mappings": runtime_mappings(),
        "aggs": aggs,
    }


def _bucket(column, ranked_by, interval):
    match column.operation:
        case "date_histogram":
            return {"date_histogram": {"field": column.path, "fixed_interval": interval}}
        case "filters":
            rows = column.params["filters"]
            named = {row["label"]: query_of(row["input"]["query"]) for row in rows}
            return {"filters": {"filters": named}}
        case "terms":
            terms = {"field": column.path, "size": column.params["size"]}
            # Kibana fills in a text, which an address cannot be.
            if column.params["missingBucket"] and column.path != "source.ip":
                terms["missing"] = "(missing value)"
            return {"terms": {**terms, "order": _ranking(ranked_by)}}


def _ranking(column):
    """The order by the panel's first metric, which Kibana repeats beside the inner buckets."""
    percent = column.params.get("percentile")
    return {f"rank.{percent}" if percent else "rank": "desc"}


def _metric(column):
    wanted = _value(column)
    return {"filter": query_of(column.where), "aggs": {"value": wanted}} if column.where else wanted


def _value(column):
    match column.operation:
        case "count":
            field = "_index" if column.path == RECORDS else column.path  # each has one
            return {"value_count": {"field": field}}
        case "percentile":
            return {
                "percentiles": {"field": column.path, "percents": [column.params["percentile"]]}
            }
        case "last_value":
            newest = [{column.params["sortField"]: "desc"}]
            return {"top_hits": {"size": 1, "sort": newest, "docvalue_fields": [column.path]}}
        case operation:
            return {METRICS[operation]: {"field": column.path}}


def rows_of(panel, answer):
    """The answer as rows: a value for each bucket, then one for each metric."""
    columns = columns_of(panel.chart)
    depth = sum(column.is_bucket for column in columns)
    metrics = [column for column in columns if not column.is_bucket]
    return list(_rows(answer["aggregations"], 0, depth, metrics, ()))


def _rows(node, level, depth, metrics, keys):
    if level == depth:
        yield (*keys, *(_read(node[f"m{n}"], column) for n, column in enumerate(metrics)))
        return
    buckets = node[f"b{level}"]["buckets"]
    named = buckets.items() if isinstance(buckets, dict) else ((b["key"], b) for b in buckets)
    for key, bucket in named:
        yield from _rows(
            bucket, level + 1, depth, metrics, (*keys, bucket.get("key_as_string", key))
        )


def _read(found, column):
    value = found["value"] if column.where else found
    match column.operation:
        case "percentile":
            [number] = value["values"].values()
            return number
        case "last_value":
            hits = value["hits"]["hits"]
            return hits[0]["fields"][column.path][0] if hits else None
    return value["value"]
