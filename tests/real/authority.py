"""A time-stamp authority: `openssl ts -reply` behind a small HTTP server."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from tests.real import Missing

_SETTINGS = """
[tsa]
default_tsa = one
[one]
serial = {home}/serial
crypto_device = builtin
signer_cert = {home}/tsa.pem
signer_key = {home}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
[ca]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
keyUsage = critical,keyCertSign
[leaf]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[req]
distinguished_name = dn
[dn]
"""

_NEW = "req -config cnf -newkey rsa:2048 -nodes"
_BY_ROOT = "-CA ca.pem -CAkey ca.key -set_serial 2 -days 30"
_COMMANDS = (
    f"{_NEW} -x509 -days 30 -subj /CN=root -extensions ca -keyout ca.key -out ca.pem",
    f"{_NEW} -subj /CN=tsa -keyout tsa.key -out tsa.csr",
    f"x509 -req -in tsa.csr {_BY_ROOT} -extfile cnf -extensions leaf -out tsa.pem",
)


class Authority(NamedTuple):
    """Where it answers, and the certificate of its root."""

    url: str
    root: Path


@contextmanager
def authority(home: Path) -> Iterator[Authority]:
    """An authority with a key of its own."""
    if not shutil.which("openssl"):
        raise Missing("the time-stamp authority is OpenSSL's; install openssl")
    _make_keys(home)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(home)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Authority(f"http://127.0.0.1:{server.server_port}/tsr", home / "ca.pem")
        finally:
            server.shutdown()
            thread.join()


def _make_keys(home: Path) -> None:
    (home / "serial").write_text("01\n")
    (home / "cnf").write_text(_SETTINGS.format(home=home))
    for command in _COMMANDS:
        _openssl(home, *command.split())


def _openssl(home: Path, *words: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        ["openssl", *words], cwd=home, input=stdin, capture_output=True, check=False
    )
    if done.returncode:
        raise Missing(f"openssl {words[0]}: {done.stderr.decode(errors='replace')[-200:]}")
    return done.stdout


def _handler(home: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            (home / "query").write_bytes(query)
            words = ("ts", "-reply", "-config", "cnf", "-section", "one", "-queryfile", "query")
            answer = _openssl(home, *words)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Quiet."""

    return Handler
