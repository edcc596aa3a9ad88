"""What `setup` does to a Kibana: imports what is missing or of another revision, and says so."""

import json
import re
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from shipper.assets.bodies import MANAGED_BY, Body
from shipper.assets.install import Action, Step
from shipper.assets.kibana.saved import line
from shipper.errors import Refused, Unavailable

#: The first Kibana that takes this set as it stands.
OLDEST = (8, 10)
_TIMEOUT_S = 60.0
_MAX_REASON = 500  # characters of the server's own words
_MAX_ANSWER_BYTES = 32 << 20  # above the largest import that Kibana takes
_REVISION = re.compile(rf"\({MANAGED_BY} ([0-9a-f]+)\)")
#: What tells one data view from another: it has no description to carry a revision.
_OF_A_VIEW = ("title", "name", "timeFieldName", "runtimeFieldMap", "fieldFormatMap")
_NOT_OURS = "not by this version"

Key = tuple[str, str]


def install_kibana(
    url: str,
    headers: Mapping[str, str],
    objects: Sequence[Body],
    *,
    space: str | None = None,
    context: ssl.SSLContext | None = None,
    dry_run: bool = False,
) -> Iterator[Step]:
    """Import the objects that are missing or differ, in one request; a step for each object.

    `headers` carry the credentials. An object of the same revision is left as it is, even where
    somebody has changed it by hand since. One that Kibana refuses is a failed step with Kibana's
    reason; the others are taken all the same. Raises `Unavailable` where Kibana cannot be reached,
    `Refused` where it is too old, lacks the space, or does not permit it: then nothing was done.
    """
    kibana = _Kibana(url, headers, context)
    kibana.check_version()
    if space:
        kibana.enter(space)
    there = kibana.existing(objects)
    changed = {_key(body): _difference(body, there.get(_key(body))) for body in objects}
    wanted = [body for body in objects if changed[_key(body)] is not None]
    errors = {} if dry_run or not wanted else kibana.load(wanted)
    for body in objects:
        key = _key(body)
        action = Action.UNCHANGED if changed[key] is None else Action.UPDATED
        if key not in there:
            action = Action.CREATED
        detail = errors.get(key, changed[key] or "")
        yield Step(body["type"], body["id"], Action.FAILED if key in errors else action, detail)


def _key(body: Mapping[str, Any]) -> Key:
    return str(body["type"]), str(body["id"])


def _difference(ours: Body, theirs: Body | None) -> str | None:
    """What an import would change: nothing (None), or words about it."""
    if theirs is None:
        return ""
    mine, found = ours["attributes"], theirs.get("attributes", {})
    if ours["type"] == "index-pattern":
        names = [name for name in _OF_A_VIEW if mine.get(name) != found.get(name)]
        return f"differs in {', '.join(names)}" if names else None
    revisions = [_revision(found), _revision(mine)]
    return None if revisions[0] == revisions[1] else f"revision {' -> '.join(revisions)}"


def _revision(attributes: Mapping[str, Any]) -> str:
    found = _REVISION.search(str(attributes.get("description", "")))
    return found[1] if found else _NOT_OURS


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the credentials elsewhere, and makes a GET of a POST."""

    def redirect_request(self, *_: object) -> None:
        """Never: the redirect itself is the answer, as an error."""


class _Kibana:
    """One Kibana, asked by its HTTP API; later in one of its spaces."""

    def __init__(
        self, url: str, headers: Mapping[str, str], context: ssl.SSLContext | None
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"kbn-xsrf": MANAGED_BY, **headers}
        self._opener = build_opener(_NoRedirect, HTTPSHandler(context=context))

    def check_version(self) -> None:
        version = self._ask("GET", "/api/status").get("version", {}).get("number", "")
        found = re.match(r"(\d+)\.(\d+)", str(version))
        if not found:
            raise Refused(
                f"{self._url} does not say its version: is it a Kibana, and are the "
                "credentials good for it?"
            )
        if (int(found[1]), int(found[2])) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise Refused(
                f"Kibana {version} at {self._url} is too old: these dashboards need "
                f"{oldest} or later; nothing was changed"
            )

    def enter(self, space: str) -> None:
        """Work in the space from now on."""
        if self._ask("GET", f"/api/spaces/space/{space}", accept=HTTPStatus.NOT_FOUND) == {}:
            raise Refused(f"Kibana has no space {space!r}: create it first; nothing was changed")
        self._url = f"{self._url}/s/{space}"

    def existing(self, objects: Sequence[Body]) -> dict[Key, Body]:
        """Those of the objects that are there, as Kibana keeps them."""
        wanted = [{"type": body["type"], "id": body["id"]} for body in objects]
        data = json.dumps(wanted).encode()
        answer = self._ask("POST", "/api/saved_objects/_bulk_get", data, "application/json")
        return {_key(one): one for one in answer["saved_objects"] if "error" not in one}

    def load(self, objects: Sequence[Body]) -> dict[Key, str]:
        """Import them over what is there; Kibana's reason for each that it refused."""
        data, kind = _form(b"".join(map(line, objects)))
        answer = self._ask("POST", "/api/saved_objects/_import?overwrite=true", data, kind)
        return {_key(one): _reason(one["error"]) for one in answer.get("errors", ())}

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        kind: str | None = None,
        *,
        accept: HTTPStatus | None = None,
    ) -> Any:
        """The answer as JSON; {} for the one failure in `accept`."""
        headers = self._headers | ({"content-type": kind} if kind else {})
        request = Request(self._url + path, data, headers, method=method)  # noqa: S310 - http(s), or the handlers refuse
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read(_MAX_ANSWER_BYTES))
        except HTTPError as error:
            if error.code == accept:
                return {}
            raise _failure(error, f"{method} {path}") from error
        except (OSError, HTTPException) as error:
            reason = str(getattr(error, "reason", error))[:_MAX_REASON]
            what = f"Kibana at {self._url} cannot be reached ({reason}): check the address"
            raise Unavailable(what) from error
        except ValueError as error:
            raise Refused(f"{self._url} does not answer {method} {path} as Kibana does") from error


def _form(content: bytes) -> tuple[bytes, str]:
    """A form with one file, and its content type; Kibana insists on the end of the file's name."""
    boundary = secrets.token_hex(16)
    disposition = 'form-data; name="file"; filename="mcp-shipper.ndjson"'
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
    head += "Content-Type: application/ndjson\r\n\r\n"
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _failure(error: HTTPError, request: str) -> Refused | Unavailable:
    try:
        said = str(json.loads(error.read(_MAX_ANSWER_BYTES))["message"])[:_MAX_REASON]
    except (ValueError, KeyError, TypeError, OSError):
        said = str(error.reason)
    if error.code == HTTPStatus.UNAUTHORIZED:
        return Refused("Kibana does not accept these credentials: check user or API key")
    if error.code == HTTPStatus.FORBIDDEN:
        needs = "the Kibana privilege Saved Objects Management"
        return Refused(f"{request} is not permitted: these credentials need {needs} ({said})")
    if error.code == HTTPStatus.TOO_MANY_REQUESTS or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"Kibana cannot answer {request} now ({error.code}: {said})")
    return Refused(f"Kibana refused {request} ({error.code}: {said})")


def _reason(error: Mapping[str, Any]) -> str:
    """Why one object was refused, in Kibana's words."""
    missing = [f"{one.get('type')} {one.get('id')}" for one in error.get("references", ())]
    said = f"missing: {', '.join(missing)}" if missing else str(error.get("message", ""))
    return f"{error.get('type', 'unknown')}: {said}"[:_MAX_REASON].rstrip(": ")
