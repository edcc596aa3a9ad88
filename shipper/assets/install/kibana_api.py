"""One Kibana, asked by its HTTP API; later in one of its spaces."""

import json
import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from shipper.assets.generate.bodies import MANAGED_BY
from shipper.assets.generate.security import spaces
from shipper.assets.install.steps import Action, Step
from shipper.errors import Refused, Unavailable

#: The first Kibana that takes this set as it stands.
OLDEST = (8, 10)
_TIMEOUT_S = 60.0
MAX_REASON = 500  # characters of the server's own words
_MAX_ANSWER_BYTES = 32 << 20  # above the largest import that Kibana takes


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the credentials elsewhere, and makes a GET of a POST."""

    def redirect_request(self, *_: object) -> None:
        """Never: the redirect itself is the answer, as an error."""


class Kibana:
    """`headers` carry the credentials.

    What it is asked raises `Unavailable` where it cannot be reached, `Refused` where it is too old
    or does not permit it.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], context: ssl.SSLContext | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"kbn-xsrf": MANAGED_BY, **headers}
        self._opener = build_opener(_NoRedirect, HTTPSHandler(context=context))
        #: Nothing is there: a space that a run would make, on a dry run.
        self.is_empty = False

    def check_version(self) -> None:
        version = self.ask("GET", "/api/status").get("version", {}).get("number", "")
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

    def enter(self, space: str, *, dry_run: bool) -> Step:
        """Work in the space from now on; it is made where there is none."""
        there = self.ask("GET", f"/api/spaces/space/{space}", accept=HTTPStatus.NOT_FOUND)
        if not there and not dry_run:
            self.ask("POST", "/api/spaces/space", spaces(space)[space])
        self.is_empty = not there and dry_run
        self._url = f"{self._url}/s/{space}"
        return Step("space", space, Action.UNCHANGED if there else Action.CREATED)

    def ask(
        self, method: str, path: str, body: object = None, *, accept: HTTPStatus | None = None
    ) -> Any:
        """The answer to a JSON body; {} where it has none, and for the one failure in `accept`."""
        data = None if body is None else json.dumps(body).encode()
        return self.send(method, path, data, "application/json", accept=accept)

    def send(
        self,
        method: str,
        path: str,
        data: bytes | None,
        kind: str,
        *,
        accept: HTTPStatus | None = None,
    ) -> Any:
        """The same for a body of any kind."""
        headers = self._headers | ({} if data is None else {"content-type": kind})
        request = Request(self._url + path, data, headers, method=method)  # noqa: S310 - http(s), or the handlers refuse
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read(_MAX_ANSWER_BYTES) or b"{}")
        except HTTPError as error:
            if error.code == accept:
                return {}
            raise _failure(error, f"{method} {path}") from error
        except (OSError, HTTPException) as error:
            reason = str(getattr(error, "reason", error))[:MAX_REASON]
            what = f"Kibana at {self._url} cannot be reached ({reason}): check the address"
            raise Unavailable(what) from error
        except ValueError as error:
            raise Refused(f"{self._url} does not answer {method} {path} as Kibana does") from error


def _failure(error: HTTPError, request: str) -> Refused | Unavailable:
    try:
        said = str(json.loads(error.read(_MAX_ANSWER_BYTES))["message"])[:MAX_REASON]
    except (ValueError, KeyError, TypeError, OSError):
        said = str(error.reason)
    if error.code == HTTPStatus.UNAUTHORIZED:
        return Refused("Kibana does not accept these credentials: check user or API key")
    if error.code == HTTPStatus.FORBIDDEN:
        needs = "the Kibana privilege Saved Objects Management, for rules that of Rules"
        return Refused(f"{request} is not permitted: these credentials need {needs} ({said})")
    if error.code == HTTPStatus.TOO_MANY_REQUESTS or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"Kibana cannot answer {request} now ({error.code}: {said})")
    return Refused(f"Kibana refused {request} ({error.code}: {said})")
