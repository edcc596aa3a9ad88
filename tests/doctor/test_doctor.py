"""`mcp-shipper doctor` on set-ups with one fault each: the finding, its fix and the exit code."""

import json
import os
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest
import trustme

from shipper import AuditHandler, create_tool_execution_event
from shipper.cli import main
from shipper.config import load
from shipper.doctor.checkup import examine
from shipper.doctor.shipping import outputs
from shipper.follow.registry import take_lock
from tests.assets.answering import answering
from tests.assets.kibana import FakeKibana
from tests.users import as_nobody, needs_root, open_directory


@pytest.fixture
def home(tmp_path):
    """A record with one event."""
    handler = AuditHandler(tmp_path / "audit")
    handler.record(create_tool_execution_event("ada", "echo"), time.time())
    handler.close()
    return tmp_path


def write(home, **settings):
    path = home / "c.yml"
    values = {"path.home": str(home), "output.file.path": str(home / "out"), **settings}
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def examined(path, capsys):
    """The exit code, and the findings by topic."""
    code = main(["doctor", "--json", "-c", str(path)])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {}
    for row in rows:
        found.setdefault(row["topic"], []).append(row)
    return code, found


def grades(rows):
    return {row["grade"] for row in rows}


def test_a_good_set_up_has_no_problem_and_names_what_was_checked(home, capsys):
    code, found = examined(write(home), capsys)
    assert code == 0
    topics = ("python", "sdk", "config", "state", "running", "inputs", "record", "dead letters")
    assert [topic for topic in topics if grades(found[topic]) != {"ok"}] == []
    assert grades(found["output"]) == grades(found["disk"]) == {"ok"}


def test_nothing_is_changed_or_created(home, capsys):
    path = write(home)
    before = {one: one.stat().st_mtime_ns for one in home.rglob("*")}
    examined(path, capsys)
    assert {one: one.stat().st_mtime_ns for one in home.rglob("*")} == before


@needs_root
def test_a_file_output_that_this_user_cannot_write_is_a_problem():
    folder = open_directory()
    (folder / "out").mkdir(mode=0o755)

    def examined():
        (row,) = outputs(load(write(folder)))
        os.write(1, row.what.encode())
        return row.code

    code, said = as_nobody(examined)
    assert (code, said) == (os.EX_NOPERM, f"file: nobody cannot write to {folder}/out")


def test_a_finding_is_one_line_with_its_fix(home, capsys):
    assert main(["doctor", "-c", str(write(home))]) == 0
    (line,) = [row for row in capsys.readouterr().out.splitlines() if " keys: " in row]
    assert line.startswith("warning  keys: no key signs the record: `verify` ends with")
    assert "; to do: mcp-shipper keys create" in line


def test_a_configuration_with_problems_ends_with_78_and_every_problem(home, capsys):
    code, found = examined(write(home, mcp_audit_level="most", nonsense=1), capsys)
    assert code == os.EX_CONFIG
    assert len(found["config"]) == 2


def test_no_output_is_a_problem(home, capsys):
    path = home / "c.yml"
    path.write_text(f"path.home: {home}\n")
    code, found = examined(path, capsys)
    assert (code, grades(found["output"])) == (os.EX_CONFIG, {"problem"})


def test_an_output_that_does_not_answer_is_a_problem(home, capsys):
    path = write(home, **{"output.logstash.hosts": ["127.0.0.1:9"]})
    code, found = examined(path, capsys)
    assert code == os.EX_UNAVAILABLE
    assert {row["grade"]: row["what"].split(":")[0] for row in found["output"]} == {
        "ok": "file",
        "problem": "logstash",
    }


@needs_root
def test_segments_of_another_user_are_a_problem_that_names_the_owner(home, capsys):
    main(["doctor", "-c", str(write(home))])  # loads what nobody may not read
    folder = open_directory()
    (folder / "audit").mkdir(mode=0o700)  # root's

    def examined():
        found = list(examine(lambda: load(write(folder))))
        problems = [f"{one.what}; {one.fix}\n" for one in found if one.code]
        os.write(1, "".join(problems).encode())
        return problems and next(one.code for one in found if one.code)

    code, said = as_nobody(examined)
    assert code == os.EX_NOPERM, said
    assert said.startswith(f"{folder}/audit cannot be looked into (Permission denied); run the ")
    assert "run the shipper as root, or give it CAP_DAC_READ_SEARCH" in said


def test_positions_that_others_can_write_are_a_problem(home, capsys):
    (home / "data" / "registry").mkdir(parents=True)
    (home / "data" / "registry").chmod(0o777)
    code, found = examined(write(home), capsys)
    assert (code, grades(found["state"])) == (os.EX_NOPERM, {"problem"})
    assert found["state"][0]["fix"] == f"chmod go-w {home}/data/registry"


def test_a_running_shipper_is_named(home, capsys):
    (home / "data").mkdir()
    lock = take_lock(home / "data" / "mcp-shipper.lock")
    found = examined(write(home), capsys)[1]
    os.close(lock)
    assert found["running"][0]["what"].startswith("a shipper runs with this path.data")


def test_events_that_a_logger_holds_back_are_a_warning_with_their_number(home, capsys):
    import logging

    logger = logging.getLogger("mcp.audit")
    handler = AuditHandler(home / "audit", service={"name": "quiet"})
    logger.addHandler(handler)
    logger.setLevel(logging.CRITICAL)
    try:
        logger.info(create_tool_execution_event("ada", "echo"))
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)
        handler.close()
    (row,) = examined(write(home), capsys)[1]["record"]
    assert row["grade"] == "warning"
    assert row["what"].startswith("1 events were held back")
    assert "`mcp.audit` the level INFO" in row["fix"]


def test_no_segment_at_all_is_a_warning(tmp_path, capsys):
    assert grades(examined(write(tmp_path), capsys)[1]["record"]) == {"warning"}


def test_a_key_of_the_user_who_writes_the_events_is_a_warning(home, capsys):
    key = home / "key"
    assert main(["keys", "create", str(key), "--name", "x", "-c", str(write(home))]) == 0
    capsys.readouterr()
    (row,) = examined(write(home, **{"evidence.key": str(key)}), capsys)[1]["keys"]
    assert row["grade"] == "warning"
    assert "can also sign them" in row["what"]


def test_dead_letters_are_a_warning_by_reason(home, capsys):
    (home / "bad.log").write_text("no json\n")
    source = {"id": "b", "paths": [str(home / "bad.log")], "parsers": [{"ndjson": {}}]}
    path = write(home, inputs=[source])
    assert main(["run", "--once", "-c", str(path)]) == 0
    (row,) = examined(path, capsys)[1]["dead letters"]
    assert (row["grade"], row["fix"]) == ("warning", "fix the cause, then: mcp-shipper replay")
    assert row["what"].startswith("file refused 1 lines: ")


# --- servers


class Cluster:
    """An Elasticsearch with our templates; `said` are answers to paths in place of the usual."""

    def __init__(self, **said):
        self.said = said

    def __call__(self, method, path, body):
        kind = path.strip("/_").partition("?")[0].replace("/_", "/").replace("/", "_")
        status, answer = self.said.get(kind) or (200, self.usual(kind, body))
        return status, json.dumps(answer).encode()

    def usual(self, kind, body):
        if kind == "":
            return {"version": {"number": "9.4.3"}, "cluster_name": "c"}
        if kind == "security_user_has_privileges":
            return granted(body, lambda name: not name.startswith("delete"))
        if kind == "resolve_index_logs-mcp.*":
            return {"indices": []}
        return {f"{kind}s": []} if kind.endswith("_template") else {}


def granted(body, is_granted):
    asked = json.loads(body)
    return {
        "cluster": {name: is_granted(name) for name in asked.get("cluster", ())},
        "index": {
            name: {one: is_granted(one) for one in row["privileges"]}
            for row in asked["index"]
            for name in row["names"]
        },
    }


def of_cluster(home, answer, capsys, **settings):
    with answering(answer) as url:
        api_key = {"output.elasticsearch.api_key": "id:key"}
        hosts = {"output.elasticsearch.hosts": [url]}
        return examined(write(home, **hosts, **api_key, **settings), capsys)


def test_missing_templates_are_a_problem_that_setup_fixes(home, capsys):
    code, found = of_cluster(home, Cluster(), capsys)
    (row,) = found["setup"]
    assert (code, row["grade"]) == (os.EX_CONFIG, "problem")
    assert "are missing" in row["what"]
    assert row["fix"].endswith("mcp-shipper setup")


def test_a_key_that_may_not_read_templates_is_said_to_be_so(home, capsys):
    refused = (403, {"error": {"reason": "no"}})
    code, found = of_cluster(home, Cluster(ingest_pipeline=refused), capsys)
    assert (code, grades(found["setup"])) == (0, {"warning"})


def test_an_index_in_the_place_of_a_data_stream_is_a_problem(home, capsys):
    there = {"indices": [{"name": "logs-mcp.tools-default"}]}
    found = of_cluster(home, Cluster(**{"resolve_index_logs-mcp.*": (200, there)}), capsys)[1]
    assert "logs-mcp.tools-default is an index, not a data stream" in found["setup"][1]["what"]


def test_a_data_stream_of_another_template_is_a_warning(home, capsys):
    there = {"data_streams": [{"name": "logs-mcp.tools-default", "template": "logs"}]}
    found = of_cluster(home, Cluster(**{"data_stream_logs-mcp.*": (200, there)}), capsys)[1]
    (row,) = [one for one in found["setup"] if one["grade"] == "warning"]
    assert row["fix"] == "run setup, then: POST /logs-mcp.tools-default/_rollover"


def test_a_missing_privilege_is_a_problem_that_names_it(home, capsys):
    class Without(Cluster):
        def usual(self, kind, body):
            if kind == "security_user_has_privileges":
                return granted(body, lambda name: name in {"monitor", "read"})
            return super().usual(kind, body)

    code, found = of_cluster(home, Without(), capsys)
    (row,) = found["privileges"]
    assert (code, row["grade"]) == (os.EX_NOPERM, "problem")
    assert "auto_configure on logs-generic-*" in row["what"]


def test_a_key_that_may_delete_events_is_a_warning(home, capsys):
    class All(Cluster):
        def usual(self, kind, body):
            if kind == "security_user_has_privileges":
                return granted(body, lambda name: True)
            return super().usual(kind, body)

    found = of_cluster(home, All(), capsys)[1]
    assert [row["grade"] for row in found["privileges"]] == ["ok", "warning"]


@pytest.mark.parametrize("status", [400, 405])
def test_a_cluster_without_security_is_a_warning(status, home, capsys):
    said = {"security_user_has_privileges": (status, {"error": "no handler"})}
    found = of_cluster(home, Cluster(**said), capsys)[1]
    assert grades(found["privileges"]) == {"warning"}


def test_a_clock_that_differs_is_a_warning(home, capsys, monkeypatch):
    found = of_cluster(home, Cluster(), capsys)[1]
    assert grades(found["clock"]) == {"ok"}
    late = formatdate(time.time() - 120, usegmt=True)
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda *_: late)
    found = of_cluster(home, Cluster(), capsys)[1]
    assert "differ by 1" in found["clock"][0]["what"]


def test_an_old_elasticsearch_is_a_warning(home, capsys):
    old = Cluster(**{"": (200, {"version": {"number": "7.17.0"}, "cluster_name": "c"})})
    assert grades(of_cluster(home, old, capsys)[1]["elasticsearch"]) == {"warning"}


def test_dashboards_that_are_missing_are_a_problem_and_an_old_kibana_too(home, capsys):
    with answering(FakeKibana()) as url:
        found = of_cluster(home, Cluster(), capsys, kibana_url=url)[1]
    assert grades(found["kibana"]) == {"ok"}
    assert grades(found["dashboards"]) == {"problem"}
    with answering(FakeKibana(version="8.2.0")) as url:
        found = of_cluster(home, Cluster(), capsys, kibana_url=url)[1]
    assert grades(found["kibana"]) == {"problem"}


def test_a_certificate_that_ends_soon_is_a_warning(home, capsys):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    soon = datetime.now(UTC) + timedelta(days=7)
    authority.issue_cert("127.0.0.1", not_after=soon).configure_cert(context)
    tls = {"output.elasticsearch.ssl.certificate_authorities": [str(home / "ca.pem")]}
    with answering(Cluster(), context) as url:
        found = examined(write(home, **{"output.elasticsearch.hosts": [url]}, **tls), capsys)[1]
    grade = {row["what"].partition(" is valid")[0]: row["grade"] for row in found["tls"]}
    host = url.removeprefix("https://")
    assert grade[f"the certificate of {host}"] == "warning"
    assert grade[f"the authority in {home}/ca.pem"] == "ok"


def test_an_expired_certificate_of_the_shipper_is_a_problem(home, capsys):
    over = datetime.now(UTC) - timedelta(days=2)
    ours = trustme.CA().issue_cert("us", not_after=over)
    ours.private_key_and_cert_chain_pem.write_to_path(home / "ours.pem")
    tls = {"ssl.certificate": str(home / "ours.pem"), "hosts": ["127.0.0.1:9"]}
    (row,) = examined(write(home, **{"output.logstash": tls}), capsys)[1]["tls"]
    assert row["grade"] == "problem"
    assert row["what"].startswith(f"the certificate {home}/ours.pem expired at ")


def test_a_server_that_is_not_verified_is_a_warning(home, capsys):
    none = {"output.logstash": {"hosts": ["127.0.0.1:9"], "ssl.verification_mode": "none"}}
    found = examined(write(home, **none), capsys)[1]
    assert "verification_mode" in found["security"][0]["what"]
