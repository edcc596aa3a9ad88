"""Each scenario of examples/attacks fires Kibana's rules as it does ours, in a real Elasticsearch.

No Kibana runs here: the query of each detection rule is asked as Kibana asks it, at the time of
each event that matches.
"""

import json
import re
import urllib.request
from datetime import datetime, timedelta

import pytest
from elasticsearch import Elasticsearch as Client

from shipper.assets.generate.kibana.rules import detection_rules
from shipper.assets.install.elasticsearch import install_in_cluster, remove_from_cluster
from shipper.catalog import Scope, builtin
from shipper.catalog.alerts import alerts
from tests.assets.queries import query_of
from tests.detect.corpus import EXPECTED, lines_of
from tests.integration.line import call, clear

CATALOG = builtin()
RULES = {rule["name"]: rule for rule in detection_rules(CATALOG, Scope())}
#: Kibana cannot see what is not there.
UNSEEN = {name for name, alert in alerts().items() if alert.title not in RULES}


@pytest.fixture(scope="module")
def cluster(elasticsearch):
    """Every scenario in a namespace of its own."""
    with Client(elasticsearch.url) as client:
        clear(elasticsearch.url)
        list(install_in_cluster(client, CATALOG, Scope()))
        for scenario in EXPECTED:
            _store(elasticsearch.url, scenario)
        call(f"{elasticsearch.url}/logs-mcp.*/_refresh", "POST")
        yield elasticsearch.url
        clear(elasticsearch.url)
        list(remove_from_cluster(client))


def _store(url, scenario):
    rows = []
    for line in lines_of(scenario):
        event = json.loads(line)
        stream = event["data_stream"]
        stream["namespace"] = scenario
        name = f"logs-{stream['dataset']}-{scenario}"
        rows += [{"create": {"_index": name, "_id": event["event"]["id"]}}, event]
    answer = _lines(f"{url}/_bulk", rows)
    assert not answer["errors"], answer["items"][:2]


def _lines(url, rows):
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/x-ndjson"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _minutes(span):
    number, unit = re.fullmatch(r"now-(\d+)([md])", span).groups()
    return int(number) * {"m": 1, "d": 1440}[unit]


def _hits(url, scenario, query):
    body = {"size": 1000, "query": query, "sort": "@timestamp", "_source": ["@timestamp"]}
    found = call(f"{url}/logs-mcp.*-{scenario}/_search", "POST", body)["hits"]["hits"]
    return [datetime.fromisoformat(hit["_source"]["@timestamp"]) for hit in found]


def _windows(url, scenario, rule, aggregation):
    """The groups that a rule finds when it runs at the time of each matching event."""
    query = query_of(rule["query"])
    rows = []
    for end in _hits(url, scenario, query):
        begin = end - timedelta(minutes=_minutes(rule["from"]))
        within = {"range": {"@timestamp": {"gt": begin.isoformat(), "lte": end.isoformat()}}}
        body = {"size": 0, "query": {"bool": {"filter": [query, within]}}, "aggs": aggregation}
        rows += [{"index": f"logs-mcp.*-{scenario}"}, body]
    answers = _lines(f"{url}/_msearch", rows)["responses"] if rows else []
    return [answer["aggregations"] for answer in answers]


def _threshold_fires(url, scenario, rule):
    wanted = rule["threshold"]
    different = wanted["cardinality"][0] if wanted["cardinality"] else None
    counted = {"different": {"cardinality": {"field": different["field"]}}} if different else {}
    least = different["value"] if different else wanted["value"]
    inner = counted
    for path in reversed(wanted["field"]):
        inner = {"group": {"terms": {"field": path, "size": 1000}, "aggs": inner}}
    if not wanted["field"]:
        inner = {"group": {"filter": {"match_all": {}}, "aggs": inner}}
    for found in _windows(url, scenario, rule, inner):
        groups = found["group"].get("buckets", [found["group"]])
        for _ in wanted["field"][1:]:
            groups = [one for outer in groups for one in outer["group"]["buckets"]]
        numbers = (g["different"]["value"] if counted else g["doc_count"] for g in groups)
        if any(number >= least for number in numbers):
            return True
    return False


def _new_terms_fires(url, scenario, rule):
    days = _minutes(rule["history_window_start"]) / 1440
    size = {"size": 1000, "query": query_of(rule["query"]), "sort": "@timestamp"}
    found = call(f"{url}/logs-mcp.*-{scenario}/_search", "POST", size)["hits"]["hits"]
    seen = {}
    for hit in found:
        event = hit["_source"]
        at = datetime.fromisoformat(event["@timestamp"])
        begin = seen.setdefault("", at)
        terms = tuple(_value(event, path) for path in rule["new_terms_fields"])
        last = seen.get(terms)
        is_new = last is None or at - last > timedelta(days=days)
        if is_new and at - begin >= timedelta(days=days):
            return True
        seen[terms] = at
    return False


def _value(event, path):
    for key in path.split("."):
        event = event[key]
    return event


def _eql_fires(url, scenario, rule):
    """The parts of the sequence, in the order of EQL: this Elasticsearch comes without EQL."""
    [alert] = [one for one in alerts().values() if one.title == rule["name"]]
    before, after = (
        _grouped(url, scenario, query, alert.group_by) for query in (alert.other, alert.counted)
    )
    span = timedelta(seconds=alert.window_s)
    return any(
        sum(timedelta() <= end - begin <= span for begin in before.get(group, ()))
        >= alert.threshold
        for group, ends in after.items()
        for end in ends
    )


def _grouped(url, scenario, query, paths):
    """The times of the events that match, by the values of these fields."""
    body = {"size": 1000, "query": query_of(query)}
    found = {}
    for hit in call(f"{url}/logs-mcp.*-{scenario}/_search", "POST", body)["hits"]["hits"]:
        event = hit["_source"]
        group = tuple(_value(event, path) for path in paths)
        found.setdefault(group, []).append(datetime.fromisoformat(event["@timestamp"]))
    return found


def _query_fires(url, scenario, rule):
    return bool(_hits(url, scenario, query_of(rule["query"])))


FIRES = {
    "query": _query_fires,
    "threshold": _threshold_fires,
    "new_terms": _new_terms_fires,
    "eql": _eql_fires,
}


@pytest.mark.parametrize("scenario", EXPECTED)
def test_a_scenario_fires_the_rules_of_its_alerts_and_no_others(cluster, scenario):
    fired = {
        name
        for name, alert in alerts().items()
        if (rule := RULES.get(alert.title)) and FIRES[rule["type"]](cluster, scenario, rule)
    }
    assert fired == {*EXPECTED[scenario]} - UNSEEN
