"""A real witness of C2SP tlog-witness, in Go: litewitness, with its key in an ssh-agent."""

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tests.real import Missing
from tests.real.golang import go_program
from tests.real.processes import dies_with_us, free_ports, wait_until

SOURCE = Path(__file__).parent / "witness"
_PROGRAM = "filippo.io/torchwood/cmd/litewitness"
_TABLES = """
CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);
CREATE TABLE key (
    origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin)
);
"""
_NO_TREE = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@contextmanager
def litewitness(home: Path, logs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The address and the key of a witness of these logs (origin to key)."""
    if not all(map(shutil.which, ("ssh-agent", "ssh-add", "ssh-keygen"))):
        raise Missing("litewitness keeps its key in an ssh-agent; install openssh-client")
    program = go_program(SOURCE, _PROGRAM)
    with closing(sqlite3.connect(home / "db")) as database:
        database.executescript(_TABLES)
        for origin, key in logs.items():
            database.execute("INSERT INTO log VALUES (?, 0, ?)", (origin, _NO_TREE))
            database.execute("INSERT INTO key VALUES (?, ?)", (origin, key))
        database.commit()
    socket, log, (port,) = home / "agent", home / "log", free_ports(1)
    agent = [*dies_with_us(), "ssh-agent", "-D", "-a", socket]
    with subprocess.Popen(agent, stdout=subprocess.DEVNULL) as holder:
        try:
            wait_until(socket.exists, 10, "the ssh-agent")
            words = [
                program,
                "-name",
                "witness.example/w",
                "-db",
                home / "db",
                "-ssh-agent",
                socket,
            ]
            words += ["-key", _key(home, socket), "-listen", f"127.0.0.1:{port}"]
            with (
                log.open("w") as out,
                subprocess.Popen([*dies_with_us(), *words], stderr=out) as one,
            ):
                try:
                    wait_until(lambda: "listening" in log.read_text(), 20, "litewitness")
                    (key,) = re.findall(r'vkey"?[=:]"?([^\s"]+)', log.read_text())
                    yield f"http://127.0.0.1:{port}", key
                finally:
                    one.terminate()
        finally:
            holder.terminate()


def _key(home: Path, socket: Path) -> str:
    """Give the agent a new key; its fingerprint."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "ssh"], check=True)
    add = ["ssh-add", "-q", home / "ssh"]
    subprocess.run(add, check=True, env={"SSH_AUTH_SOCK": str(socket), "PATH": "/usr/bin:/bin"})
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", home / "ssh.pub"], check=True, capture_output=True, text=True
    )
    return shown.stdout.split()[1]
