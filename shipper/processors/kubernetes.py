"""The pod that a line is from: `add_kubernetes_metadata`, without asking the API server.

A line of a container's log on the node (`/var/log/containers`, `/var/log/pods`) is of the pod that
the name of its file says. Any other line is of the shipper's own pod, as a sidecar's are: the
sources are the environment variables and the files of a `downwardAPI` volume that the pod's
manifest defines.
"""

import ast
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import Struct, field

from shipper.processors.cached import Cached
from shipper.processors.event import MISSING, Event, below, find, merged, put
from shipper.processors.fields import AddFields

#: A field, and the environment variable or the file of the volume that it comes from.
_PLACES = (
    ("pod.name", "POD_NAME", "name"),
    ("namespace", "POD_NAMESPACE", "namespace"),
    ("pod.uid", "POD_UID", "uid"),
    ("pod.ip", "POD_IP", ""),
    ("node.name", "NODE_NAME", ""),
)
#: The kubelet rewrites labels and annotations within a minute or two of a change.
_TTL_S = 60.0


class _DedotConfig(Struct, frozen=True, kw_only=True):
    """Whether dots in names become `_`; otherwise `app` and `app.kubernetes.io/name` conflict."""

    dedot: bool = True


class KubernetesConfig(Struct, frozen=True, kw_only=True):
    """The options of `add_kubernetes_metadata`."""

    labels: _DedotConfig = field(default_factory=_DedotConfig)
    annotations: _DedotConfig = field(default_factory=_DedotConfig)
    #: The annotations to add; a pod can have many long ones.
    include_annotations: tuple[str, ...] = ()
    #: Where the `downwardAPI` volume is mounted.
    podinfo: str = "/etc/podinfo"


class AddKubernetesMetadata:
    """Adds `kubernetes.*` to events that have none, and the id of a container's log."""

    def __init__(self, config: KubernetesConfig) -> None:
        self._facts = Cached(lambda: AddFields(facts(config)), _TTL_S)

    def process(self, event: Event) -> Event:
        if find(event, "kubernetes") is not MISSING or below(event, "kubernetes"):
            return event
        path = find(event, "log.file.path")
        if type(path) is str and (match := _LOG.search(path)):
            return merged(event, _of_log(*match.groups()))
        return self._facts().process(event)

    def may_touch(self, _line: bytes) -> bool:
        return True


#: /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log, and
#: /var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log with its rotated copies.
_LOG = re.compile(
    r"/containers/([a-z0-9.-]{1,253})_([a-z0-9-]{1,63})_([a-z0-9-]{1,63})-([0-9a-f]{64})\.log\Z"
    r"|/pods/([a-z0-9-]{1,63})_([a-z0-9.-]{1,253})_([0-9a-f-]{1,64})/([a-z0-9-]{1,63})/[^/]+\Z"
)


@lru_cache(maxsize=4096)  # as many containers as a node has
def _of_log(*found: str | None) -> Event:
    """What the name of a container's log says."""
    pod, namespace, container, identity, namespace_2, pod_2, uid, container_2 = found
    of_pod = {"name": pod or pod_2, "uid": uid}
    node = {"name": os.environ.get("NODE_NAME")}
    kubernetes = {
        "namespace": namespace or namespace_2,
        "pod": {key: value for key, value in of_pod.items() if value},
        "container": {"name": container or container_2},
        **({"node": node} if node["name"] else {}),
    }
    return {"kubernetes": kubernetes, **({"container": {"id": identity}} if identity else {})}


def facts(config: KubernetesConfig) -> Event:
    """What the downward API says about this pod; empty outside a pod."""
    podinfo = Path(config.podinfo)
    found: Event = {}
    for path, variable, name in _PLACES:
        value = os.environ.get(variable) or (name and _read(podinfo / name).strip())
        if value:
            found = put(found, f"kubernetes.{path}", value)
    labels = dict(_pairs(podinfo / "labels"))
    annotations = dict(_pairs(podinfo / "annotations"))
    chosen = {name: annotations[name] for name in config.include_annotations if name in annotations}
    if labels:
        found = put(found, "kubernetes.labels", _dedotted(labels, config.labels))
    if chosen:
        found = put(found, "kubernetes.annotations", _dedotted(chosen, config.annotations))
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The pairs of the lines `name="value"`; Python can read the way Go quotes a value."""
    for line in _read(path).splitlines():
        name, equals, quoted = line.partition("=")
        if equals:
            yield name, str(ast.literal_eval(quoted))


def _dedotted(pairs: dict[str, str], config: _DedotConfig) -> dict[str, str]:
    if not config.dedot:
        return pairs
    return {name.replace(".", "_"): value for name, value in pairs.items()}
