"""The pods of a node, from an API server with the real shapes on a real TLS socket."""

import base64
import gc
import logging

import pytest
import yaml

from shipper.errors import Refused
from shipper.pods.server import by_kubeconfig, in_cluster
from shipper.pods.watch import Scope, Watched, can_ask, watched
from tests.pods.server import TOKEN, ApiServer, pod
from tests.real.processes import wait_until


@pytest.fixture
def api(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("NODE_NAME", "n1")
    with ApiServer(tmp_path) as server:
        yield server


def pods(api, **scope):
    return Watched(Scope(kube_config=api.kubeconfig, **scope))


def known(found, name, namespace="shop"):
    wait_until(lambda: found.find(namespace, name), 10, f"{name} is known")
    return found.find(namespace, name)


def until(condition, what):
    wait_until(condition, 10, what)


def test_the_pods_of_this_node_are_listed_in_pages_and_watched(api):
    api.page = 2
    for number in range(5):
        api.put(pod(f"p{number}"))
    api.put(pod("elsewhere", node="n2"))
    found = pods(api)
    assert known(found, "p4").image("app") == "shop:1"
    assert found.find("shop", "elsewhere") is None
    assert [query.get("continue") for query in api.lists] == [None, "2", "4"]
    api.put(pod("new", labels={"a": "b"}))
    assert known(found, "new").metadata.labels["a"] == "b"
    api.put(pod("new", labels={"a": "c"}))
    until(lambda: known(found, "new").metadata.labels["a"] == "c", "the change is seen")
    assert len(api.lists) == 3
    assert api.watches[0]["fieldSelector"] == "spec.nodeName=n1"


def test_a_pod_that_was_deleted_is_still_known_for_its_last_lines(api):
    api.put(pod("p"))
    found = pods(api)
    known(found, "p")
    api.delete("shop", "p")
    api.put(pod("later"))
    known(found, "later")
    assert found.find("shop", "p").metadata.name == "p"


def test_a_watch_that_ends_continues_from_the_last_version_that_it_saw(api):
    api.put(pod("p"))
    found = pods(api)
    known(found, "p")
    until(lambda: api.watches, "it is watched")
    api.bookmark()
    api.put(pod("q"))
    known(found, "q")
    api.hang_up()
    until(lambda: len(api.watches) > 1, "it is watched again")
    api.put(pod("r"))
    known(found, "r")
    assert len(api.lists) == 1
    assert int(api.watches[1]["resourceVersion"]) >= int(api.watches[0]["resourceVersion"]) + 2


@pytest.mark.parametrize("as_answer", [True, False])
def test_a_version_that_is_too_old_leads_to_a_new_list(api, caplog, as_answer):
    api.put(pod("old"))
    found = pods(api)
    known(found, "old")
    until(lambda: api.watches, "it is watched")
    if as_answer:
        api.compact()
        api.hang_up()
    else:
        api.expire_watches()
    until(lambda: len(api.lists) > 1, "they are listed again")
    api.put(pod("new"))
    known(found, "new")
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_a_token_that_is_refused_is_logged_once_and_nothing_waits_for_it(api, caplog):
    api.token = "another"
    api.put(pod("p"))
    found = pods(api)
    assert found.awaits("shop", "p")
    until(lambda: not found.awaits("shop", "p"), "it is refused")
    text = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(text) == 1
    assert "401: Unauthorized; the service account needs get, list and watch on pods" in text[0]
    assert TOKEN not in text[0]
    assert not found.is_listed
    api.token = TOKEN
    assert known(found, "p")


def test_a_pod_that_is_not_known_is_waited_for_as_long_as_configured(api):
    now = [0.0]
    scope = Scope(kube_config=api.kubeconfig, wait_for_metadata_timeout_s=5.0)
    found = Watched(scope, lambda: now[0])
    assert found.awaits("shop", "never")
    until(lambda: found.is_listed, "they are listed")
    now[0] = 4.9
    assert found.awaits("shop", "never")
    now[0] = 5.0
    assert not found.awaits("shop", "never")


def test_all_nodes_or_one_namespace_can_be_asked_for(api):
    api.put(pod("p", node="n9"))
    assert known(pods(api, scope="cluster", namespace="shop"), "p")
    assert "fieldSelector" not in api.lists[0]
    assert known(pods(api, node="n9"), "p")


def test_within_a_pod_its_service_account_is_used_and_its_token_read_again(
    api, tmp_path, monkeypatch
):
    environment = api.account()
    server = in_cluster(environment, tmp_path)
    monkeypatch.setattr("shipper.pods.watch.in_cluster", lambda: server)
    api.put(pod("p"))
    found = Watched(Scope())
    assert known(found, "p")
    assert TOKEN not in repr(server)
    api.token = "rotated"
    (tmp_path / "token").write_text("rotated\n")
    api.hang_up()
    api.put(pod("q"))
    assert known(found, "q")
    assert in_cluster({}, tmp_path) is None


def test_a_kubeconfig_may_hold_the_authority_and_a_token_in_a_file(api, tmp_path):
    path = tmp_path / "kubeconfig"
    content = yaml.safe_load(path.read_text())
    authority = base64.b64encode((tmp_path / "ca.crt").read_bytes()).decode()
    cluster = content["clusters"][0]["cluster"]
    content["clusters"][0]["cluster"] = {
        "server": cluster["server"],
        "certificate-authority-data": authority,
    }
    content["users"][0]["user"] = {"tokenFile": "own-token"}
    (tmp_path / "own-token").write_text(TOKEN)
    path.write_text(yaml.safe_dump(content))
    api.put(pod("p"))
    assert known(pods(api), "p")


def test_a_kubeconfig_that_runs_a_program_is_refused_and_shows_no_secret(api, tmp_path):
    path = tmp_path / "kubeconfig"
    content = yaml.safe_load(path.read_text())
    content["users"][0]["user"] = {"exec": {"command": "x"}, "token": "t0p"}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(Refused, match="programs that fetch a token are not run"):
        by_kubeconfig(path)
    path.write_text("users: [{name: hunter2")
    with pytest.raises(Refused) as caught:
        by_kubeconfig(path)
    assert "hunter2" not in str(caught.value)


def test_without_a_server_nothing_is_asked(monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert not can_ask(Scope())
    assert can_ask(Scope(kube_config="/x"))


def test_inputs_share_one_watch_which_ends_when_nobody_has_it(api):
    api.put(pod("p"))
    scope = Scope(kube_config=api.kubeconfig)
    found = watched(scope)
    assert watched(Scope(kube_config=api.kubeconfig)) is found
    known(found, "p")
    thread = found._thread
    del found
    gc.collect()
    api.put(pod("q"))
    until(lambda: (api.hang_up(), not thread.is_alive())[1], "the thread has ended")
