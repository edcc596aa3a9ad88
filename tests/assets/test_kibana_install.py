"""Installing into Kibana, held against a fake one: none can be installed where these tests run.

The fake speaks HTTP on a real socket and does what Kibana's own sources say: it wants a
file name that ends in `.ndjson`, refuses objects without their data view, answers 200 with
`success: false` where it took only some, and gives each object a version of its own.
"""

import json
from contextlib import contextmanager
from email.parser import BytesParser
from http import HTTPStatus

import pytest

from shipper.assets import Action
from shipper.assets.kibana import saved_objects
from shipper.assets.kibana.install import install_kibana
from shipper.catalog import Scope, builtin
from shipper.errors import Refused, Unavailable
from tests.assets.answering import always, answering
from tests.real.processes import free_ports

OBJECTS = saved_objects(builtin(), Scope())
NEED_A_TARGET = {"index-pattern", "search"}


class FakeKibana:
    """A space of saved objects; `refuses` are ids it does not take."""

    def __init__(self, version="8.10.4", refuses=()):
        self.version, self.refuses = version, set(refuses)
        self.objects, self.imports, self.paths = {}, 0, []

    def __call__(self, method, path, body):
        self.paths.append(path)
        status, answer = self.answer(path.removeprefix("/s/audit"), body)
        return status, json.dumps(answer).encode()

    def answer(self, path, body):
        if path == "/api/status":
            return 200, {"version": {"number": self.version}}
        if path.startswith("/api/spaces/space/"):
            known = path.endswith("/audit")
            return (200, {"id": "audit"}) if known else (404, {"message": "Not Found"})
        if path == "/api/saved_objects/_bulk_get":
            return 200, {"saved_objects": [self.get(one) for one in json.loads(body)]}
        if path == "/api/saved_objects/_import?overwrite=true":
            return self.load(body)
        return 404, {"message": f"no route {path}"}

    def get(self, wanted):
        missing = {**wanted, "error": {"statusCode": 404}}
        return self.objects.get((wanted["type"], wanted["id"]), missing)

    def load(self, body):
        boundary = body[2 : body.index(b"\r\n")]
        head = b'Content-Type: multipart/form-data; boundary="%b"\r\n\r\n' % boundary
        [part] = BytesParser().parsebytes(head + body).get_payload()
        if not part.get_filename().endswith(".ndjson"):
            return 400, {"message": "Invalid file extension"}
        lines = [json.loads(line) for line in part.get_payload(decode=True).splitlines() if line]
        self.imports += 1
        there = {*self.objects, *((one["type"], one["id"]) for one in lines)}
        errors = [error for one in lines if (error := self.error(one, there))]
        bad = {(error["type"], error["id"]) for error in errors}
        for one in lines:
            if (one["type"], one["id"]) not in bad:
                self.objects[one["type"], one["id"]] = {**one, "version": "WzEsMV0="}
        done = len(lines) - len(errors)
        return 200, {"success": not errors, "successCount": done, "errors": errors}

    def error(self, one, there):
        lost = [r for r in one["references"] if r["type"] in NEED_A_TARGET]
        lost = [r for r in lost if (r["type"], r["id"]) not in there]
        if lost:
            error = {"type": "missing_references", "references": lost}
        elif one["id"] in self.refuses:
            error = {"type": "unknown", "message": "belongs to a more recent version of Kibana"}
        else:
            return None
        return {"id": one["id"], "type": one["type"], "error": error}


@contextmanager
def kibana(**options):
    fake = FakeKibana(**options)
    with answering(fake) as url:
        yield fake, url


def run(url, objects=OBJECTS, **options):
    return list(install_kibana(url, {}, objects, **options))


def actions(steps):
    return {step.action for step in steps}


def test_all_is_created_once_and_unchanged_the_second_time_by_a_fake_kibana():
    with kibana() as (fake, url):
        first = run(url)
        assert [(step.kind, step.name) for step in first] == list(fake.objects)
        assert actions(first) == {Action.CREATED}
        assert actions(run(url)) == {Action.UNCHANGED}
        assert fake.imports == 1


def test_only_what_differs_is_imported_and_named_by_a_fake_kibana():
    with kibana() as (fake, url):
        run(url)
        fake.objects["index-pattern", "mcp-logs"]["attributes"]["title"] = "logs-*"
        old = fake.objects["dashboard", "mcp-operations"]["attributes"]
        old["description"] = "An older one. (mcp-shipper 0123456789)"
        changed = [step for step in run(url) if step.action is not Action.UNCHANGED]
        assert [(step.name, step.action) for step in changed] == [
            ("mcp-logs", Action.UPDATED),
            ("mcp-operations", Action.UPDATED),
        ]
        assert changed[0].detail == "differs in title"
        assert changed[1].detail.startswith("revision 0123456789 -> ")
        assert actions(run(url)) == {Action.UNCHANGED}


def test_a_dry_run_says_what_the_run_then_does_by_a_fake_kibana():
    with kibana() as (fake, url):
        dry = run(url, dry_run=True)
        assert fake.objects == {}
        assert dry == run(url)


def test_an_object_that_is_refused_is_named_with_the_reason_by_a_fake_kibana():
    with kibana(refuses=["mcp-compliance"]) as (fake, url):
        [failed] = [step for step in run(url) if step.action is Action.FAILED]
        assert failed.name == "mcp-compliance"
        assert failed.detail == "unknown: belongs to a more recent version of Kibana"
        assert len(fake.objects) == len(OBJECTS) - 1
        fake.refuses.clear()
        [created] = [step for step in run(url) if step.action is not Action.UNCHANGED]
        assert (created.name, created.action) == ("mcp-compliance", Action.CREATED)


def test_what_an_object_lacks_is_named_by_a_fake_kibana():
    with kibana() as (_, url):
        steps = run(url, [body for body in OBJECTS if body["type"] == "search"])
        assert {step.detail for step in steps} == {
            "missing_references: missing: index-pattern mcp-logs"
        }
        assert actions(steps) == {Action.FAILED}


def test_objects_go_to_the_space_that_is_named_by_a_fake_kibana():
    with kibana() as (fake, url):
        run(url, space="audit")
        assert "/s/audit/api/saved_objects/_import?overwrite=true" in fake.paths
        with pytest.raises(Refused, match="no space 'other': create it first"):
            run(url, space="other")


@pytest.mark.parametrize("version", ["7.17.29", "8.9.2"])
def test_a_kibana_that_is_too_old_is_left_alone_by_a_fake_kibana(version):
    with kibana(version=version) as (fake, url):
        with pytest.raises(Refused, match=rf"{version}.*too old.*8\.10 or later"):
            run(url)
        assert fake.paths == ["/api/status"]


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (HTTPStatus.UNAUTHORIZED, {}, Refused, "does not accept these credentials"),
        (HTTPStatus.FORBIDDEN, {"message": "no"}, Refused, "need the Kibana privilege.*no"),
        (HTTPStatus.SERVICE_UNAVAILABLE, {}, Unavailable, "cannot answer GET /api/status now"),
        (HTTPStatus.FOUND, {}, Refused, "refused GET /api/status"),
        (HTTPStatus.OK, {"name": "x"}, Refused, "does not say its version"),
    ],
)
def test_a_failure_says_what_to_do_by_a_fake_kibana(status, body, error, said):
    with answering(always(status, **body)) as url, pytest.raises(error, match=said):
        run(url)


def test_something_else_at_the_address_is_told_from_kibana():
    with answering(lambda *_: (200, b"<html>")) as url, pytest.raises(Refused, match="as Kibana"):
        run(url)


def test_a_kibana_that_is_down_is_said_to_be():
    [port] = free_ports(1)
    with pytest.raises(Unavailable, match="cannot be reached"):
        run(f"http://127.0.0.1:{port}")
