"""What the panels show: the sample's month in a real Elasticsearch, asked as Kibana would ask."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch as Client

from shipper.assets.generate.bodies import INGESTED
from shipper.assets.generate.kibana.model import Panel, Search
from shipper.assets.install.elasticsearch import install_in_cluster
from shipper.catalog import Catalog, Scope
from shipper.sample import write_sample
from tests.assets.agents import index_agents
from tests.assets.queries import indices_of, query_of, request, rows_of
from tests.integration.line import call, configuration, ship_once
from tests.real.elasticsearch import Elasticsearch

#: The end of the sample: pictures change only when the sample or the dashboards do.
END_S = 1_795_530_600
#: A time range of a dashboard, and the interval that Kibana chooses for it by itself.
INTERVALS = {"7d": "3h", "30d": "12h"}

#: The sample is shipped long after its events; the pictures show a shipper that kept up.
_ARRIVED = {
    "script": {
        "source": "def at = ZonedDateTime.parse(ctx['@timestamp']);"
        " ctx.event.ingested = at.plusNanos(1000000L * (250 + at.getNano() % 1900)).toString();"
    }
}

Rows = Sequence[tuple[Any, ...]]


class Month:
    """The sample in a node."""

    def __init__(self, url: str) -> None:
        self._url = url

    def rows(self, panel: Panel, window: str, view: str) -> Rows:
        """A row to each innermost bucket of the panel: keys, then metrics."""
        body = request(panel, INTERVALS[window], view)
        body["query"]["bool"]["filter"].append(_within(window))
        _stretch(body["aggs"], window)
        return list(rows_of(panel, self._found(body, view)))

    def documents(self, search: Search, window: str, size: int) -> Rows:
        """The newest events of a saved search: time and its columns."""
        wanted = ["@timestamp", *search.columns]
        query = {"bool": {"filter": [query_of(search.query), _within(window)]}}
        body = {"size": size, "query": query, "fields": wanted, "sort": [{"@timestamp": "desc"}]}
        hits = self._found(body, search.view)["hits"]["hits"]
        return [tuple(_first(hit["fields"], path) for path in wanted) for hit in hits]

    def _found(self, body: object, view: str) -> Any:
        return call(f"{self._url}/{indices_of(view)}/_search", "POST", body)


def _within(window: str) -> dict[str, object]:
    start = f"{END_S * 1000}||-{window}"
    return {"range": {"@timestamp": {"gt": start, "lte": END_S * 1000, "format": "epoch_millis"}}}


def _stretch(aggs: dict[str, Any], window: str) -> None:
    """Let every histogram reach over the whole time range, empty intervals too."""
    days = int(window.removesuffix("d"))
    bounds = {"min": (END_S - days * 86_400) * 1000, "max": END_S * 1000}
    for row in aggs.values():
        if histogram := row.get("date_histogram"):
            histogram |= {"extended_bounds": bounds, "min_doc_count": 0}
        _stretch(row.get("aggs", {}), window)


def _first(fields: dict[str, list[object]], path: str) -> object:
    return fields.get(path, [None])[0]


@contextmanager
def month(catalog: Catalog) -> Iterator[Month]:
    """Thirty days of the sample, shipped as a user would."""
    with Elasticsearch() as server, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_sample(home / "audit", days=30, seed=1, end_s=END_S)
        with Client(server.url) as client:
            list(install_in_cluster(client, catalog, Scope()))
            client.ingest.put_pipeline(id=INGESTED, processors=[_ARRIVED])
            index_agents(client, home / "audit")
        outputs = {"elasticsearch": {"hosts": [server.url]}}
        done = ship_once(configuration(home, [home / "audit" / "*.jsonl"], outputs), timeout_s=240)
        if done.returncode:
            raise SystemExit(done.stderr)
        call(f"{server.url}/_refresh", "POST")
        yield Month(server.url)
