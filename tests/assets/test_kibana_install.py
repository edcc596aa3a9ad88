"""Installing into a fake Kibana: a real one cannot be installed where these tests run."""

import json
import ssl
from http import HTTPStatus

import pytest
import trustme

from shipper.assets.generate.kibana import saved_objects
from shipper.assets.generate.kibana.rules import rule_id
from shipper.assets.install.change import Effect
from shipper.assets.install.kibana import install_objects, remove_objects
from shipper.assets.install.kibana_api import Kibana
from shipper.assets.install.kibana_rules import install_rules, remove_rules
from shipper.catalog import Scope, builtin, overlaid
from shipper.errors import Refused, Unavailable
from tests.assets.answering import always, answering
from tests.assets.kibana import fake_kibana
from tests.assets.overlay import OVERLAY
from tests.real.processes import free_ports

CATALOG = builtin()
OBJECTS = saved_objects(CATALOG, Scope())
#: How many alerts have a rule of each kind.
STACK, DETECTIONS = 16, 18
FAILURES = rule_id("multiple_authentication_failures")


def run(url, objects=OBJECTS, **options):
    return list(install_objects(Kibana(url, {}), objects, **options))


def run_rules(url, catalog=CATALOG, **options):
    return list(install_rules(Kibana(url, {}), catalog, Scope(), **options))


def actions(changes):
    return {change.effect for change in changes}


def changed(changes):
    return [change for change in changes if change.effect is not Effect.UNCHANGED]


def test_all_is_created_once_and_unchanged_the_second_time_by_a_fake_kibana():
    with fake_kibana() as (fake, url):
        first = run(url)
        assert [change.name for change in first] == [name for _, name in fake.objects]
        assert actions(first) == {Effect.CREATED}
        assert actions(run(url)) == {Effect.UNCHANGED}
        assert fake.imports == 1


def test_only_objects_that_differ_are_imported_and_reported_by_a_fake_kibana():
    with fake_kibana() as (fake, url):
        run(url)
        fake.objects["index-pattern", "mcp-logs"]["attributes"]["title"] = "logs-*"
        old = fake.objects["dashboard", "mcp-operations"]["attributes"]
        old["description"] = "An older one. (mcp-shipper 0123456789)"
        found = changed(run(url))
        assert [(change.name, change.effect) for change in found] == [
            ("mcp-logs", Effect.UPDATED),
            ("mcp-operations", Effect.UPDATED),
        ]
        assert found[0].detail == "title: logs-* -> logs-mcp.*-*"
        assert found[1].detail.startswith("revision 0123456789 -> ")
        assert actions(run(url)) == {Effect.UNCHANGED}


def test_a_dashboard_that_differs_is_reported_with_its_panels_by_a_fake_kibana():
    with fake_kibana() as (_, url):
        run(url)
        changes = changed(run(url, saved_objects(overlaid(OVERLAY), Scope())))
        [compliance] = [change for change in changes if change.name == "mcp-compliance"]
        assert compliance.detail.startswith("+ Evidence for ACME, ")
        back = {change.name: change.detail for change in changed(run(url))}
        assert back["mcp-compliance"].startswith("- Evidence for ACME, ")


def test_a_dry_run_reports_the_changes_of_the_run_by_a_fake_kibana():
    with fake_kibana() as (fake, url):
        dry = run(url, dry_run=True), run_rules(url, dry_run=True)
        assert fake.changes == []
        assert dry == (run(url), run_rules(url))
        kibana = Kibana(url, {})
        before = len(fake.changes)
        dry = [
            *remove_rules(kibana, CATALOG, Scope(), dry_run=True),
            *remove_objects(kibana, OBJECTS, dry_run=True),
        ]
        assert len(fake.changes) == before
        assert dry == [
            *remove_rules(kibana, CATALOG, Scope()),
            *remove_objects(kibana, OBJECTS),
        ]


def test_removal_deletes_all_generated_objects_and_no_others_by_a_fake_kibana():
    with fake_kibana() as (fake, url):
        theirs = {"type": "dashboard", "id": "theirs", "attributes": {}, "references": []}
        fake.objects["dashboard", "theirs"] = theirs
        run(url)
        run_rules(url)
        kibana = Kibana(url, {})
        changes = [*remove_rules(kibana, CATALOG, Scope()), *remove_objects(kibana, OBJECTS)]
        assert (len(changes), actions(changes)) == (
            len(OBJECTS) + STACK + DETECTIONS,
            {Effect.REMOVED},
        )
        assert fake.objects == {("dashboard", "theirs"): theirs}
        assert (fake.rules, fake.detections) == ({}, {})
        assert list(remove_objects(kibana, OBJECTS)) == []


def test_rules_of_both_kinds_are_created_once_and_unchanged_the_second_time_by_a_fake_kibana():
    with fake_kibana() as (fake, url):
        first = run_rules(url)
        assert [change.kind for change in first] == ["stack rule"] * STACK + [
            "detection rule"
        ] * DETECTIONS
        assert actions(first) == {Effect.CREATED}
        before = len(fake.changes)
        assert actions(run_rules(url)) == {Effect.UNCHANGED}
        assert len(fake.changes) == before


def test_a_rule_that_differs_is_reported_and_keeps_its_operators_choices_by_a_fake_kibana():
    with fake_kibana() as (fake, url):
        run_rules(url)
        action = {"id": "pager", "group": "query matched", "params": {"message": "look"}}
        fake.rules[FAILURES] |= {"enabled": True, "actions": [action]}
        fake.rules[FAILURES]["params"]["threshold"] = [500]
        fake.detections[FAILURES] |= {"enabled": True, "actions": [action], "risk_score": 1}
        changes = changed(run_rules(url))
        assert [(change.kind, change.effect, change.detail) for change in changes] == [
            ("stack rule", Effect.UPDATED, "params.threshold: [500] -> [5]"),
            ("detection rule", Effect.UPDATED, "risk_score: 1 -> 47"),
        ]
        assert fake.rules[FAILURES]["params"]["threshold"] == [5]
        assert fake.detections[FAILURES]["risk_score"] == 47
        for rule in (fake.rules[FAILURES], fake.detections[FAILURES]):
            assert (rule["enabled"], rule["actions"]) == (True, [action])


def test_a_refused_rule_is_named_with_the_reason_and_the_others_are_installed_by_a_fake_kibana():
    with fake_kibana(refuses=["MCP: high-confidence threat"]) as (fake, url):
        failed = [change for change in run_rules(url) if change.effect is Effect.FAILED]
        assert [change.kind for change in failed] == ["stack rule", "detection rule"]
        assert {change.name for change in failed} == {"MCP: high-confidence threat"}
        assert "must be valid JSON" in failed[0].detail
        assert "threat.0.framework" in failed[1].detail
        assert (len(fake.rules), len(fake.detections)) == (STACK - 1, DETECTIONS - 1)


def test_without_a_detection_engine_only_stack_rules_are_installed_and_reported_by_a_fake_kibana():
    with fake_kibana(has_security=False) as (fake, url):
        for dry_run in (True, False):
            changes = run_rules(url, dry_run=dry_run)
            assert [change.effect for change in changes[STACK:]] == [
                Effect.UNAVAILABLE
            ] * DETECTIONS
            assert "no detection engine" in changes[-1].detail
        assert len(fake.rules) == STACK


def test_a_refused_object_is_named_with_the_reason_by_a_fake_kibana():
    with fake_kibana(refuses=["mcp-compliance"]) as (fake, url):
        [failed] = [change for change in run(url) if change.effect is Effect.FAILED]
        assert failed.name == "mcp-compliance"
        assert failed.detail == "unknown: belongs to a more recent version of Kibana"
        assert len(fake.objects) == len(OBJECTS) - 1
        fake.refuses.clear()
        [created] = changed(run(url))
        assert (created.name, created.effect) == ("mcp-compliance", Effect.CREATED)


def test_the_missing_targets_of_an_object_are_named_by_a_fake_kibana():
    with fake_kibana() as (_, url):
        changes = run(url, [body for body in OBJECTS if body["type"] == "search"])
        assert {change.detail for change in changes} == {
            "missing_references: missing: index-pattern mcp-agents",
            "missing_references: missing: index-pattern mcp-logs",
        }
        assert actions(changes) == {Effect.FAILED}


def test_objects_go_to_the_named_space_which_is_created_once_by_a_fake_kibana():
    with fake_kibana() as (fake, url):
        dry, first, second = Kibana(url, {}), Kibana(url, {}), Kibana(url, {})
        assert dry.enter("audit", dry_run=True).effect is Effect.CREATED
        assert actions(install_objects(dry, OBJECTS, dry_run=True)) == {Effect.CREATED}
        assert actions(install_rules(dry, CATALOG, Scope(), dry_run=True)) == {Effect.CREATED}
        assert fake.changes == []
        assert first.enter("audit", dry_run=False).effect is Effect.CREATED
        assert actions(install_objects(first, OBJECTS)) == {Effect.CREATED}
        assert second.enter("audit", dry_run=False).effect is Effect.UNCHANGED
        assert ("POST", "/s/audit/api/saved_objects/_import?overwrite=true") in fake.changes


@pytest.mark.parametrize("version", ["7.17.29", "8.10.4"])
def test_a_kibana_that_is_too_old_is_left_alone_by_a_fake_kibana(version):
    too_old = rf"{version}.*too old.*8\.11 or later"
    with fake_kibana(version=version) as (_, url), pytest.raises(Refused, match=too_old):
        Kibana(url, {}).check_version()


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (HTTPStatus.UNAUTHORIZED, {}, Refused, "does not accept these credentials"),
        (HTTPStatus.FORBIDDEN, {"message": "no"}, Refused, "need the Kibana privilege.*no"),
        (HTTPStatus.SERVICE_UNAVAILABLE, {}, Unavailable, "cannot answer GET /api/status now"),
        (HTTPStatus.FOUND, {}, Refused, "refused GET /api/status"),
        (HTTPStatus.OK, {"name": "x"}, Refused, "does not report its version"),
    ],
)
def test_a_failure_says_what_to_do_by_a_fake_kibana(status, body, error, said):
    with answering(always(status, **body)) as url, pytest.raises(error, match=said):
        Kibana(url, {}).check_version()


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"name": "x"},
        {"saved_objects": {}},
        {"saved_objects": [{"id": "x"}]},
        {"saved_objects": ["x"]},
        {"saved_objects": [{"type": "search", "id": "x", "attributes": []}]},
    ],
)
def test_an_odd_answer_about_objects_is_refused_with_what_to_do(answer):
    def instead(_method, path, _body):
        is_status = path == "/api/status"
        odd = {"version": {"number": "9.4.3"}} if is_status else answer
        return 200, json.dumps(odd).encode()

    with answering(instead) as url, pytest.raises(Refused, match=r"kibana_url names Kibana"):
        run(url)


@pytest.mark.parametrize("version", [None, 9, "9.4.3", [], {"number": {}}])
def test_an_odd_version_is_refused_with_what_to_do(version):
    with answering(always(200, version=version)) as url, pytest.raises(Refused, match="a Kibana"):
        Kibana(url, {}).check_version()


def test_another_server_at_the_address_is_distinguished_from_kibana():
    with answering(lambda *_: (200, b"<html>")) as url, pytest.raises(Refused, match="as Kibana"):
        run(url)


def test_a_kibana_that_is_down_is_reported():
    [port] = free_ports(1)
    with pytest.raises(Unavailable, match="cannot be reached"):
        Kibana(f"http://127.0.0.1:{port}", {}).check_version()


@pytest.fixture
def elsewhere():
    """A Kibana with a certificate for another host, and a context that trusts its authority."""
    authority = trustme.CA()
    server, client = (
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    authority.issue_cert("elsewhere.example").configure_cert(server)
    authority.configure_trust(client)
    with answering(always(HTTPStatus.OK, version={"number": "9.1.0"}), server) as url:
        yield url, client


def test_a_kibana_with_a_certificate_for_another_host_gets_no_request(elsewhere):
    url, context = elsewhere
    with pytest.raises(Unavailable, match=r"cannot be reached.*certificate"):
        Kibana(url, {}, context).check_version()


def test_a_context_that_does_not_check_host_names_is_obeyed(elsewhere):
    url, context = elsewhere
    context.check_hostname = False
    Kibana(url, {}, context).check_version()


def test_a_redirect_is_refused_and_not_followed_with_the_credentials():
    with fake_kibana() as (elsewhere, url):
        moved = HTTPStatus.TEMPORARY_REDIRECT, b"{}", {"Location": f"{url}/api/status"}
        with answering(lambda *_: moved) as old, pytest.raises(Refused, match="Temporary Redirect"):
            Kibana(old, {"authorization": "ApiKey secret"}).check_version()
        assert elsewhere.requests == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    [port] = free_ports(1)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    with fake_kibana() as (_, url):
        Kibana(url, {}).check_version()
