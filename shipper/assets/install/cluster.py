"""One Elasticsearch cluster, read and changed by its API."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shipper.assets.generate.bodies import MANAGED_BY, Body
from shipper.assets.install.change import Change, Effect, differences, summary
from shipper.errors import DeliveryError, Refused, Unavailable

if TYPE_CHECKING:  # it costs 170 ms and 31 MB, and only `setup` needs it
    from elasticsearch import Elasticsearch

_JSON = {"accept": "application/json", "content-type": "application/json"}
#: Answers of a cluster without ILM: no such route, or gone on Serverless.
_NO_SUCH_API = frozenset({400, 404, 405, 410})
_IN_USE = frozenset({400})
_ABSENT = frozenset({404})
#: Without a template for it, or without the privilege.
_NOT_CREATED = frozenset({400, 403})
_ALIAS = "index alias"
_STREAM = "data stream"
_LIFECYCLE = "index.lifecycle.name"
_FINAL_PIPELINE = "index.final_pipeline"
_SOURCE_MODE_SINCE = (8, 17)  # index.mapping.source.mode; older versions refuse it as unknown
_MAX_REASON = 500  # characters of the server's message


class Kind(StrEnum):
    """A kind of object; the value is its name in the API's paths and answers."""

    COMPONENT = "component_template"
    POLICY = "ilm/policy"
    PIPELINE = "ingest/pipeline"
    INDEX = "index_template"
    ROLE = "security/role"

    @property
    def label(self) -> str:
        return _LABELS.get(self.value, self.value.replace("_", " "))


_LABELS = {
    "ilm/policy": "lifecycle policy",
    "ingest/pipeline": "ingest pipeline",
    "security/role": "role",
}


class Cluster:
    """One cluster, through the client's own transport.

    Each method yields a change for each object. On a dry run it only reads.
    """

    def __init__(self, client: "Elasticsearch", *, dry_run: bool) -> None:
        self._client, self._dry_run = client, dry_run
        #: Data streams, indices and templates that were removed, or would be on a dry run.
        self._removed: set[str] = set()

    def has_ilm(self) -> bool:
        return self._request("GET", "/_ilm/policy", accept=_NO_SUCH_API)[0] not in _NO_SUCH_API

    def has_source_mode(self) -> bool:
        version = self._request("GET", "/")[1]["version"]
        major, minor = version["number"].split(".")[:2]
        is_serverless = version.get("build_flavor") == "serverless"  # its number is meaningless
        return is_serverless or (int(major), int(minor)) >= _SOURCE_MODE_SINCE

    def put(self, kind: Kind, wanted: Mapping[str, Body]) -> Iterator[Change]:
        found = self._found(kind)
        for name, body in wanted.items():
            differing = differences(body, found[name]) if name in found else []
            effect = Effect.UPDATED if differing else Effect.UNCHANGED
            if name not in found:
                effect = Effect.CREATED
            if effect is not Effect.UNCHANGED and not self._dry_run:
                self._request("PUT", f"/_{kind}/{name}", body)
            yield Change(kind.label, name, effect, summary(differing))

    def create_first_indices(self, wanted: Mapping[str, Body]) -> Iterator[Change]:
        """Create the first index of each alias that is missing; ILM makes the later ones."""
        for name, body in wanted.items():
            [alias] = body["aliases"]
            status, _ = self._request("GET", f"/_alias/{alias}", accept=_ABSENT)
            effect = Effect.CREATED if status in _ABSENT else Effect.UNCHANGED
            if effect is Effect.CREATED and not self._dry_run:
                self._request("PUT", f"/{quote(name, safe='')}", body)
            yield Change(_ALIAS, alias, effect)

    def create_first_stream(self, name: str) -> Change:
        """Create the data stream if it is missing; the first event would create it anyway."""
        status, _ = self._request("GET", f"/_data_stream/{name}", accept=_ABSENT)
        if status not in _ABSENT:
            return Change(_STREAM, name, Effect.UNCHANGED)
        if not self._dry_run:
            status, answer = self._request("PUT", f"/_data_stream/{name}", accept=_NOT_CREATED)
            if status in _NOT_CREATED:
                return Change(_STREAM, name, Effect.UNAVAILABLE, _reason(answer))
        return Change(_STREAM, name, Effect.CREATED)

    def remove_unwritten_streams(self) -> Iterator[Change]:
        """Remove each data stream of mcp-shipper's templates that never received an event."""
        templates = self._marked(Kind.INDEX)
        for row in self._streams():
            if row["template"] in templates and not self._is_written(row["name"]):
                self._removed |= {index["index_name"] for index in row["indices"]} | {row["name"]}
                if not self._dry_run:
                    self._request("DELETE", f"/_data_stream/{row['name']}")
                yield Change(_STREAM, row["name"], Effect.REMOVED)

    def _streams(self) -> list[Body]:
        answer = self._request("GET", "/_data_stream?expand_wildcards=all")[1]
        found: list[Body] = answer["data_streams"]
        return found

    def remove_unwritten_aliases(self) -> Iterator[Change]:
        """Remove each alias of mcp-shipper that never received an event, with its indices."""
        for name, body in sorted(self._marked(Kind.INDEX).items()):
            settings = body.get("template", {}).get("settings", {}).get("index", {})
            if alias := settings.get("lifecycle", {}).get("rollover_alias"):
                yield from self._remove_alias(alias, name)

    def _remove_alias(self, alias: str, policy: str) -> Iterator[Change]:
        status, indices = self._request("GET", f"/_alias/{alias}", accept=_ABSENT)
        if status in _ABSENT:
            return
        if self._is_written(alias):
            yield Change(_ALIAS, alias, Effect.KEPT, f"holds events, under the policy {policy}")
            return
        for index in sorted(indices):
            self._removed.add(index)
            if not self._dry_run:
                self._request("DELETE", f"/{index}")
        yield Change(_ALIAS, alias, Effect.REMOVED)

    def _is_written(self, alias: str) -> bool:
        """Whether an event was ever written; a count would miss events since the last refresh."""
        found = self._request("GET", f"/{alias}/_stats?level=shards")[1]["indices"].values()
        shards = (copy for row in found for copies in row["shards"].values() for copy in copies)
        return any(copy["seq_no"]["max_seq_no"] >= 0 for copy in shards)

    def remove(self, kind: Kind, only: Collection[str] = ()) -> Iterator[Change]:
        """Remove the marked objects of a kind, or `only` those with these names."""
        users = self._users(kind)
        for name in sorted(self._marked(kind)):
            if not only or name in only:
                yield self._remove(kind, name, users.get(name, []))

    def _remove(self, kind: Kind, name: str, users: list[str]) -> Change:
        if users:
            return Change(kind.label, name, Effect.KEPT, f"in use by {_abridged(users)}")
        if not self._dry_run:
            status, answer = self._request("DELETE", f"/_{kind}/{name}", accept=_IN_USE)
            if status in _IN_USE:  # by a user that came after the list was read
                return Change(kind.label, name, Effect.KEPT, _reason(answer))
        self._removed.add(name)
        return Change(kind.label, name, Effect.REMOVED)

    def _users(self, kind: Kind) -> dict[str, list[str]]:
        """The users of each object, so that a dry run knows which removals would be refused."""
        match kind:
            case Kind.INDEX:
                return _users_by_object(
                    (row["template"], row["name"])
                    for row in self._streams()
                    if row["name"] not in self._removed
                )
            case Kind.POLICY:
                return _users_by_object(self._set_in_indices(_LIFECYCLE))
            case Kind.COMPONENT:
                templates = self._kept(Kind.INDEX)
                return _users_by_object(
                    (one, name) for name, row in templates for one in row.get("composed_of", ())
                )
            case Kind.PIPELINE:
                return _users_by_object(
                    (*self._set_in_indices(_FINAL_PIPELINE), *self._set_in_components())
                )
        return {}

    def _set_in_indices(self, setting: str) -> Iterator[tuple[str, str]]:
        """The value of a setting and the index that has it."""
        path = f"/_all/_settings/{setting}?expand_wildcards=all&flat_settings=true"
        for index, row in self._request("GET", path)[1].items():
            if setting in row["settings"] and index not in self._removed:
                yield row["settings"][setting], index

    def _set_in_components(self) -> Iterator[tuple[str, str]]:
        for name, row in self._kept(Kind.COMPONENT):
            settings = row["template"].get("settings", {}).get("index", {})
            if "final_pipeline" in settings:
                yield settings["final_pipeline"], name

    def _kept(self, kind: Kind) -> Iterator[tuple[str, Body]]:
        found = self._found(kind).items()
        return ((name, row) for name, row in found if name not in self._removed)

    def _marked(self, kind: Kind) -> dict[str, Body]:
        return {name: body for name, body in self._found(kind).items() if _is_marked(body)}

    def _found(self, kind: Kind) -> dict[str, Body]:
        """The installed objects by name, each in the shape of its `PUT`."""
        # Without any pipeline, the answer is 404 and an empty object.
        _, answer = self._request("GET", f"/_{kind}", accept=_ABSENT)
        if kind is Kind.POLICY:
            return {name: {"policy": row["policy"]} for name, row in answer.items()}
        if kind in {Kind.PIPELINE, Kind.ROLE}:
            found: dict[str, Body] = answer
            return found
        return {row["name"]: row[kind] for row in answer[f"{kind}s"]}

    def _request(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        accept: frozenset[int] = frozenset(),
    ) -> tuple[int, Any]:
        """Status and answer; raises on a failure that is not in `accept`."""
        from elasticsearch import ApiError, TransportError

        try:
            answer = self._client.perform_request(method, path, headers=_JSON, body=body)
        except ApiError as error:
            if error.status_code in accept:
                return error.status_code, error.body
            raise _api_failure(error, f"{method} {path}") from error
        except TransportError as error:
            raise _transport_failure(error) from error
        return answer.meta.status, answer.body


def _users_by_object(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The users of each object, from pairs of object and user."""
    found: dict[str, list[str]] = {}
    for used, user in pairs:
        found.setdefault(used, []).append(user)
    return found


def _abridged(names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{min(names)}{more}"


def _is_marked(body: Body) -> bool:
    meta = body.get("policy", body)
    marked = meta.get("_meta") or meta.get("metadata") or {}
    return bool(marked.get("managed_by") == MANAGED_BY)


def _transport_failure(error: Exception) -> DeliveryError:
    from elasticsearch import SSLError

    said = str(error)[:_MAX_REASON]
    if isinstance(error, SSLError):
        return Refused(f"Elasticsearch's certificate was not accepted ({said}): check ssl settings")
    return Unavailable(f"Elasticsearch cannot be reached ({said}): check the host and its state")


def _api_failure(error: Any, request: str) -> DeliveryError:
    status, reason = error.status_code, _reason(error.body)
    if status == HTTPStatus.UNAUTHORIZED:
        return Refused("Elasticsearch does not accept these credentials: check user or API key")
    if status == HTTPStatus.FORBIDDEN:
        needs = (
            "the cluster privileges manage_index_templates, manage_ilm and manage_ingest_pipelines"
        )
        return Refused(f"{request} is not permitted: these credentials need {needs} ({reason})")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"Elasticsearch cannot answer {request} now ({status}: {reason})")
    return Refused(f"Elasticsearch refused {request} ({status}: {reason})")


def _reason(body: object) -> str:
    """The innermost cause that an error names."""
    cause = body.get("error", body) if isinstance(body, Mapping) else body
    while isinstance(cause, Mapping) and isinstance(cause.get("caused_by"), Mapping):
        cause = cause["caused_by"]
    said = cause.get("reason") if isinstance(cause, Mapping) else cause
    return str(said or "no reason given")[:_MAX_REASON]
