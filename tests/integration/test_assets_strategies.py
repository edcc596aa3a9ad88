"""An event of each type routed, mapped and found under each way of naming indices."""

import pytest
from elasticsearch import Elasticsearch as Client

from shipper.assets.install.change import Effect
from shipper.assets.install.elasticsearch import install_in_cluster, remove_from_cluster
from shipper.catalog import IndexStrategy, MCPEventType, Scope, builtin
from tests.integration.line import as_written, call, clear, search
from tests.integration.test_assets import STAND_INS, believable, leaves

CATALOG = builtin()
INDICES = {row.index for row in CATALOG.event_types.values()}


@pytest.fixture(params=list(IndexStrategy), scope="module")
def stack(request, elasticsearch):
    """The node, set up for a strategy; what `setup` said first and second."""
    scope = Scope(index_strategy=request.param)
    with Client(elasticsearch.url) as client:
        tidy(client, elasticsearch.url)
        first = list(install_in_cluster(client, CATALOG, scope))
        second = list(install_in_cluster(client, CATALOG, scope))
        yield elasticsearch.url, request.param, first, second
        tidy(client, elasticsearch.url)


def tidy(client, url):
    clear(url)
    for index in sorted(INDICES):
        call(f"{url}/{index}-2*", "DELETE")
    list(remove_from_cluster(client))


def target(strategy, row):
    return {
        IndexStrategy.DATA_STREAM: f"logs-{row.dataset}-default",
        IndexStrategy.ROLLOVER_ALIAS: row.index,
        IndexStrategy.MONTHLY: f"{row.index}-2026-11",
    }[strategy]


def test_a_second_run_changes_nothing(stack):
    _, _, first, second = stack
    assert {change.effect for change in first} == {Effect.CREATED}
    assert {change.effect for change in second} == {Effect.UNCHANGED}
    assert [(change.kind, change.name) for change in first] == [(s.kind, s.name) for s in second]


@pytest.mark.parametrize("event_type", MCPEventType)
def test_an_event_is_routed_mapped_and_found(stack, event_type):
    url, strategy, *_ = stack
    row = CATALOG.event_types[event_type]
    document = believable(event_type)
    index = target(strategy, row)
    with Client(url) as client:
        created = [{"create": {"_id": "one"}}, document]
        [item] = client.bulk(index=index, refresh=True, operations=created)["items"]
    assert item["create"]["status"] == 201, item
    each = [{"exists": {"field": path}} for path in CATALOG.fields_of(event_type)]
    [hit] = search(url, index, {"bool": {"filter": each}})
    assert as_written(hit["_source"]) == as_written(document)
    [(name, about)] = call(f"{url}/{hit['_index']}").items()
    mapped = dict(leaves(about["mappings"]["properties"]))
    wanted = {path: field.type for path, field in CATALOG.fields.items()}
    assert mapped == {path: STAND_INS.get(kind, kind) for path, kind in wanted.items()}
    lifecycle = about["settings"]["index"]["lifecycle"]
    if strategy is IndexStrategy.DATA_STREAM:
        assert lifecycle == {"name": f"logs-{row.dataset}"}
    elif strategy is IndexStrategy.ROLLOVER_ALIAS:
        assert lifecycle == {"name": row.index, "rollover_alias": row.index}
        assert name.startswith(f"{row.index}-2")
        assert name.endswith("-000001")
    else:
        assert (lifecycle, name) == ({"name": row.index}, index)


def test_an_alias_rolls_over_to_an_index_of_the_same_kind(elasticsearch):
    scope = Scope(index_strategy=IndexStrategy.ROLLOVER_ALIAS)
    with Client(elasticsearch.url) as client:
        tidy(client, elasticsearch.url)
        list(install_in_cluster(client, CATALOG, scope))
        rolled = call(f"{elasticsearch.url}/mcp-auth/_rollover", "POST", {})
        assert rolled["new_index"].endswith("-000002")
        settings = call(f"{elasticsearch.url}/{rolled['new_index']}/_settings")
        [about] = settings.values()
        assert about["settings"]["index"]["lifecycle"]["name"] == "mcp-auth"
        tidy(client, elasticsearch.url)


def test_a_monthly_index_is_deleted_a_month_later_and_never_rolled_over(stack):
    url, strategy, *_ = stack
    for row in CATALOG.event_types.values():
        name = f"logs-{row.dataset}" if strategy is IndexStrategy.DATA_STREAM else row.index
        phases = call(f"{url}/_ilm/policy/{name}")[name]["policy"]["phases"]
        extra = 31 if strategy is IndexStrategy.MONTHLY else 0
        assert phases["delete"]["min_age"] == f"{row.retention_days + extra}d"
        assert ("rollover" in phases["hot"]["actions"]) is (not extra)
        assert ("readonly" in phases["hot"]["actions"]) is (not extra)


def test_removal_takes_the_first_index_of_an_alias_unless_something_was_written(elasticsearch):
    scope = Scope(index_strategy=IndexStrategy.ROLLOVER_ALIAS)
    url = elasticsearch.url
    with Client(url) as client:
        tidy(client, url)
        before = call(f"{url}/_all/_settings?flat_settings=true")
        list(install_in_cluster(client, CATALOG, scope))
        dry = list(remove_from_cluster(client, dry_run=True))
        assert dry == list(remove_from_cluster(client))
        assert {change.effect for change in dry} == {Effect.REMOVED}
        assert call(f"{url}/_all/_settings?flat_settings=true") == before
        list(install_in_cluster(client, CATALOG, scope))
        # Not refreshed: a search would not find it yet.
        call(f"{url}/mcp-auth/_create/one", "PUT", believable("mcp_authentication_events"))
        dry = list(remove_from_cluster(client, dry_run=True))
        assert dry == list(remove_from_cluster(client))
        kept = {(change.kind, change.name) for change in dry if change.effect is Effect.KEPT}
        assert kept == {
            ("index alias", "mcp-auth"),
            ("ingest pipeline", "mcp-ingested"),
            ("lifecycle policy", "mcp-auth"),
        }
        assert call(f"{url}/_alias/mcp-auth")
        tidy(client, url)
