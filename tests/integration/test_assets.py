"""Setup on a real Elasticsearch: what it takes, where events go, what a second run does.

The server's own ILM parser reads the policies. match_only_text and constant_keyword are stand-ins
there, of text and of keyword.
"""

import json
import urllib.error

import pytest
from elasticsearch import Elasticsearch as Client

from shipper.assets.install.change import Effect
from shipper.assets.install.elasticsearch import install_in_cluster, remove_from_cluster
from shipper.assets.install.parts import Part
from shipper.catalog import MCPEventType, Scope, builtin, overlaid
from tests.assets.answering import answering, passing_on
from tests.assets.overlay import OVERLAY
from tests.assets.test_validate_stack import POLICY, POLICY_FAULTS, SOUND_CHANGES, changed
from tests.integration.line import as_written, call, clear, search

CATALOG = builtin()
ONE_OF_EACH = {
    "boolean": True,
    "constant_keyword": "default",
    "date": "2026-11-24T08:30:00.123456Z",
    "double": 0.0042,
    "flattened": {"path": "/etc/hosts", "options": {"lines": [1, 2]}},
    "float": 0.75,
    "ip": "2001:db8::7",
    "keyword": "a word",
    "long": 1234567890123,
    "match_only_text": "A sentence for people.",
}
STAND_INS = {"match_only_text": "text", "constant_keyword": "keyword"}


@pytest.fixture
def bare(elasticsearch):
    """The node without anything of ours, before and after."""
    with Client(elasticsearch.url) as client:
        tidy(client, elasticsearch.url)
        yield client
        tidy(client, elasticsearch.url)


@pytest.fixture
def ready(bare):
    """The same, set up."""
    list(install_in_cluster(bare, CATALOG, Scope()))
    return bare


def tidy(client, url):
    clear(url)
    list(remove_from_cluster(client))


def actions(changes):
    return [(change.kind, change.name, change.effect) for change in changes]


def everything(elasticsearch):
    """All templates and policies of the node, with the versions of the policies."""
    paths = ("_component_template", "_index_template", "_ilm/policy")
    found = {path: call(f"{elasticsearch.url}/{path}") for path in paths}
    with Client(elasticsearch.url) as client:  # without any pipeline the answer is 404
        return found | client.options(ignore_status=404).ingest.get_pipeline().body


def believable(event_type, catalog=CATALOG):
    """An event with every field that its type may carry."""
    row = catalog.event_types[event_type]
    own = {
        "data_stream.type": "logs",
        "data_stream.dataset": row.dataset,
        "event.id": f"stream-of-{row.dataset}-1",
        "mcp.audit.type": event_type,
    }
    document = {}
    for path, field in catalog.fields_of(event_type).items():
        *outer, name = path.split(".")
        node = document
        for part in outer:
            node = node.setdefault(part, {})
        node[name] = own.get(path, ONE_OF_EACH[field.type])
    return document


def create(url, document):
    stream = document["data_stream"]
    index = f"{stream['type']}-{stream['dataset']}-{stream['namespace']}"
    answer = call(f"{url}/{index}/_create/{document['event']['id']}?refresh=true", "PUT", document)
    assert answer["result"] == "created"
    return index


def leaves(properties, outer=""):
    for name, row in properties.items():
        if "properties" in row:
            yield from leaves(row["properties"], f"{outer}{name}.")
        else:
            yield f"{outer}{name}", row["type"]


def only_value(answer):
    [value] = answer.values()
    return value


@pytest.mark.parametrize("event_type", MCPEventType)
def test_an_event_of_each_type_goes_to_its_stream_and_is_found_by_each_of_its_fields(
    ready, elasticsearch, event_type
):
    document = believable(event_type)
    index = create(elasticsearch.url, document)
    assert index == f"logs-{CATALOG.event_types[event_type].dataset}-default"
    [stream] = call(f"{elasticsearch.url}/_data_stream/{index}")["data_streams"]
    assert stream["template"] == index.removesuffix("-default")
    each = [{"exists": {"field": path}} for path in CATALOG.fields_of(event_type)]
    [hit] = search(elasticsearch.url, index, {"bool": {"filter": each}})
    assert as_written(hit["_source"]) == as_written(document)
    assert "_ignored" not in hit


@pytest.mark.parametrize("event_type", MCPEventType)
def test_a_stream_has_the_catalogs_types_but_for_stand_ins_and_its_policy(
    ready, elasticsearch, event_type
):
    index = create(elasticsearch.url, believable(event_type))
    mappings = only_value(call(f"{elasticsearch.url}/{index}/_mapping"))["mappings"]
    mapped = dict(leaves(mappings["properties"]))
    wanted = {path: row.type for path, row in CATALOG.fields.items()}
    assert mapped == {path: STAND_INS.get(kind, kind) for path, kind in wanted.items()}
    settings = only_value(call(f"{elasticsearch.url}/{index}/_settings"))["settings"]["index"]
    assert settings["lifecycle"]["name"] == index.removesuffix("-default")
    assert settings["codec"] == "best_compression"


def test_the_server_takes_the_policies_of_every_scope(bare):
    for scope in (
        Scope(frameworks=("sox", "gdpr", "hipaa")),
        Scope(retention_days=10_000),
        Scope(frameworks=("hipaa",), retention_days=3000),
    ):
        changes = list(install_in_cluster(bare, CATALOG, scope))
        assert len([change for change in changes if change.kind == "lifecycle policy"]) == 10
    brief = overlaid({"event_types": {"mcp_tool_execution": {"retention_days": 1}}})
    assert Effect.UPDATED in {change.effect for change in install_in_cluster(bare, brief, Scope())}


@pytest.mark.parametrize(("change", "found"), POLICY_FAULTS)
def test_the_server_refuses_each_policy_that_validate_does(elasticsearch, change, found):
    url = f"{elasticsearch.url}/_ilm/policy/seeded"
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(url, "PUT", json.loads(changed(POLICY, change)))
    with refused.value as answer:
        assert answer.code == 400, found


@pytest.mark.parametrize("change", SOUND_CHANGES)
def test_the_server_takes_each_policy_that_validate_does(elasticsearch, change):
    url = f"{elasticsearch.url}/_ilm/policy/seeded"
    call(url, "PUT", json.loads(changed(POLICY, change)))
    call(url, "DELETE")


def test_what_the_server_keeps_is_what_was_sent(ready, elasticsearch):
    found = everything(elasticsearch)
    policy = found["_ilm/policy"]["logs-mcp.violations"]["policy"]
    assert policy["phases"]["delete"]["min_age"] == "2555d"
    assert policy["_meta"]["event_type"] == "mcp_policy_violations"
    assert policy["phases"]["warm"]["actions"]["forcemerge"] == {"max_num_segments": 1}


def test_setup_creates_and_a_second_run_changes_nothing(bare, elasticsearch):
    first = list(install_in_cluster(bare, CATALOG, Scope()))
    assert {change.effect for change in first} == {Effect.CREATED}
    kinds = [change.kind for change in first]
    assert kinds == [
        *(["ingest pipeline"] * 3 + ["component template"] * 2),
        *(["lifecycle policy"] * 10 + ["index template"] * 10),
    ]
    before = everything(elasticsearch)
    second = list(install_in_cluster(bare, CATALOG, Scope()))
    assert {change.effect for change in second} == {Effect.UNCHANGED}
    assert everything(elasticsearch) == before


def test_what_was_changed_by_hand_is_named_and_put_right(ready, elasticsearch):
    url = f"{elasticsearch.url}/_ilm/policy/logs-mcp.tools"
    policy = call(url)["logs-mcp.tools"]["policy"]
    policy["phases"]["delete"]["min_age"] = "8d"
    policy["phases"]["cold"] = {"min_age": "7d", "actions": {}}
    call(url, "PUT", {"policy": policy})
    changed = [s for s in install_in_cluster(ready, CATALOG, Scope()) if s.effect is Effect.UPDATED]
    assert [change.name for change in changed] == ["logs-mcp.tools"]
    assert changed[0].detail == (
        "policy.phases.cold: {...} -> absent, policy.phases.delete.min_age: 8d -> 90d"
    )
    phases = call(url)["logs-mcp.tools"]["policy"]["phases"]
    assert (phases["delete"]["min_age"], "cold" in phases) == ("90d", False)


def test_a_dry_run_says_what_the_run_then_does_and_does_nothing(bare, elasticsearch):
    before = everything(elasticsearch)
    dry = list(install_in_cluster(bare, CATALOG, Scope(), dry_run=True))
    assert everything(elasticsearch) == before
    assert dry == list(install_in_cluster(bare, CATALOG, Scope()))
    installed = everything(elasticsearch)
    dry = list(remove_from_cluster(bare, dry_run=True))
    assert everything(elasticsearch) == installed
    assert dry == list(remove_from_cluster(bare))


def test_removal_leaves_nothing_of_ours_and_all_of_others(bare, elasticsearch):
    url = f"{elasticsearch.url}/_component_template/someone-elses"
    call(url, "PUT", {"template": {}, "_meta": {"managed_by": "someone else"}})
    before = everything(elasticsearch)
    list(install_in_cluster(bare, overlaid(OVERLAY), Scope()))
    removed = list(remove_from_cluster(bare))
    assert {change.effect for change in removed} == {Effect.REMOVED}
    assert len(removed) == 27
    assert everything(elasticsearch) == before
    assert list(remove_from_cluster(bare)) == []
    call(url, "DELETE")


def test_removal_keeps_what_data_still_needs_and_the_data(ready, elasticsearch):
    index = create(elasticsearch.url, believable("mcp_tool_execution"))
    [stream] = call(f"{elasticsearch.url}/_data_stream/{index}")["data_streams"]
    backing = stream["indices"][0]["index_name"]
    kept = [change for change in remove_from_cluster(ready) if change.effect is Effect.KEPT]
    assert [(change.kind, change.name) for change in kept] == [
        ("index template", "logs-mcp.tools"),
        ("lifecycle policy", "logs-mcp.tools"),
        ("component template", "mcp@mappings"),
        ("component template", "mcp@settings"),
        ("ingest pipeline", "mcp-ingested"),
    ]
    assert [change.detail for change in kept] == [
        f"in use by {index}",
        f"in use by {backing}",
        "in use by logs-mcp.tools",
        "in use by logs-mcp.tools",
        f"in use by {backing} and 1 more",
    ]
    assert len(search(elasticsearch.url, index, {"match_all": {}})) == 1


def test_a_dry_removal_knows_what_data_still_needs(ready, elasticsearch):
    create(elasticsearch.url, believable("mcp_tool_execution"))
    dry = list(remove_from_cluster(ready, dry_run=True))
    assert {change.effect for change in dry} == {Effect.KEPT, Effect.REMOVED}
    assert dry == list(remove_from_cluster(ready))


@pytest.mark.parametrize(
    ("part", "kinds"),
    [
        (Part.PIPELINES, {"ingest pipeline"}),
        (
            Part.INDEX_MANAGEMENT,
            {"component template", "ingest pipeline", "lifecycle policy", "index template"},
        ),
    ],
)
def test_a_part_alone_is_installed_and_removed(bare, elasticsearch, part, kinds):
    before = everything(elasticsearch)
    assert {
        change.kind for change in install_in_cluster(bare, CATALOG, Scope(), parts=[part])
    } == kinds
    assert {change.kind for change in remove_from_cluster(bare, parts=[part])} == kinds
    assert everything(elasticsearch) == before


def test_a_users_event_type_and_framework_are_installed_and_used(bare, elasticsearch):
    catalog = overlaid(OVERLAY)
    list(install_in_cluster(bare, catalog, Scope(frameworks=("acme",))))
    policies = everything(elasticsearch)["_ilm/policy"]
    assert {row["policy"]["phases"]["delete"]["min_age"] for row in policies.values()} == {"4000d"}
    index = create(elasticsearch.url, believable("acme_order", catalog))
    assert index == "logs-acme.orders-default"
    [hit] = search(elasticsearch.url, index, {"term": {"acme.order.id": "a word"}})
    assert hit["_source"]["mcp"]["audit"]["type"] == "acme_order"


def test_values_that_do_not_fit_are_kept_and_named(ready, elasticsearch):
    document = believable("mcp_authentication_events")
    document["source"]["ip"] = "203.0.113.7, 10.0.0.1"
    document["http"]["response"]["status_code"] = "forbidden"
    document["user"]["id"] = "u" * 2000
    index = create(elasticsearch.url, document)
    [hit] = search(elasticsearch.url, index, {"match_all": {}})
    assert as_written(hit["_source"]) == as_written(document)
    assert set(hit["_ignored"]) == {"source.ip", "http.response.status_code", "user.id"}


def test_what_the_catalog_does_not_name_is_kept_and_not_indexed(ready, elasticsearch):
    document = believable("mcp_tool_execution")
    document["tags"] = ["_timestampparsefailure"]
    document["mcp"]["novel"] = {"a.dotted": {"key": [1, "two", {"three": None}]}}
    index = create(elasticsearch.url, document)
    [hit] = search(elasticsearch.url, index, {"match_all": {}})
    assert as_written(hit["_source"]) == as_written(document)
    assert search(elasticsearch.url, index, {"exists": {"field": "mcp.novel.a.dotted.key"}}) == []


def test_any_arguments_are_searched_by_key_and_never_refused(ready, elasticsearch):
    document = believable("mcp_tool_execution")
    deep = {"leaf": "found"}
    for _ in range(15):
        deep = {"level": deep}
    values = {"deep": deep, "long": "x" * 40_000, "mixed": [1, "two", {"k": None}], "k" * 128: 1}
    document["gen_ai"]["tool"]["call"]["arguments"] = values
    index = create(elasticsearch.url, document)
    path = f"gen_ai.tool.call.arguments.deep.{'level.' * 15}leaf"
    [hit] = search(elasticsearch.url, index, {"term": {path: "found"}})
    assert as_written(hit["_source"]) == as_written(document)


def test_an_event_is_given_back_as_it_was_written_where_logs_are_rebuilt_from_the_index(
    ready, elasticsearch
):
    """As on a cluster of 9 with a licence for it; this one is told to."""
    url = f"{elasticsearch.url}/_component_template/mcp@settings"
    [found] = call(url)["component_templates"]
    template = found["component_template"]["template"]
    template["settings"]["index"]["mode"] = "logsdb"
    call(url, "PUT", {"template": template, "_meta": {"managed_by": "mcp-shipper"}})
    document = believable("mcp_tool_execution")
    index = create(elasticsearch.url, document)
    [hit] = search(elasticsearch.url, index, {"match_all": {}})
    assert as_written(hit["_source"]) == as_written(document)


@pytest.mark.parametrize(
    ("version", "is_set"),
    [
        ({"number": "8.16.6", "build_flavor": "default"}, False),
        ({"number": "8.17.0-SNAPSHOT", "build_flavor": "default"}, True),
        ({"number": "8.11.0", "build_flavor": "serverless"}, True),
    ],
)
def test_a_setting_that_older_versions_refuse_is_left_out_there(
    bare, elasticsearch, version, is_set
):
    answers = passing_on(elasticsearch.url, {"/": (200, {"version": version})})
    with answering(answers) as url, Client(url) as client:
        list(install_in_cluster(client, CATALOG, Scope()))
    [found] = call(f"{elasticsearch.url}/_component_template/mcp@settings")["component_templates"]
    settings = found["component_template"]["template"]["settings"]["index"]
    assert settings.get("mapping") == ({"source": {"mode": "stored"}} if is_set else None)


def test_a_cluster_without_ilm_gets_the_retention_in_its_templates(bare, elasticsearch):
    gone = {"error": {"type": "api_not_available_exception", "reason": "not on Serverless"}}
    answers = passing_on(elasticsearch.url, {"/_ilm/policy": (410, gone)})
    with answering(answers) as url, Client(url) as client:
        changes = list(install_in_cluster(client, CATALOG, Scope()))
        again = list(install_in_cluster(client, CATALOG, Scope()))
    unavailable = [change for change in changes if change.effect is Effect.UNAVAILABLE]
    assert [change.kind for change in unavailable] == ["lifecycle policy"] * 10
    assert "has no ILM" in unavailable[0].detail
    assert {change.effect for change in again} == {Effect.UNAVAILABLE, Effect.UNCHANGED}
    [found] = call(f"{elasticsearch.url}/_index_template/logs-mcp.tools")["index_templates"]
    template = found["index_template"]["template"]
    assert template["lifecycle"]["data_retention"] == "90d"
    assert "index.lifecycle" not in json.dumps(template)
