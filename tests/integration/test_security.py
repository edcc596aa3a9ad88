"""Roles and keys on a real Elasticsearch with security: what each may do and see, and may not.

The generated role of a tenant is a template, which this Elasticsearch cannot fill in (it comes
without Mustache); here it is filled in for one client.
"""

import base64
import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from shipper.cli import main
from shipper.sample import write_sample
from tests.integration.line import ship_once, shipping
from tests.real.elasticsearch import ADMIN
from tests.real.processes import wait_until

#: The bodies that `mcp-shipper export role` and `export api-key` print.
BODIES = Path(__file__).parents[2] / "ilm" / "security"
EVENTS = "logs-mcp.*-default"
TOOLS = "logs-mcp.tools-default"
CLIENT = "report-bot"
#: Content, in fields of each type that the analyst's role hides.
CONTENT = ("gen_ai.tool.call.arguments", "mcp.tool.result.text", "error.message")
PASSWORD = "only for the tests"


def basic(name, password=PASSWORD):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def ask(url, credentials, path, method="GET", body=None):
    """The status and the answer of one request."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": credentials, "content-type": "application/json"}
    request = urllib.request.Request(f"{url}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def configured(home, url, **output):
    """A configuration whose inputs are the segments in `home/sample`."""
    path = home / "mcp-shipper.yml"
    settings = {
        "path.home": str(home),
        "inputs": [{"id": "sample", "paths": [f"{home}/sample/*.jsonl"]}],
        "output.elasticsearch": {"hosts": [url], "backoff": {"init": "50ms", "max": "200ms"}}
        | output,
        "self_audit.enabled": False,
    }
    path.write_text(json.dumps(settings))
    return path


@pytest.fixture(scope="module")
def cluster(secured_elasticsearch, tmp_path_factory):
    """A cluster that was set up with our keys and roles, and has a day of events."""
    url, home = secured_elasticsearch.url, tmp_path_factory.mktemp("home")
    write_sample(home / "sample", days=1, seed=3)
    lines = sum(len(one.read_bytes().splitlines()) for one in (home / "sample").glob("*.jsonl"))
    found = SimpleNamespace(url=url, home=home, admin=basic(*ADMIN), lines=lines)
    found.keys = {name: _key(found, name) for name in ("mcp-shipper-writer", "mcp-shipper-setup")}
    assert (
        main(["setup", "-c", str(configured(home, url, api_key=found.keys["mcp-shipper-setup"]))])
        == 0
    )
    administrator = configured(home, url, username=ADMIN[0], password=ADMIN[1])
    assert main(["setup", "--roles", "-c", str(administrator)]) == 0
    _fill_in_the_tenant(found)
    for role in ("mcp_writer", "mcp_analyst", "mcp_auditor", "mcp_tenant"):
        user = {"password": PASSWORD, "roles": [role]}
        assert ask(url, found.admin, f"/_security/user/{role}", "PUT", user)[0] == 200
    done = ship_once(configured(home, url, api_key=found.keys["mcp-shipper-writer"]))
    assert done.returncode == 0, done.stderr
    return found


def _key(found, name):
    """An API key as `export` prints it, as `id:key`."""
    _, key = ask(found.url, found.admin, "/_security/api_key", "POST", _exported("api_keys", name))
    return f"{key['id']}:{key['api_key']}"


def _exported(kind, name):
    return json.loads((BODIES / kind / f"{name}.json").read_text())


def _fill_in_the_tenant(found):
    role = _exported("roles", "mcp_tenant")
    source = role["indices"][0]["query"]["template"]["source"]
    role["indices"][0]["query"] = source.replace("{{_user.metadata.mcp_client_id}}", CLIENT)
    assert ask(found.url, found.admin, "/_security/role/mcp_tenant", "PUT", role)[0] == 200


def role(cluster, name):
    """Credentials of the user with that role alone."""
    return basic(f"mcp_{name}")


def key(cluster, name):
    return "ApiKey " + base64.b64encode(cluster.keys[f"mcp-shipper-{name}"].encode()).decode()


def found_by(cluster, credentials, query, index=EVENTS):
    """The documents that match, as these credentials see them."""
    assert ask(cluster.url, cluster.admin, f"/{index}/_refresh", "POST")[0] == 200
    body = {"query": query, "size": 1000, "track_total_hits": True}
    status, answer = ask(cluster.url, credentials, f"/{index}/_search", "POST", body)
    assert status == 200, answer
    return answer["hits"]


def total(cluster, credentials, query, index=EVENTS):
    return found_by(cluster, credentials, query, index)["total"]["value"]


def value(event, path):
    for name in path.split("."):
        event = event.get(name) if isinstance(event, dict) else None
    return event


ALL = {"match_all": {}}


def test_the_key_of_a_shipper_stores_each_event_once_however_often_it_is_sent(cluster):
    count = total(cluster, cluster.admin, ALL)
    assert count >= cluster.lines
    shutil.rmtree(cluster.home / "data" / "registry")  # the positions are lost
    writer = configured(cluster.home, cluster.url, api_key=cluster.keys["mcp-shipper-writer"])
    assert ship_once(writer).returncode == 0
    assert total(cluster, cluster.admin, ALL) == count


DOCUMENT = {"@timestamp": "2026-11-30T00:00:00Z"}
TEMPLATE = {"index_patterns": ["x"], "template": {}}
#: What would change, remove or redirect events.
CHANGES = [
    ("POST", f"/{TOOLS}/_delete_by_query", {"query": ALL}),
    ("POST", f"/{TOOLS}/_update_by_query", {"query": ALL}),
    ("DELETE", f"/{TOOLS}", None),
    ("PUT", f"/{TOOLS}/_mapping", {"properties": {"x": {"type": "keyword"}}}),
    ("PUT", f"/{TOOLS}/_settings", {"index.number_of_replicas": 0}),
    ("PUT", "/_security/role/x", {}),
    ("PUT", "/_cluster/settings", {"persistent": {"action.auto_create_index": "false"}}),
    ("POST", "/logs-other-default/_doc", DOCUMENT),
]
ASSETS = [
    ("PUT", "/_index_template/x", TEMPLATE),
    ("PUT", "/_ingest/pipeline/x", {"processors": []}),
    ("DELETE", "/_index_template/logs-mcp.tools", None),
]
READS = [("GET", f"/{TOOLS}/_search", None), ("GET", f"/{TOOLS}/_count", None)]
WRITES = [("POST", f"/{TOOLS}/_doc", DOCUMENT)]


@pytest.mark.parametrize(
    ("credentials", "refused"),
    [
        (lambda cluster: key(cluster, "writer"), CHANGES + ASSETS),
        (lambda cluster: key(cluster, "setup"), CHANGES[:2] + CHANGES[5:] + READS + WRITES),
        (lambda cluster: role(cluster, "writer"), CHANGES + ASSETS),
        (lambda cluster: role(cluster, "analyst"), CHANGES + ASSETS + WRITES),
        (lambda cluster: role(cluster, "auditor"), CHANGES + ASSETS + WRITES),
        (lambda cluster: role(cluster, "tenant"), CHANGES + ASSETS + WRITES),
    ],
    ids=["key of a shipper", "key of setup", "writer", "analyst", "auditor", "tenant"],
)
def test_credentials_may_do_nothing_beyond_their_purpose(cluster, credentials, refused):
    for method, path, body in refused:
        status, answer = ask(cluster.url, credentials(cluster), path, method, body)
        assert (status, method, path) == (403, method, path), answer


def test_an_auditor_sees_all_of_every_event(cluster):
    assert total(cluster, role(cluster, "auditor"), ALL) == total(cluster, cluster.admin, ALL)
    for path in CONTENT:
        query = {"exists": {"field": path}}
        [hit, *_] = found_by(cluster, role(cluster, "auditor"), query)["hits"]
        assert value(hit["_source"], path)


def test_an_analyst_sees_every_event_and_no_content_of_it(cluster):
    """Neither in a document, nor by a query, an aggregation or a field of the answer."""
    analyst = role(cluster, "analyst")
    assert total(cluster, analyst, ALL) == total(cluster, cluster.admin, ALL)
    for path in CONTENT:
        query = {"exists": {"field": path}}
        hits = found_by(cluster, cluster.admin, query)
        assert total(cluster, analyst, query) == 0
        ids = {"ids": {"values": [hit["_id"] for hit in hits["hits"]]}}
        for hit in found_by(cluster, analyst, ids)["hits"]:
            assert value(hit["_source"], path) is None
            assert hit["_source"]["message"]
            assert hit["_source"]["event"]["outcome"]
    body = {"size": 1, "fields": ["*"], "query": {"term": {"event.dataset": "mcp.tools"}}}
    _, answer = ask(cluster.url, analyst, f"/{TOOLS}/_search", "POST", body)
    [hit] = answer["hits"]["hits"]
    assert "gen_ai.tool.name" in hit["fields"]
    assert not [name for name in hit["fields"] if name.startswith(CONTENT)]


def test_a_tenant_sees_the_events_of_its_client_and_no_others_by_any_way(cluster):
    tenant, own = role(cluster, "tenant"), {"term": {"mcp.client.id": CLIENT}}
    count = total(cluster, cluster.admin, own)
    assert 0 < count < total(cluster, cluster.admin, ALL)
    assert total(cluster, tenant, ALL) == total(cluster, tenant, own) == count
    _, counted = ask(cluster.url, tenant, f"/{EVENTS}/_count")
    assert counted["count"] == count
    clients = {"size": 0, "aggs": {"clients": {"terms": {"field": "mcp.client.id"}}}}
    _, answer = ask(cluster.url, tenant, f"/{EVENTS}/_search", "POST", clients)
    assert [one["key"] for one in answer["aggregations"]["clients"]["buckets"]] == [CLIENT]
    other = {"bool": {"must_not": own, "filter": {"term": {"event.dataset": "mcp.tools"}}}}
    [hit, *_] = found_by(cluster, cluster.admin, other)["hits"]
    status, _ = ask(cluster.url, tenant, f"/{hit['_index']}/_doc/{hit['_id']}")
    assert status == 404
    assert total(cluster, tenant, {"ids": {"values": [hit["_id"]]}}) == 0


def examined(home, url, capsys, **output):
    capsys.readouterr()
    code = main(["doctor", "--json", "-c", str(configured(home, url, **output))])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {(row["topic"], row["grade"]): row["what"] for row in rows}


def test_doctor_names_what_credentials_lack_or_have_too_much(cluster, capsys, tmp_path):
    place = (tmp_path, cluster.url, capsys)
    _, found = examined(*place, api_key=cluster.keys["mcp-shipper-writer"])
    assert "can add events" in found["privileges", "ok"]
    assert ("privileges", "warning") not in found
    _, found = examined(*place, username=ADMIN[0], password=ADMIN[1])
    assert "can also delete events" in found["privileges", "warning"]
    code, found = examined(*place, username="mcp_analyst", password=PASSWORD)
    assert code == os.EX_NOPERM
    assert "lack" in found["privileges", "problem"]
    assert "auto_configure on logs-" in found["privileges", "problem"]
    code, found = examined(*place, api_key="unknown:key")
    assert code == os.EX_NOPERM
    assert "answers 401" in found["output", "problem"]
    assert "does not accept the credentials" in found["privileges", "problem"]


def test_events_wait_for_a_missing_right_which_is_reported_once(cluster, tmp_path):
    """No right at all: the request is refused. One index alone: items are."""
    write_sample(tmp_path / "sample", days=1, seed=4)
    segments = [*(tmp_path / "sample").glob("*.jsonl")]
    lines = [line for one in segments for line in one.read_bytes().splitlines()]
    ids = [json.loads(line)["event"]["id"] for line in lines]
    config = configured(tmp_path, cluster.url, username="late", password=PASSWORD)
    for roles, said, stored in [
        ([], "answers 403", lambda count: count == 0),
        (["mcp_some"], "give the credentials this privilege", lambda count: 0 < count < len(ids)),
    ]:
        _put_user(cluster, roles)
        log = tmp_path / f"log{len(roles)}"
        with shipping(config, log) as process:
            wait_until(lambda log=log, said=said: said in log.read_text(), 60, said)
            assert process.poll() is None
        assert log.read_text().count(said) == 1
        assert stored(_stored(cluster, ids))
    _put_user(cluster, ["mcp_writer"])
    done = ship_once(config)
    assert done.returncode == 0, done.stderr
    assert _stored(cluster, ids) == len(ids)
    assert "0 dead letters" in done.stderr


def _stored(cluster, ids):
    return total(cluster, cluster.admin, {"ids": {"values": ids}})


def _put_user(cluster, roles):
    some = _exported("roles", "mcp_writer")
    some["indices"] = [{**some["indices"][0], "names": [TOOLS]}]
    assert ask(cluster.url, cluster.admin, "/_security/role/mcp_some", "PUT", some)[0] == 200
    user = {"password": PASSWORD, "roles": roles}
    assert ask(cluster.url, cluster.admin, "/_security/user/late", "PUT", user)[0] == 200
