"""An API server of Kubernetes with pods alone: real TLS, the real shapes, a history that ends."""

import json
import ssl
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import trustme
import yaml

TOKEN = "eyJ.token.of-the-account"


def pod(name: str, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    """A pod as `kubectl get -o json` shows it, with a container `app`."""
    node, labels, annotations = (
        more.get(key, default) for key, default in (("node", "n1"), ("labels", {}), ("notes", {}))
    )
    identity = more.get("identity", "ab" * 32)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-of-{name}",
            "creationTimestamp": "2026-11-30T10:00:00Z",
            "labels": {"pod-template-hash": "5d", **labels},
            "annotations": annotations,
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "web-5d",
                    "uid": "u",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
            "managedFields": [{"manager": "kubelet", "operation": "Update"}],
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": "app", "image": "shop:1", "resources": {}}],
            "restartPolicy": "Always",
        },
        "status": {
            "phase": "Running",
            "podIP": "10.1.2.3",
            "containerStatuses": [
                {
                    "name": "app",
                    "containerID": f"containerd://{identity}",
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": "2026-11-30T10:00:01Z"}},
                }
            ],
        },
    }


def status(code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


class ApiServer:
    """Holds pods, and tells watchers of each change."""

    def __init__(self, folder: Path) -> None:
        """Certificates and a kubeconfig are written to `folder`."""
        self._authority = trustme.CA()
        self._changed = threading.Condition()
        self._pods: dict[tuple[str, str], dict[str, Any]] = {}
        #: The version of each change, and the change.
        self._history: list[tuple[int, dict[str, Any]]] = []
        self._version = 1000
        #: Changes up to this version are forgotten.
        self._compacted = 0
        self._generation = 0
        self.token = TOKEN
        self.page = 500
        self.lists: list[dict[str, str]] = []
        self.watches: list[dict[str, str]] = []
        self.folder = folder
        self._http = self._server()
        self._write_kubeconfig()

    @property
    def kubeconfig(self) -> str:
        return str(self.folder / "kubeconfig")

    @property
    def port(self) -> int:
        return self._http.server_port

    def put(self, one: dict[str, Any]) -> None:
        """Add or change a pod."""
        meta = one["metadata"]
        key = meta["namespace"], meta["name"]
        kind = "MODIFIED" if key in self._pods else "ADDED"
        self._note(kind, key, one)

    def delete(self, namespace: str, name: str) -> None:
        self._note("DELETED", (namespace, name), self._pods[namespace, name])

    def bookmark(self) -> None:
        """Move all watchers on to a version without a change of theirs."""
        self._note("BOOKMARK", None, {"kind": "Pod", "apiVersion": "v1", "metadata": {}})

    def compact(self) -> None:
        """Forget all changes so far: their versions are too old from now on."""
        with self._changed:
            self._forget()

    def hang_up(self) -> None:
        """End all watches."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()

    def expire_watches(self) -> None:
        """End all watches as a server does whose cache was compacted: an ERROR with 410."""
        gone = status(410, "Expired", "too old resource version: 1 (2)")
        with self._changed:
            self._forget()
            self._history.append((self._version, {"type": "ERROR", "object": gone}))
            self._changed.notify_all()
        self.hang_up()

    def _forget(self) -> None:
        self._version += 1
        self._history.clear()
        self._compacted = self._version

    def _note(self, kind: str, key: tuple[str, str] | None, one: dict[str, Any]) -> None:
        with self._changed:
            self._version += 1
            version = {"resourceVersion": str(self._version)}
            one = {**one, "metadata": {**one["metadata"], **version}}
            if kind == "DELETED" and key:
                self._pods.pop(key)
            elif key:
                self._pods[key] = one
            self._history.append((self._version, {"type": kind, "object": one}))
            self._changed.notify_all()

    # --- HTTP

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        address = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        if handler.headers["Authorization"] != f"Bearer {self.token}":
            self._send(handler, 401, status(401, "Unauthorized", "Unauthorized"))
        elif address.path not in ("/api/v1/pods", "/api/v1/namespaces/shop/pods"):
            self._send(handler, 404, status(404, "NotFound", "the server could not find it"))
        elif query.get("watch") == "1":
            self._watch(handler, query)
        else:
            self._list(handler, query)

    def _list(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        with self._changed:
            self.lists.append(query)
            found = [one for one in self._pods.values() if self._selects(query, one)]
            start = int(query.get("continue", "0"))
            limit = min(int(query.get("limit", "500")), self.page)
            more = start + limit < len(found)
            metadata = {
                "resourceVersion": str(self._version),
                **({"continue": str(start + limit)} if more else {}),
            }
            items = [
                {key: value for key, value in one.items() if key not in ("kind", "apiVersion")}
                for one in found[start : start + limit]
            ]
        body = {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}
        self._send(handler, 200, body)

    def _watch(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        version = int(query["resourceVersion"])
        with self._changed:
            self.watches.append(query)
            generation = self._generation
            if version < self._compacted:
                text = f"too old resource version: {version} ({self._compacted})"
                self._send(handler, 410, status(410, "Expired", text))
                return
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with suppress(OSError):
            while True:
                with self._changed:
                    new = [(at, one) for at, one in self._history if at > version]
                    is_over = generation != self._generation
                    if not new and not is_over:
                        self._changed.wait(30)
                        continue
                for at, change in new:
                    version = at
                    if change["type"] in ("BOOKMARK", "ERROR") or self._selects(
                        query, change["object"]
                    ):
                        data = json.dumps(change).encode() + b"\n"
                        handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                if is_over:
                    handler.wfile.write(b"0\r\n\r\n")
                    return

    def _selects(self, query: dict[str, str], one: dict[str, Any]) -> bool:
        selector = query.get("fieldSelector", "")
        return not selector or selector == f"spec.nodeName={one['spec']['nodeName']}"

    def _send(self, handler: BaseHTTPRequestHandler, code: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _server(self) -> ThreadingHTTPServer:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fake.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        return server

    def _write_kubeconfig(self) -> None:
        self._authority.cert_pem.write_to_path(str(self.folder / "ca.crt"))
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [
                {
                    "name": "k",
                    "cluster": {
                        "server": f"https://127.0.0.1:{self._http.server_port}",
                        "certificate-authority": "ca.crt",
                    },
                }
            ],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
        }
        (self.folder / "kubeconfig").write_text(yaml.safe_dump(content))

    def account(self) -> dict[str, str]:
        """The files of a service account in the folder, and the environment of a pod."""
        (self.folder / "token").write_text(self.token)
        (self.folder / "namespace").write_text("shop")
        port = str(self._http.server_port)
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()
        self._http.shutdown()
        self._http.server_close()
