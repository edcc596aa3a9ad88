"""A fake Kibana on a real socket, which answers as Kibana's sources do: none can be installed.

It wants a file name that ends in `.ndjson`, refuses objects without their data view, answers 200
with `success: false` where it took only some, gives each object a version of its own, completes
rules with what it knows, refuses members of a rule's body that its API does not have, and drops a
detection rule's `setup`. An id belongs to one space: an import of one that another space has gets a
new id, and a stack rule with such an id is a conflict.
"""

import json
from contextlib import contextmanager
from email.parser import BytesParser
from urllib.parse import parse_qs, urlsplit

from tests.assets.answering import answering

NEED_A_TARGET = {"index-pattern", "search"}
CREATES = {
    *("name", "rule_type_id", "consumer", "schedule", "tags", "actions", "enabled", "params"),
    *("throttle", "notify_when", "alert_delay"),
}
_NOT_FOUND = (404, {"message": "Not Found"})
UPDATES = CREATES - {"rule_type_id", "consumer", "enabled"}
ACTION = {"id", "group", "params", "uuid", "frequency", "alerts_filter"}


class FakeKibana:
    """Spaces with saved objects and rules; `refuses` are ids and rule names it does not take."""

    def __init__(self, version="8.11.4", refuses=(), *, has_security=True):
        self.version, self.refuses, self.has_security = version, set(refuses), has_security
        self.objects, self.rules, self.detections, self.spaces = {}, {}, {}, {}
        self.here, self.owners = "", {}
        self.imports, self.requests = 0, []

    def __call__(self, method, path, body):
        self.requests.append((method, path))
        answer = self.answer(method, path, body)
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return status, b"" if content is None else json.dumps(content).encode()

    @property
    def changes(self):
        reads = {"/api/saved_objects/_bulk_get"}
        return [(how, to) for how, to in self.requests if how != "GET" and to not in reads]

    def answer(self, method, path, body):
        url = urlsplit(path)
        parts = url.path.strip("/").split("/")
        self.here = ""
        if parts[0] == "s":
            _, self.here, *parts = parts
            if self.here not in self.spaces:
                return _NOT_FOUND
        match parts[1:]:
            case ["status"]:
                return {"version": {"number": self.version}}
            case ["spaces", "space", *rest]:
                return self.space(rest, body)
            case ["saved_objects", *rest]:
                return self.saved_object(rest, body)
        return self.rule(method, parts[1:], parse_qs(url.query), body)

    def rule(self, method, parts, query, body):
        match parts:
            case ["alerting", "rule", name]:
                return self.stack_rule(method, name, body)
            case ["detection_engine", "rules", *rest] if self.has_security:
                return self.detection_rule(method, rest, query, body)
        return _NOT_FOUND

    def space(self, rest, body):
        if rest:
            return self.spaces.get(rest[0]) or _NOT_FOUND
        return self.spaces.setdefault(json.loads(body)["id"], json.loads(body))

    def saved_object(self, rest, body):
        match rest:
            case ["_bulk_get"]:
                return {"saved_objects": [self.get(one) for one in json.loads(body)]}
            case ["_import"]:
                return self.load(body)
        del self.objects[tuple(rest)]
        return {}

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
                self.store(one)
        return {"success": not errors, "successCount": len(lines) - len(errors), "errors": errors}

    def store(self, one):
        key = one["type"], one["id"]
        if self.owners.setdefault(key, self.here) != self.here:
            one = {**one, "id": f"new-{one['id']}", "originId": one["id"]}
        self.objects[one["type"], one["id"]] = {**one, "version": "WzEsMV0="}

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

    def stack_rule(self, method, name, body):
        given = json.loads(body or b"{}")
        if method != "POST" and name not in self.rules:
            return 404, {"message": f"Saved object [alert/{name}] not found"}
        known = CREATES if method == "POST" else UPDATES
        strange = [*(given.keys() - known)]
        strange += [key for action in given.get("actions", ()) for key in action.keys() - ACTION]
        if strange:
            return 400, {"message": f"[request body.{strange[0]}]: definition for this key missing"}
        if given.get("name") in self.refuses:
            return 400, {"message": "params invalid: [esQuery]: must be valid JSON"}
        if self.owners.setdefault(name, self.here) != self.here:
            return 409, {"message": f"Saved object [alert/{name}] conflict"}
        match method:
            case "DELETE":
                del self.rules[name]
                return 204, None
            case "POST" | "PUT":
                self.rules[name] = self.rules.get(name, {}) | given | {"id": name, "revision": 0}
        return self.completed(self.rules[name])

    def completed(self, rule):
        actions = [{**one, "connector_type_id": ".server-log"} for one in rule["actions"]]
        params = {**rule["params"], "sourceFields": []}
        return {**rule, "params": params, "actions": actions, "mute_all": False}

    def detection_rule(self, method, rest, query, body):
        given = json.loads(body or b"{}")
        given.pop("setup", None)  # as 8.12 does
        if rest == ["_find"]:
            return {"total": len(self.detections), "data": [*self.detections.values()]}
        [name] = query.get("rule_id", [given.get("rule_id")])
        name = f"{self.here}/{name}" if self.here else name
        if method != "POST" and name not in self.detections:
            return 404, {"message": f'rule_id: "{name}" not found', "status_code": 404}
        if given.get("name") in self.refuses:
            return 400, {"message": "[request body]: threat.0.framework: Invalid input"}
        match method:
            case "DELETE":
                return self.detections.pop(name)
            case "POST":
                self.detections[name] = {**given, "id": f"id-of-{name}", "revision": 0}
            case "PATCH":
                self.detections[name] |= given
        return {**self.detections[name], "immutable": False, "related_integrations": []}


@contextmanager
def fake_kibana(**options):
    fake = FakeKibana(**options)
    with answering(fake) as url:
        yield fake, url
