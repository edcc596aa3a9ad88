"""The pod that a line is from: `add_kubernetes_metadata`.

A line of a container's log on the node (`/var/log/containers`, `/var/log/pods`) is of the pod that
the name of its file says; the API server, where it can be asked, knows the rest. Any other line is
of the shipper's own pod, as a sidecar's are: the sources are the environment variables and the
files of a `downwardAPI` volume that the pod's manifest defines.
"""

import ast
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field

from shipper.processors.cached import Cached
from shipper.processors.event import MISSING, Event, below, find, merged, put
from shipper.processors.fields import AddFields
from shipper.processors.pod import Pod, Pods

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


class Dedot(Struct, frozen=True, kw_only=True):
    """Whether dots in names become `_`; otherwise `app` and `app.kubernetes.io/name` conflict."""

    dedot: bool = True


class KubernetesConfig(Struct, frozen=True, kw_only=True):
    """The options of `add_kubernetes_metadata`."""

    labels: Dedot = field(default_factory=Dedot)
    annotations: Dedot = field(default_factory=Dedot)
    #: The annotations to add; a pod can have many long ones.
    include_annotations: tuple[str, ...] = ()
    #: Where the `downwardAPI` volume is mounted.
    podinfo: str = "/etc/podinfo"


class AddKubernetesMetadata:
    """Adds `kubernetes.*` to events that have none, and what is known of a log's container."""

    def __init__(self, config: KubernetesConfig, pods: Pods | None = None) -> None:
        """Without `pods` the API server is not asked."""
        self.config, self.pods = config, pods
        self._facts = Cached(lambda: AddFields(facts(config)), _TTL_S)
        self._known: dict[str, tuple[Pod | None, Event]] = {}

    @property
    def may_wait(self) -> bool:
        """Whether there is somebody to ask."""
        return self.pods is not None

    def awaits(self, path: str) -> bool:
        """Whether the pod of a container's log is not known yet, and may still be soon."""
        log = log_of(path) if self.pods else None
        return bool(self.pods and log and self.pods.awaits(log.namespace, log.pod))

    def process(self, event: Event) -> Event:
        if find(event, "kubernetes") is not MISSING or below(event, "kubernetes"):
            return event
        path = find(event, "log.file.path")
        if type(path) is str and (log := log_of(path)):
            return merged(event, self._of_log(path, log))
        return self._facts().process(event)

    def may_touch(self, _line: bytes) -> bool:
        return True

    def _of_log(self, path: str, log: "Log") -> Event:
        pod = self.pods.find(log.namespace, log.pod) if self.pods else None
        known = self._known.get(path)
        if known is None or known[0] is not pod:
            while len(self._known) >= _MAX_LOGS:
                self._known.pop(next(iter(self._known)), None)
            known = self._known[path] = pod, container_facts(log, pod, self.config)
        return known[1]


#: /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log, and
#: /var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log with its rotated copies.
_LOG = re.compile(
    r"/containers/([a-z0-9.-]{1,253})_([a-z0-9-]{1,63})_([a-z0-9-]{1,63})-([0-9a-f]{64})\.log\Z"
    r"|/pods/([a-z0-9-]{1,63})_([a-z0-9.-]{1,253})_([0-9a-f-]{1,64})/([a-z0-9-]{1,63})/[^/]+\Z"
)


class Log(NamedTuple):
    """What the name of a container's log says."""

    namespace: str
    pod: str
    container: str
    #: Each is in one of the two places alone.
    uid: str
    identity: str


#: As many containers as a node has.
_MAX_LOGS = 4096


@lru_cache(maxsize=_MAX_LOGS)
def log_of(path: str) -> Log | None:
    """The pod and the container of a log; None for another file."""
    if not (match := _LOG.search(path)):
        return None
    pod, namespace, container, identity, namespace_2, pod_2, uid, container_2 = match.groups("")
    return Log(namespace or namespace_2, pod or pod_2, container or container_2, uid, identity)


def container_facts(log: Log, pod: Pod | None, config: KubernetesConfig) -> Event:
    """What is known of a container, under the names of Filebeat."""
    named = {"name": log.pod, "uid": log.uid}
    node = os.environ.get("NODE_NAME")
    found: Event = {
        "namespace": log.namespace,
        "pod": {key: value for key, value in named.items() if value},
        **({"node": {"name": node}} if node else {}),
    }
    if pod:
        found = {**found, **pod.facts(), **_own_words(pod, config)}
    runtime, identity = pod.running(log.container) if pod else ("", "")
    container: Event = {"id": log.identity or identity, "runtime": runtime}
    if pod and (image := pod.image(log.container)):
        container["image"] = {"name": image}
    container = {key: value for key, value in container.items() if value}
    found["container"] = {"name": log.container}
    return {"kubernetes": found, **({"container": container} if container else {})}


def _own_words(pod: Pod, config: KubernetesConfig) -> Event:
    """Labels and annotations."""
    labels, all_annotations = dict(pod.metadata.labels or {}), pod.annotations
    chosen = {n: all_annotations[n] for n in config.include_annotations if n in all_annotations}
    found = {
        "labels": _dedotted(labels, config.labels),
        "annotations": _dedotted(chosen, config.annotations),
    }
    return {key: value for key, value in found.items() if value}


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


def _dedotted(pairs: dict[str, str], config: Dedot) -> dict[str, str]:
    if not config.dedot:
        return pairs
    return {name.replace(".", "_"): value for name, value in pairs.items()}
