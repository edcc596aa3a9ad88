"""A small proxy on a real socket: CONNECT and plain HTTP, and SOCKS 5 with and without a login."""

import base64
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


def _pump(source, sink):
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Proxy:
    """Records which hosts it was asked for; `answer` replaces what it answers to CONNECT."""

    def __init__(self, kind, *, login=None, answer=None):
        self.kind, self.login, self.answer = kind, login, answer
        self.asked = []
        self.heads = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self._server, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with suppress(OSError, IndexError, ValueError):
            if upstream := getattr(self, f"_{self.kind}")(client):
                self._open.append(upstream)
                threading.Thread(target=_pump, args=(upstream, client), daemon=True).start()
                _pump(client, upstream)

    def _http(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        self.heads.append(head)
        if self.answer is not None:
            client.sendall(self.answer)
            client.close()
            return None
        wanted = base64.b64encode((self.login or "").encode())
        if self.login and b"Proxy-Authorization: Basic " + wanted not in head:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return None
        method, target, _ = head.split(b" ", 2)
        if method == b"CONNECT":
            upstream = self._reach(*target.decode().rsplit(":", 1))
            client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            return upstream
        url = urlsplit(target.decode())
        upstream = self._reach(url.hostname, url.port)
        upstream.sendall(head.replace(target, url.path.encode() + b"?" + url.query.encode(), 1))
        return upstream

    def _socks(self, client):
        count = client.recv(2)[1]
        methods = client.recv(count)
        if self.login:
            if 2 not in methods:
                client.sendall(b"\x05\xff")
                return None
            client.sendall(b"\x05\x02")
            user = client.recv(client.recv(2)[1])
            password = client.recv(client.recv(1)[0])
            if f"{user.decode()}:{password.decode()}" != self.login:
                client.sendall(b"\x01\x01")
                return None
            client.sendall(b"\x01\x00")
        else:
            client.sendall(b"\x05\x00")
        kind = client.recv(4)[3]
        if kind == 3:
            host = client.recv(client.recv(1)[0]).decode()
        else:
            host = socket.inet_ntop(
                socket.AF_INET if kind == 1 else socket.AF_INET6,
                client.recv(4 if kind == 1 else 16),
            )
        upstream = self._reach(host, int.from_bytes(client.recv(2), "big"))
        for byte in b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00":  # the answer may come in pieces
            client.sendall(bytes([byte]))
        return upstream

    def _reach(self, host, port):
        self.asked.append(f"{host}:{port}")
        return socket.create_connection(("127.0.0.1" if host == "log.test" else host, int(port)))
