"""What `setup` does to an Elasticsearch: puts there what is missing or differs, and says so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shipper.assets.bodies import (
    MANAGED_BY,
    Body,
    component_templates,
    first_indices,
    index_templates,
    policies,
)
from shipper.assets.ingest import ingest_pipelines
from shipper.catalog import Catalog, Scope
from shipper.errors import DeliveryError, Refused, Unavailable

if TYPE_CHECKING:  # it costs 170 ms and 31 MB, and only `setup` needs it
    from elasticsearch import Elasticsearch

_JSON = {"accept": "application/json", "content-type": "application/json"}
#: How a cluster without ILM answers: no such route, or, on Serverless, gone.
_NO_SUCH_API = frozenset({400, 404, 405, 410})
_IN_USE = frozenset({400})
_ABSENT = frozenset({404})
_SOURCE_MODE_SINCE = (8, 17)  # index.mapping.source.mode; before, it is refused as unknown
_MAX_REASON = 500  # characters of the server's own words
_MAX_CHANGES = 3
_OBJECT = "{...}"


class Action(StrEnum):
    """What became of one thing."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    UNAVAILABLE = "unavailable"  # the cluster does not have the like
    REMOVED = "removed"
    KEPT = "kept"  # in use by data that is still there
    FAILED = "failed"  # refused by the server; the detail says why


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, or on a dry run to be done."""

    kind: str
    name: str
    action: Action
    detail: str = ""


class _Kind(StrEnum):
    """The value is the word in the API's path and answers."""

    COMPONENT = "component_template"
    POLICY = "ilm/policy"
    PIPELINE = "ingest/pipeline"
    INDEX = "index_template"

    @property
    def label(self) -> str:
        return _LABELS.get(self.value, self.value.replace("_", " "))


_LABELS = {"ilm/policy": "lifecycle policy", "ingest/pipeline": "ingest pipeline"}


def install(
    client: "Elasticsearch", catalog: Catalog, scope: Scope, *, dry_run: bool = False
) -> Iterator[Step]:
    """Put the templates, pipelines and policies there, each as the iterator is advanced.

    Raises `Unavailable` or `Refused` where the cluster cannot be reached or does not permit it.
    """
    stack = _Stack(client, dry_run=dry_run)
    components = component_templates(catalog, has_source_mode=stack.has_source_mode())
    yield from stack.put(_Kind.COMPONENT, components)
    yield from stack.put(_Kind.PIPELINE, ingest_pipelines(catalog, scope))
    has_ilm = stack.has_ilm()
    wanted = policies(catalog, scope)
    if has_ilm:
        yield from stack.put(_Kind.POLICY, wanted)
    else:
        detail = "this cluster has no ILM; the index template sets the retention instead"
        for name in wanted:
            yield Step(_Kind.POLICY.label, name, Action.UNAVAILABLE, detail)
    yield from stack.put(_Kind.INDEX, index_templates(catalog, scope, has_ilm=has_ilm))
    yield from stack.begin(first_indices(catalog, scope))


def remove(client: "Elasticsearch", *, dry_run: bool = False) -> Iterator[Step]:
    """Take away what carries our mark; never data, nor what existing data still needs."""
    stack = _Stack(client, dry_run=dry_run)
    yield from stack.remove(_Kind.INDEX)
    if stack.has_ilm():
        yield from stack.remove(_Kind.POLICY)
    yield from stack.remove(_Kind.PIPELINE)
    yield from stack.remove(_Kind.COMPONENT)


class _Stack:
    """One cluster, asked and changed through the client's own transport."""

    def __init__(self, client: "Elasticsearch", *, dry_run: bool) -> None:
        self._client, self._dry_run = client, dry_run

    def has_ilm(self) -> bool:
        return self._try("GET", "/_ilm/policy", accept=_NO_SUCH_API)[0] not in _NO_SUCH_API

    def has_source_mode(self) -> bool:
        version = self._try("GET", "/")[1]["version"]
        major, minor = version["number"].split(".")[:2]
        is_serverless = version.get("build_flavor") == "serverless"  # its number says nothing
        return is_serverless or (int(major), int(minor)) >= _SOURCE_MODE_SINCE

    def put(self, kind: _Kind, wanted: Mapping[str, Body]) -> Iterator[Step]:
        found = self._found(kind)
        for name, body in wanted.items():
            changes = _changes(body, found[name]) if name in found else []
            action = Action.UPDATED if changes else Action.UNCHANGED
            if name not in found:
                action = Action.CREATED
            if action is not Action.UNCHANGED and not self._dry_run:
                self._try("PUT", f"/_{kind}/{name}", body)
            yield Step(kind.label, name, action, _summary(changes))

    def begin(self, wanted: Mapping[str, Body]) -> Iterator[Step]:
        """Make the first index of each alias; one that is there has moved on by itself."""
        for name, body in wanted.items():
            [alias] = body["aliases"]
            status, _ = self._try("GET", f"/_alias/{alias}", accept=_ABSENT)
            action = Action.CREATED if status in _ABSENT else Action.UNCHANGED
            if action is Action.CREATED and not self._dry_run:
                self._try("PUT", f"/{quote(name, safe='')}", body)
            yield Step("index alias", alias, action)

    def remove(self, kind: _Kind) -> Iterator[Step]:
        for name, body in sorted(self._found(kind).items()):
            meta = body.get("policy", body).get("_meta") or {}
            if meta.get("managed_by") == MANAGED_BY:
                yield self._removed(kind, name)

    def _removed(self, kind: _Kind, name: str) -> Step:
        if not self._dry_run:
            status, answer = self._try("DELETE", f"/_{kind}/{name}", accept=_IN_USE)
            if status in _IN_USE:
                return Step(kind.label, name, Action.KEPT, _reason(answer))
        return Step(kind.label, name, Action.REMOVED)

    def _found(self, kind: _Kind) -> dict[str, Body]:
        """What is there, shaped as it is put there."""
        # Where there is no pipeline at all, the answer is 404 and an empty object.
        _, answer = self._try("GET", f"/_{kind}", accept=_ABSENT)
        if kind is _Kind.POLICY:
            return {name: {"policy": row["policy"]} for name, row in answer.items()}
        if kind is _Kind.PIPELINE:
            found: dict[str, Body] = answer
            return found
        return {row["name"]: row[kind] for row in answer[f"{kind}s"]}

    def _try(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        accept: frozenset[int] = frozenset(),
    ) -> tuple[int, Any]:
        """Status and answer; what is no success and not in `accept` raises."""
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


def _changes(ours: Body, theirs: Body) -> list[str]:
    """Where what is installed differs from ours; what only the server knows of does not count."""
    wanted = dict(_flat(ours))
    found = dict(_flat({key: theirs[key] for key in ours if key in theirs}))
    paths = {path for path, value in wanted.items() if found.get(path) != value}
    paths |= {path for path in found.keys() - wanted.keys() if found[path] != "false"}
    return [
        f"{path}: {found.get(path, 'absent')} -> {wanted.get(path, 'absent')}"
        for path in sorted(paths, key=lambda path: ("_meta" in path, path))
        if path.rpartition(".")[0] not in paths  # said of the whole already
    ]


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every node by its path; values as text, for the server gives settings back as text."""
    if isinstance(value, Mapping):
        yield path, _OBJECT
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else name)
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _summary(changes: list[str]) -> str:
    more = f" and {len(changes) - _MAX_CHANGES} more" if len(changes) > _MAX_CHANGES else ""
    return ", ".join(changes[:_MAX_CHANGES]) + more


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
    """The innermost of the causes that an error names."""
    cause = body.get("error", body) if isinstance(body, Mapping) else body
    while isinstance(cause, Mapping) and isinstance(cause.get("caused_by"), Mapping):
        cause = cause["caused_by"]
    said = cause.get("reason") if isinstance(cause, Mapping) else cause
    return str(said or "no reason given")[:_MAX_REASON]
