"""What Elasticsearch has, what its credentials may do, and whether its clock agrees with ours."""

import os
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from shipper.assets.generate.security import api_keys
from shipper.assets.install.change import Change, Effect
from shipper.assets.install.elasticsearch import install_in_cluster
from shipper.catalog import IndexStrategy
from shipper.config import Config
from shipper.doctor.finding import Finding, ok, problem, warning
from shipper.errors import Refused, Unavailable
from shipper.outputs.elasticsearch.api import api_client
from shipper.outputs.elasticsearch.config import ElasticsearchConfig

if TYPE_CHECKING:  # costs 170 ms
    from elasticsearch import Elasticsearch

_JSON = {"accept": "application/json", "content-type": "application/json"}
_OLDEST = (8, 10)
_MAX_OFFSET_S = 5.0
_MAX_NAMED = 3
#: A key of a shipper should not have these: it could change what it has shipped.
_TOO_MUCH = ("delete", "delete_index")
_TIME = "/_nodes/_local/stats/process?filter_path=nodes.*.timestamp"


def cluster(config: Config) -> Iterator[Finding]:
    """All findings about the cluster of `output.elasticsearch`."""
    settings = config.outputs.get("elasticsearch")
    if not isinstance(settings, ElasticsearchConfig):
        return
    with api_client(settings) as opened:
        client = opened.options(max_retries=0)  # a person waits
        try:
            _, about, headers = _ask(client, "GET", "/")
        except Unavailable:  # a finding of `outputs`
            return
        yield from _version(about)
        yield from _clock(client, headers)
        yield from _privileges(client, config)
        yield from _assets(client, config)
        if config.scope.index_strategy is IndexStrategy.DATA_STREAM:
            yield from _old_streams(client)


def _ask(
    client: "Elasticsearch", method: str, path: str, body: object = None
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """Status, answer and headers; raises `Unavailable` if there is no answer.

    An answer that is not an object, as of a proxy, is {}.
    """
    from elasticsearch import ApiError, TransportError

    try:
        answer = client.perform_request(method, path, headers=_JSON, body=body)
    except ApiError as error:
        said = error.body if isinstance(error.body, dict) else {}
        return error.status_code, said, error.meta.headers
    except TransportError as error:
        raise Unavailable(f"Elasticsearch cannot be reached ({error})") from error
    found = answer.body if isinstance(answer.body, dict) else {}
    return answer.meta.status, found, answer.meta.headers


def _version(about: Mapping[str, Any]) -> Iterator[Finding]:
    """The version, if these credentials may see it."""
    number = str(about.get("version", {}).get("number", ""))
    parts = tuple(int(part) for part in number.split(".")[:2] if part.isdigit())
    if parts and parts < _OLDEST:
        what = f"Elasticsearch {number} is older than {'.'.join(map(str, _OLDEST))}"
        yield warning("elasticsearch", what, "upgrade it; older versions are not tested")
    elif parts:
        yield ok("elasticsearch", f"Elasticsearch {number}")


def _clock(client: "Elasticsearch", headers: Mapping[str, str]) -> Iterator[Finding]:
    """The difference between the cluster's clock and this machine's."""
    asked_s = time.time()
    there_s = _header_time(headers)
    resolution_s = 1.0  # of the header
    if there_s is None:
        found = _ask(client, "GET", _TIME)[1]
        stamps = [node["timestamp"] for node in found.get("nodes", {}).values()]
        there_s = stamps[0] / 1000 if stamps else None
        resolution_s = 0.0
    now_s = time.time()
    if there_s is None:
        return
    offset_s = max(asked_s - there_s - resolution_s, there_s - now_s, 0.0)
    if offset_s > _MAX_OFFSET_S:
        what = f"this clock and the cluster's differ by {offset_s:.0f} s"
        yield warning("clock", what, "synchronize both: timedatectl set-ntp true")
    else:
        yield ok("clock", "this clock agrees with the cluster's")


def _header_time(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None


def _privileges(client: "Elasticsearch", config: Config) -> Iterator[Finding]:
    """Whether the credentials may do what a shipper does, and no more."""
    [descriptor] = api_keys(config.catalog, config.scope)["mcp-shipper-writer"][
        "role_descriptors"
    ].values()
    wanted = {"cluster": descriptor["cluster"], "index": descriptor["indices"]}
    status, answer, _ = _ask(client, "POST", "/_security/user/_has_privileges", wanted)
    if status in _NO_SECURITY:
        what = "the cluster requires no credentials: anybody who can reach it can change events"
        yield warning("privileges", what, "enable security in Elasticsearch")
    elif status == _UNAUTHORIZED:
        fix = "make an API key (mcp-shipper export api-key mcp-shipper-writer), then: keystore add"
        what = "Elasticsearch does not accept the credentials"
        yield problem("privileges", what, fix, os.EX_NOPERM)
    elif status == _OK:
        yield from _of_answer(answer)
        yield from _too_much(client, descriptor)


_OK, _UNAUTHORIZED = 200, 401
#: No such route, or a route that says that security is off.
_NO_SECURITY = (400, 404, 405, 500)


def _of_answer(answer: Mapping[str, Any]) -> Iterator[Finding]:
    missing = sorted(_missing(answer))
    if missing:
        more = f" and {len(missing) - _MAX_NAMED} more" if len(missing) > _MAX_NAMED else ""
        what = f"the credentials lack {', '.join(missing[:_MAX_NAMED])}{more}"
        fix = "give the key the body of: mcp-shipper export api-key mcp-shipper-writer"
        yield problem("privileges", what, fix, os.EX_NOPERM)
    else:
        yield ok("privileges", "the credentials can add events and compare them")


def _missing(answer: Mapping[str, Any]) -> Iterator[str]:
    for name, has in answer.get("cluster", {}).items():
        if not has:
            yield name
    for index, privileges in answer.get("index", {}).items():
        yield from (f"{name} on {index}" for name, has in privileges.items() if not has)


def _too_much(client: "Elasticsearch", descriptor: Mapping[str, Any]) -> Iterator[Finding]:
    names = [name for row in descriptor["indices"] for name in row["names"]]
    asked = {"index": [{"names": sorted(set(names)), "privileges": list(_TOO_MUCH)}]}
    status, answer, _ = _ask(client, "POST", "/_security/user/_has_privileges", asked)
    rows = answer.get("index", {}).values() if status == _OK else ()
    if any(has for row in rows for has in row.values()):
        what = "the credentials can also delete events"
        fix = "use a key of `mcp-shipper export api-key mcp-shipper-writer`, which can only add"
        yield warning("privileges", what, fix)


def _assets(client: "Elasticsearch", config: Config) -> Iterator[Finding]:
    """Whether `setup` has run, and nothing of it is missing or different."""
    try:
        changes = list(install_in_cluster(client, config.catalog, config.scope, dry_run=True))
    except Refused:
        what = "these credentials may not read templates, so whether `setup` has run is not known"
        fix = "check with the key of setup: mcp-shipper export api-key mcp-shipper-setup"
        yield warning("setup", what, fix)
        return
    yield from compared("setup", changes)


def compared(topic: str, changes: list[Change]) -> Iterator[Finding]:
    """What `setup` would create or update."""
    fix = "mcp-shipper setup --dry-run, then: mcp-shipper setup"
    missing = [f"{one.kind} {one.name}" for one in changes if one.effect is Effect.CREATED]
    differing = [f"{one.kind} {one.name}" for one in changes if one.effect is Effect.UPDATED]
    if missing:
        yield problem(topic, f"{_some(missing)} of {len(changes)} are missing", fix)
    if differing:
        yield warning(topic, f"{_some(differing)} differ from this version's", fix)
    if not missing and not differing:
        yield ok(topic, f"{len(changes)} objects are installed and up to date")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def _old_streams(client: "Elasticsearch") -> Iterator[Finding]:
    """Data streams and indices that exist without our templates: `setup` came after them."""
    status, found, _ = _ask(client, "GET", "/_resolve/index/logs-mcp.*")
    if status != _OK:
        return
    for one in found.get("indices", ()):
        if "data_stream" not in one:
            what = f"{one['name']} is an index, not a data stream: it was made before `setup`"
            fix = f"if nothing in it is needed: DELETE /{one['name']}; otherwise reindex it"
            yield problem("setup", what, fix)
    status, found, _ = _ask(client, "GET", "/_data_stream/logs-mcp.*")
    for row in found.get("data_streams", ()) if status == _OK else ():
        if not str(row.get("template", "")).startswith(_TEMPLATES):
            what = f"{row['name']} follows the template {row.get('template')!r}, not that of setup"
            yield warning("setup", what, f"run setup, then: POST /{row['name']}/_rollover")


_TEMPLATES = "logs-mcp."
