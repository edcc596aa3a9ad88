"""A client of Kibana's HTTP API, for `setup` alone."""

import json
import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from shipper.assets.generate.bodies import MANAGED_BY
from shipper.assets.generate.security import spaces
from shipper.assets.install.change import Change, Effect
from shipper.errors import Refused, Unavailable

#: The first Kibana that takes these saved objects unchanged.
_OLDEST = (8, 11)
_TIMEOUT_S = 60.0
MAX_REASON = 500  # characters of the server's message
_MAX_ANSWER_BYTES = 32 << 20  # more than the largest import that Kibana takes


class Kibana:
    """One Kibana, or one of its spaces after `enter`; `headers` carry the credentials.

    Requests raise `Unavailable` if Kibana cannot be reached, and `Refused` if it is too old or does
    not permit them.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], context: ssl.SSLContext | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"kbn-xsrf": MANAGED_BY, **headers}
        # urllib3 checks host names even where the context does not. Before its version 2.8, a pool
        # for plain HTTP does not know the option.
        checks_names = context is None or context.check_hostname or not url.startswith("https:")
        options: dict[str, Any] = {} if checks_names else {"assert_hostname": False}
        self._pool = urllib3.PoolManager(
            timeout=_TIMEOUT_S, retries=False, ssl_context=context, **options
        )
        #: The space that was entered; empty for the default one.
        self.space = ""
        #: Whether the space is missing and, on a dry run, is not created.
        self.is_empty = False

    def check_version(self) -> str:
        """The version; raises `Refused` if it is too old for these saved objects."""
        said = self.ask("GET", "/api/status").get("version")
        version = said.get("number", "") if isinstance(said, dict) else ""
        found = re.match(r"(\d+)\.(\d+)", str(version))
        if not found:
            raise Refused(
                f"{self._url} does not report its version: check that it is a Kibana and that it "
                "accepts the credentials"
            )
        if (int(found[1]), int(found[2])) < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            raise Refused(
                f"Kibana {version} at {self._url} is too old: these dashboards need "
                f"{oldest} or later; nothing was changed"
            )
        return str(version)

    def enter(self, space: str, *, dry_run: bool) -> Change:
        """Send all later requests to the space; it is created if it is missing."""
        there = self.ask("GET", f"/api/spaces/space/{space}", accept=HTTPStatus.NOT_FOUND)
        if not there and not dry_run:
            self.ask("POST", "/api/spaces/space", spaces(space)[space])
        self.is_empty = not there and dry_run
        self._url = f"{self._url}/s/{space}"
        self.space = space
        return Change("space", space, Effect.UNCHANGED if there else Effect.CREATED)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        accept: HTTPStatus | None = None,
        shape: Any = dict[str, Any],
    ) -> Any:
        """The answer to a JSON body; {} if it is empty, and for the one failure in `accept`.

        `Refused` if it has not the `shape`, a type whose members are read: it is not Kibana's.
        """
        data, kind = (b"", "") if body is None else (json.dumps(body).encode(), "application/json")
        return self._request(method, path, data or None, kind, accept=accept, shape=shape)

    def upload(self, path: str, name: str, content: bytes, shape: Any) -> Any:
        """The answer to a form with one NDJSON file; Kibana checks the suffix of its name."""
        form = {"file": (name, content, "application/ndjson")}
        data, kind = urllib3.encode_multipart_formdata(form)
        return self._request("POST", path, data, kind, shape=shape)

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        kind: str = "",
        *,
        accept: HTTPStatus | None = None,
        shape: Any,
    ) -> Any:
        status, reason, answer = self._exchange(method, path, body, kind)
        if status == accept:
            return {}
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise _failure(status, reason, answer, f"{method} {path}")
        try:
            said = json.loads(answer or b"{}")
            msgspec.convert(said, shape)
        except (ValueError, RecursionError) as error:
            raise Refused(
                f"{self._url} does not answer {method} {path} as Kibana does ({error}): check that "
                "kibana_url names Kibana itself"
            ) from error
        return said

    def _exchange(
        self, method: str, path: str, body: bytes | None, kind: str
    ) -> tuple[int, str, bytes]:
        """Status, its reason, and the answer's first bytes."""
        headers = self._headers | ({"content-type": kind} if kind else {})
        try:
            # A redirect would send the credentials elsewhere, and turn a POST into a GET.
            with self._pool.request(
                method,
                self._url + path,
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
            ) as answer:
                return answer.status, str(answer.reason), answer.read(_MAX_ANSWER_BYTES)
        except HTTPError as error:
            reason = str(error.__cause__ or error)[:MAX_REASON]
            what = f"Kibana at {self._url} cannot be reached ({reason}): check the address"
            raise Unavailable(what) from error


def _failure(status: int, reason: str, answer: bytes, request: str) -> Refused | Unavailable:
    try:
        said = str(json.loads(answer)["message"])[:MAX_REASON]
    except (ValueError, KeyError, TypeError):
        said = reason
    if status == HTTPStatus.UNAUTHORIZED:
        return Refused("Kibana does not accept these credentials: check user or API key")
    if status == HTTPStatus.FORBIDDEN:
        needs = "the Kibana privilege Saved Objects Management, and for rules the privilege Rules"
        return Refused(f"{request} is not permitted: these credentials need {needs} ({said})")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"Kibana cannot answer {request} now ({status}: {said})")
    return Refused(f"Kibana refused {request} ({status}: {said})")
