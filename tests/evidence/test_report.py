"""Reports: the words that are given, the events that are counted, and the page."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from shipper import (
    create_authentication_event,
    create_compliance_event,
    create_resource_access_event,
    create_tool_execution_event,
)
from shipper.catalog import AuditLevel, Scope, builtin, overlaid
from shipper.cli import main
from shipper.errors import CatalogError, ShipperError
from shipper.evidence.query import query_of
from shipper.evidence.report.folder import NotEmpty, write_folder
from shipper.evidence.report.jq import jq_of
from shipper.evidence.report.make import Ask, make
from shipper.evidence.report.model import Support
from shipper.evidence.report.page import html_page
from shipper.evidence.search import search
from tests.evidence.signed_record import SignedRecord
from tests.record.recorder import Recorder

CATALOG = builtin()


@pytest.fixture
def record(tmp_path):
    made = SignedRecord(tmp_path / "record")
    made.write(30)
    recorder = Recorder(made.audit, max_bytes=9_000)
    recorder.log(create_authentication_event("eve", "oauth2", "login", success=False))
    recorder.log(create_resource_access_event("zoë", "file", "file:///b.c", "read"))
    recorder.close()
    made.sign()
    return made


def reported(record, *frameworks, scope=None, catalog=CATALOG, **more):
    scope = Scope(frameworks=frameworks) if scope is None else scope
    ask = Ask(catalog=catalog, scope=scope, frameworks=frameworks, **more)
    return make([record.audit], record.trust(), ask)


def answers(report, name):
    (found,) = [one for one in report.frameworks if one.name == name]
    return {one.clause: one for one in found.answers}


def test_a_complete_record_supports_what_it_has_events_for(record):
    found = answers(reported(record, "sox"), "sox")
    assert found["change"].support is Support.SUPPORTED
    assert found["change"].population.count == 30
    assert found["integrity"].support is Support.SUPPORTED
    assert found["access"].support is Support.MISSING
    assert found["access"].population.count == 0


def test_what_a_record_cannot_show_is_not_observable(record):
    assert answers(reported(record, "gdpr"), "gdpr")["purposes"].support is Support.NOT_OBSERVABLE


def test_a_damaged_record_supports_nothing_although_the_events_are_there(record):
    path = record.segments()[0]
    path.write_bytes(path.read_bytes().replace(b'"n":3}', b'"n":4}', 1))
    report = reported(record, "sox")
    found = answers(report, "sox")
    assert found["change"].support is Support.PARTLY
    assert "edited" in found["change"].why
    assert found["integrity"].support is Support.PARTLY
    assert any("edited" in gap for gap in report.gaps)


def test_an_unsigned_record_shows_no_integrity(record):
    shutil.rmtree(record.evidence)
    report = reported(record, "sox")
    assert answers(report, "sox")["integrity"].support is Support.MISSING
    assert any("No checkpoints" in limit for limit in report.limits)


def test_events_that_the_record_states_as_lost_make_its_populations_partly_known(record):
    recorder = Recorder(record.audit)
    recorder.log(create_compliance_event("records-lost", records=17, success=False))
    recorder.close()
    record.sign()
    report = reported(record, "sox", scope=Scope(always=frozenset({"mcp_compliance_events"})))
    change = answers(report, "sox")["change"]
    assert (change.support, change.why) == (Support.PARTLY, "17 events are stated as lost")


def test_a_configured_retention_is_not_one_in_force(record):
    found = answers(reported(record, "sox"), "sox")["retention"]
    assert found.support is Support.PARTLY
    found = answers(reported(record, "sox", scope=Scope()), "sox")["retention"]
    assert found.support is not Support.SUPPORTED
    assert "less than 2557 days" in found.why


def test_a_type_that_the_level_leaves_out_is_missing_for_that_reason(record):
    scope = Scope(level=AuditLevel.BASIC)
    report = reported(record, "sox", scope=scope)
    (violations,) = [
        one for one in report.frameworks[0].required if one.event_type == "mcp_policy_violations"
    ]
    assert (violations.support, violations.is_recorded) == (Support.MISSING, False)
    assert "at the level basic" in violations.why


def test_a_report_counts_what_search_finds(record):
    report = reported(record)
    assert len(report.frameworks) == len(CATALOG.frameworks)
    since, until = (
        datetime.fromisoformat(one) for one in (report.period.since, report.period.until)
    )
    for framework in report.frameworks:
        for one in framework.answers:
            if one.population:
                query = query_of(one.population.query, CATALOG, since, until)
                found = list(search([record.audit], query))
                assert one.population.count == len(found), one.population.query


def test_events_outside_the_period_are_not_counted(record):
    until = datetime(2020, 1, 1, tzinfo=UTC)
    report = reported(record, "sox", until=until, since=datetime(2019, 1, 1, tzinfo=UTC))
    assert report.events == 0
    assert answers(report, "sox")["change"].support is Support.MISSING


def test_the_same_seed_draws_the_same_sample_and_another_one_another(record):
    def drawn(seed):
        population = answers(reported(record, "sox", seed=seed, sample=5), "sox")[
            "change"
        ].population
        return population.sample

    assert drawn("a") == drawn("a") != drawn("b")
    assert len(drawn("a")) == 5


def test_every_sampled_event_has_a_proof_unless_it_is_not_signed(record):
    record.write(3)
    samples = reported(record, "sox", sample=99).samples
    assert len({one.id for one in samples}) == 33
    assert sum(bool(one.unproven) for one in samples) == 3


def test_every_clause_of_the_catalog_has_a_valid_query():
    clauses = [clause for row in CATALOG.frameworks.values() for clause in row.clauses.values()]
    for clause in clauses:
        assert bool(clause.query) == (clause.shown_by == "events")
        query_of(clause.query, CATALOG)


def test_every_framework_states_whether_its_basis_is_second_hand():
    first_hand = {name for name, row in CATALOG.frameworks.items() if not row.second_hand}
    assert {"eu_ai_act", "dora", "owasp_mcp08", "aisvs"} <= first_hand
    assert first_hand.isdisjoint({"sox", "gdpr", "hipaa", "pci4", "nsa_mcp"})


def test_an_operators_framework_is_reported_with_its_own_questions(record):
    clauses = {"bob": {"asks": "What did Bob do?", "query": "user.id: bob"}}
    row = {"retention_days": 30, "requires": [], "clauses": clauses}
    catalog = overlaid({"frameworks": {"mine": row}})
    found = answers(reported(record, "mine", catalog=catalog), "mine")
    assert found["bob"].population.count == 30


@pytest.mark.parametrize(
    ("clause", "what"),
    [
        ({"asks": "?", "query": "user.ids: bob"}, "user.ids"),
        ({"asks": "?", "query": "user.id: (bob"}, "`)`"),
        ({"asks": "?"}, "query"),
        ({"asks": "?", "shown_by": "retention", "query": "user.id: bob"}, "query"),
    ],
)
def test_a_clause_with_an_invalid_query_is_a_problem_of_the_catalog(clause, what):
    row = {"retention_days": 30, "requires": [], "clauses": {"bob": clause}}
    with pytest.raises(CatalogError) as caught:
        overlaid({"frameworks": {"mine": row}})
    assert what in str(caught.value)
    assert "frameworks.mine.clauses.bob" in str(caught.value)


def test_an_unknown_framework_is_an_error_with_the_known_ones(record):
    with pytest.raises(ShipperError, match="sox, gdpr, hipaa"):
        reported(record, "soxx", scope=Scope())


class _Links(HTMLParser):
    """What a page loads or links to."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href", "action")]
        assert tag not in ("script", "link", "iframe", "object", "img")


def test_the_page_loads_nothing_and_every_link_in_it_has_a_target(record):
    page = html_page(reported(record))
    links = _Links()
    links.feed(page)
    assert all(one.startswith("#") for one in links.found)
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert {one.removeprefix("#") for one in links.found} <= ids
    assert "url(" not in page
    assert "@import" not in page


def test_a_text_of_the_record_is_escaped_on_the_page(record):
    recorder = Recorder(record.audit)
    recorder.log(create_tool_execution_event("<script>alert(1)</script>", "t", {}, "ok"))
    recorder.close()
    record.sign()
    page = html_page(reported(record, "sox", sample=99))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_no_report_says_that_somebody_is_compliant(record):
    assert "complian" not in html_page(reported(record)).replace("mcp.compliance", "").replace(
        "mcp_compliance", ""
    )


def test_a_folder_that_holds_something_is_not_written_over(record, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other").touch()
    with pytest.raises(NotEmpty):
        write_folder(reported(record, "sox"), tmp_path / "out", record.trust())


def test_an_id_in_the_record_does_not_lead_out_of_the_folder(record, tmp_path):
    path = record.audit / record.segments()[0].name.replace("000001", "000099")
    line = record.segments()[0].read_bytes().splitlines()[1]
    path.write_bytes(re.sub(rb'"id":"[^"]*-2"', b'"id":"../../evil-1"', line) + b"\n")
    write_folder(reported(record, "sox", sample=99), tmp_path / "out", record.trust())
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "user.id: bob",
        "user.id: (eve or zoë)",
        "not user.id: bob",
        "user.id: *",
        "event.action: tool-*",
        "event.category: api",
        "event.sequence: 7",
        "event.sequence > 7 and user.id: bob",
        "gen_ai.tool.call.arguments.n: 7",
        'mcp.resource.uri: "file:///b.c"',
        "mcp.resource.uri: *b.c*",
        "mcp.tool.result.truncated: false",
    ],
)
def test_jq_finds_what_search_finds(record, text):
    since, until = (datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2100))
    query = query_of(text, CATALOG, since, until)
    lines = b"".join(path.read_bytes() for path in record.segments())
    times = (f"{one:%Y-%m-%dT%H:%M:%S.%f}" for one in (since, until))
    words = ["jq", "-r", f"{jq_of(query.node, *times)} | .event.id"]
    done = subprocess.run(words, input=lines, capture_output=True, check=True)
    found = [json.loads(line)["event"]["id"] for line in search([record.audit], query)]
    assert sorted(done.stdout.decode().split()) == sorted(found)
    assert bool(found) or text == ""


def test_the_command_writes_a_folder_and_records_that_it_did(record, tmp_path, capsys):
    data = tmp_path / "data"
    paths = (f"-Epath.home={tmp_path}", f"-Epath.data={data}")
    words = ("report", str(record.audit), "--framework", "sox", "--json", "--evidence")
    words = (*words, str(record.evidence), "--output", str(tmp_path / "out"))
    assert main([*paths, *words]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "report.json").read_text())
    lines = b"".join(path.read_bytes() for path in (data / "audit").glob("*.jsonl"))
    assert b'"audit-report"' in lines
    assert main([*paths, *words, "--sample", "3"]) == 1
    assert "not empty" in capsys.readouterr().err
