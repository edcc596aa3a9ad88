"""The ingest pipeline masks what the record line masks, over the corpus of secrets."""

import pytest
from elasticsearch import Elasticsearch as Client

from shipper.assets.install.elasticsearch import install_in_cluster, remove_from_cluster
from shipper.catalog import builtin
from tests.assets.corpus import SCOPE
from tests.integration.line import call, clear
from tests.secrets.faces import messages, of_document
from tests.secrets.measure import all_cases
from tests.secrets.scripts import differences, known

PIPELINE = "mcp-normalise"
AT_ONCE = 200


@pytest.fixture(scope="module")
def url(elasticsearch):
    with Client(elasticsearch.url) as client:
        list(install_in_cluster(client, builtin(), SCOPE))
        yield elasticsearch.url
        clear(elasticsearch.url)
        list(remove_from_cluster(client))


def documents(url, events):
    for at in range(0, len(events), AT_ONCE):
        docs = [{"_source": event} for event in events[at : at + AT_ONCE]]
        answer = call(f"{url}/_ingest/pipeline/{PIPELINE}/_simulate", "POST", {"docs": docs})
        yield from (row["doc"]["_source"] for row in answer["docs"])


def test_painless_and_the_record_differ_in_the_named_cases_only(url, tmp_path):
    events = [messages(case) for case in all_cases()]
    written = [of_document(document) for document in documents(url, events)]
    assert differences(written, tmp_path) == known("painless")
