"""The pods of one node, kept up to date by the API server: one list, then a watch.

The first question about a pod starts a thread. It lists the pods, and watches for changes from the
version of the list on. Where the server no longer has that version (410 Gone), it lists again.
"""

import logging
import os
import random
import socket
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct, field

from shipper.bounds import Duration
from shipper.errors import ProtocolError, Refused, ShipperError
from shipper.outputs.http import Http
from shipper.pods.server import Expired, Server, asked, by_kubeconfig, in_cluster, next_line
from shipper.processors.pod import Pod

_log = logging.getLogger(__name__)

#: More pods than a node can have, of a cluster that is watched as a whole perhaps not all.
_MAX_PODS = 10_000
#: Pods that were deleted: their last lines come later.
_MAX_DELETED = 1_000
#: Pods that are waited for.
_MAX_AWAITED = 10_000
_PAGE = 100
#: etcd stores no larger object than 1.5 MiB.
_MAX_LINE_BYTES = 4 << 20
_MAX_PAGE_BYTES = 64 << 20
#: A watch that ends sooner is asked for again after a delay.
_WATCH_S, _BRIEF_S = 120, 1.0
_LEAST_DELAY_S, _MOST_DELAY_S = 0.5, 30.0

_Key = tuple[str, str]


class Scope(Struct, frozen=True, kw_only=True):
    """Which pods are asked for, where, and how long a line waits for its pod."""

    #: Empty: the server of the cluster that the shipper's own pod is in.
    kube_config: str = ""
    #: Empty: the node of the shipper's own pod.
    node: str = ""
    scope: Literal["node", "cluster"] = "node"
    #: Empty: all namespaces.
    namespace: str = ""
    wait_for_metadata_timeout_s: Duration = 5.0


class _ListMetadata(Struct):
    version: str = field(default="", name="resourceVersion")
    following: str = field(default="", name="continue")


class _PodList(Struct):
    metadata: _ListMetadata = field(default_factory=_ListMetadata)
    items: list[Pod] = field(default_factory=list)


class _Change(Struct):
    type: str
    object: msgspec.Raw


class _VersionOf(Struct):
    version: str = field(default="", name="resourceVersion")


class _Versioned(Struct):
    metadata: _VersionOf = field(default_factory=_VersionOf)
    #: Of a `Status`, which an ERROR has.
    code: int = 0
    message: str = ""


_list_of = msgspec.json.Decoder(_PodList).decode
_change_of = msgspec.json.Decoder(_Change).decode
_version_of = msgspec.json.Decoder(_Versioned).decode
_pod_of = msgspec.json.Decoder(Pod).decode


class Watched:
    """The pods of a scope; any thread may ask."""

    def __init__(self, scope: Scope, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked before the first question."""
        self._scope, self._clock = scope, clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pods: dict[_Key, Pod] = {}
        self._deleted: OrderedDict[_Key, Pod] = OrderedDict()
        self._asked: OrderedDict[_Key, float] = OrderedDict()
        #: Whether the server lets us see no pods, so that waiting is useless.
        self._is_refused = self._is_listed = False

    @property
    def is_listed(self) -> bool:
        return self._is_listed

    def find(self, namespace: str, name: str) -> Pod | None:
        self._start()
        key = namespace, name
        return self._pods.get(key) or self._deleted.get(key)

    def awaits(self, namespace: str, name: str) -> bool:
        if self.find(namespace, name) or self._is_refused:
            return False
        with self._lock:
            first = self._asked.setdefault((namespace, name), self._clock())
            while len(self._asked) > _MAX_AWAITED:
                self._asked.popitem(last=False)
        return self._clock() - first < self._scope.wait_for_metadata_timeout_s

    def _start(self) -> None:
        if self._is_running:
            return
        with self._lock:
            if not self._is_running:
                run = _Run(weakref.ref(self), self._scope)
                self._thread = threading.Thread(target=run, name="pods", daemon=True)
                self._thread.start()

    @property
    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    # --- called by the thread

    def replace(self, pods: dict[_Key, Pod]) -> None:
        """All pods there are now."""
        gone = [pod for key, pod in self._pods.items() if key not in pods]
        self._pods, self._is_refused, self._is_listed = pods, False, True
        for pod in gone:
            self._bury(pod)

    def note(self, pod: Pod, *, is_deleted: bool) -> None:
        """A pod was added, has changed, or was deleted."""
        key = _key(pod)
        if not is_deleted and (key in self._pods or len(self._pods) < _MAX_PODS):
            self._pods[key] = pod
        elif is_deleted and key in self._pods:
            del self._pods[key]
            self._bury(pod)

    def refuse(self) -> None:
        """No pod can be seen until a person acts."""
        self._is_refused = True

    def _bury(self, pod: Pod) -> None:
        self._deleted[_key(pod)] = pod
        while len(self._deleted) > _MAX_DELETED:
            self._deleted.popitem(last=False)


def _key(pod: Pod) -> _Key:
    return pod.metadata.namespace, pod.metadata.name


#: By scope, so that inputs share one watch, also across a reload.
_shared: "weakref.WeakValueDictionary[Scope, Watched]" = weakref.WeakValueDictionary()


def watched(scope: Scope) -> Watched:
    """The pods of a scope; those who ask for the same scope share them."""
    return _shared.setdefault(scope, Watched(scope))


class _Run:
    """The thread: it ends when nobody has the pods any more."""

    def __init__(self, owner: "weakref.ref[Watched]", scope: Scope) -> None:
        self._owner, self._scope = owner, scope
        self._path, self._query = "", {"limit": str(_PAGE)}
        self._problem = ""

    def __call__(self) -> None:
        delay_s = _LEAST_DELAY_S
        while self._owner():
            started = time.monotonic()
            try:
                self._follow()
                continue
            except Expired:
                time.sleep(random.uniform(0.0, _LEAST_DELAY_S))  # noqa: S311 - as below
                continue
            except ShipperError as error:
                self._report(str(error), is_refused=isinstance(error, Refused))
            except (OSError, ValueError, msgspec.DecodeError, RecursionError) as error:
                self._report(f"the list of pods cannot be read ({error})", is_refused=False)
            delay_s = _LEAST_DELAY_S if time.monotonic() - started > _MOST_DELAY_S else delay_s
            time.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads requests
            delay_s = min(delay_s * 2, _MOST_DELAY_S)

    def _follow(self) -> None:
        """List, then watch until the version expires or something fails."""
        server = _server(self._scope)
        http = server.http()
        try:
            self._choose(server, http)
            version = self._list(server, http)
            if self._problem:
                _log.info("The pods of Kubernetes are known again.")
                self._problem = ""
            while self._owner():
                started = time.monotonic()
                version = self._watch(server, http, version)
                if time.monotonic() - started < _BRIEF_S:
                    time.sleep(_LEAST_DELAY_S)
        finally:
            http.close()

    def _choose(self, server: Server, http: Http) -> None:
        namespace = self._scope.namespace
        self._path = f"/api/v1/namespaces/{quote(namespace)}/pods" if namespace else "/api/v1/pods"
        if self._scope.scope == "node":
            node = self._scope.node or _own_node(server, http)
            self._query["fieldSelector"] = f"spec.nodeName={node}"

    def _list(self, server: Server, http: Http) -> str:
        pods: dict[_Key, Pod] = {}
        page = ""
        while True:
            more = {"continue": page} if page else {}
            target = f"{self._path}?{urlencode({**self._query, **more})}"
            with asked(server, http, target) as response:
                found = _list_of(response.read(_MAX_PAGE_BYTES))
            pods |= {_key(pod): pod for pod in found.items}
            page = found.metadata.following
            if not page or len(pods) >= _MAX_PODS:
                break
        if owner := self._owner():
            owner.replace(pods)
        return found.metadata.version

    def _watch(self, server: Server, http: Http, version: str) -> str:
        """Take the changes since `version`; the version of the last one, when the watch ends."""
        query = {key: value for key, value in self._query.items() if key != "limit"}
        query |= {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH_S)}
        target = f"{self._path}?{urlencode({**query, 'resourceVersion': version})}"
        with asked(server, http, target) as response:
            while line := next_line(response, _MAX_LINE_BYTES):
                version = self._take(_change_of(line)) or version
        return version

    def _take(self, change: _Change) -> str:
        """Note a change; the version that it leads to."""
        about = _version_of(change.object)
        if change.type == "ERROR":
            if about.code == _GONE:
                raise Expired
            raise ProtocolError(f"the watch of pods failed: {about.message}")
        owner = self._owner()
        if owner and change.type != "BOOKMARK":
            owner.note(_pod_of(change.object), is_deleted=change.type == "DELETED")
        return about.metadata.version

    def _report(self, problem: str, *, is_refused: bool) -> None:
        """Log a problem once, until there is another one."""
        if is_refused and (owner := self._owner()):
            owner.refuse()
        if problem != self._problem:
            self._problem = problem
            _log.warning("Pods of Kubernetes: %s; trying again.", problem)


_GONE = 410


def _server(scope: Scope) -> Server:
    if scope.kube_config:
        return by_kubeconfig(Path(scope.kube_config))
    server = in_cluster()
    if server is None:
        raise Refused(
            "there is no API server to ask: the shipper is not in a pod with a service account, "
            "and kube_config is not set"
        )
    return server


def can_ask(scope: Scope) -> bool:
    """Whether there is a server to ask."""
    return bool(scope.kube_config or in_cluster())


def _own_node(server: Server, http: Http) -> str:
    """The node of the shipper's own pod, whose name is the host's; otherwise the host."""
    name, namespace = socket.gethostname(), _own_namespace()
    if node := os.environ.get("NODE_NAME"):
        return node
    if not namespace:
        return name
    target = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name)}"
    with asked(server, http, target) as response:
        return _pod_of(response.read(_MAX_LINE_BYTES)).spec.node or name


def _own_namespace() -> str:
    try:
        return Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read_text().strip()
    except OSError:
        return ""
