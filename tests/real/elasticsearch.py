"""A real Elasticsearch 9.4.3: one node, our test plugin, its data in a temp folder."""

import base64
import http.client
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real import Missing
from tests.real.cache import cache_root
from tests.real.distribution import distribution
from tests.real.processes import dies_with_us, free_ports, wait_until

START_TIMEOUT_S = 180  # 10 s on an idle machine; a busy one with two cores takes its time
STOP_TIMEOUT_S = 30
LOG_TAIL_CHARS = 4000

SETTINGS = """\
discovery.type: single-node
network.host: 127.0.0.1
http.port: {http_port}
transport.port: {transport_port}
path.data: {folder}/data
path.logs: {folder}/logs
xpack.security.enabled: {secured}
xpack.security.http.ssl.enabled: false
xpack.security.transport.ssl.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
action.destructive_requires_name: false
http.max_content_length: 10mb
"""
JVM_OPTIONS = """\
-Xms384m
-Xmx384m
-XX:-AlwaysPreTouch
-XX:TieredStopAtLevel=1
-Djava.io.tmpdir=${ES_TMPDIR}
"""


_TRIAL = "/_license/start_trial?acknowledge=true"
#: The superuser of a node with security.
ADMIN = ("admin", "a password of the tests")
#: bcrypt of that password, as the file realm reads it.
_HASH = "$2a$04$.oFo5XrjPd4q6gJ91IohtetwXx1QfMZvMYJzG39vgj36/uiUKaEGC"


class Elasticsearch:
    """Starts on entry; on exit it is gone, with its data.

    In between it can be stopped or killed and started again: same port, same data. A node with
    security has one user, `ADMIN`, and a trial licence, which limits on documents need.
    """

    def __init__(self, *, secured: bool = False) -> None:
        self._secured = secured
        if os.geteuid() == 0:
            _check_reachable(cache_root())
        self._parts = distribution()
        self._http_port, self._transport_port = free_ports(2)
        self._folder = Path(tempfile.mkdtemp(prefix="mcp-shipper-elasticsearch-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._lay_out()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http_port}"

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def start(self) -> Self:
        """Returns when the node answers; an error that it does not carries the end of its log."""
        java = [*dies_with_us(as_nobody=True), str(self._parts.jdk / "bin/java")]
        libraries = self._parts.home / "lib/tools/server-launcher/*"
        launcher = "org.elasticsearch.server.launcher.ServerLauncher"
        with (self._folder / "out.log").open("wb") as out:
            self._process = subprocess.Popen(
                [*java, "-cp", str(libraries), launcher],
                cwd=self._parts.home,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until(self._answers, START_TIMEOUT_S, "Elasticsearch is up")
        except BaseException as error:
            error.add_note(f"The end of its log:\n{self.log()[-LOG_TAIL_CHARS:]}")
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Ends the node as an administrator would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """Ends the node as a power cut would, and its launcher with it."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_TIMEOUT_S)
            self._process = None

    def log(self) -> str:
        """What the node has said since it was last started."""
        return (self._folder / "out.log").read_text(errors="replace")

    def _lay_out(self) -> None:
        config = self._folder / "config"
        shutil.copytree(self._parts.home / "config", config)
        (config / "jvm.options").write_text(JVM_OPTIONS)
        settings = SETTINGS.format(
            folder=self._folder,
            http_port=self._http_port,
            transport_port=self._transport_port,
            secured=str(self._secured).lower(),
        )
        if self._secured:
            (config / "users").write_text(f"{ADMIN[0]}:{_HASH}\n")
            (config / "users_roles").write_text(f"superuser:{ADMIN[0]}\n")
        (config / "elasticsearch.yml").write_text(settings)
        for name in ("data", "logs", "tmp"):
            (self._folder / name).mkdir()
        if os.geteuid() == 0:
            for path in (self._folder, *self._folder.rglob("*")):
                shutil.chown(path, "nobody")

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "ES_HOME": str(self._parts.home),
            "ES_PATH_CONF": str(self._folder / "config"),
            "ES_TMPDIR": str(self._folder / "tmp"),
            "CLI_JAVA_OPTS": f"-Djava.io.tmpdir={self._folder}/tmp",
            "ES_DISTRIBUTION_TYPE": "tar",
            "JAVA": str(self._parts.jdk / "bin/java"),
            "JAVA_TYPE": "ES_JAVA_HOME",
        }

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError("Elasticsearch ended while starting")
        try:
            is_up = self._ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=5s")
            return is_up and (not self._secured or self._ask("POST", _TRIAL))
        except (OSError, http.client.HTTPException):
            return False

    def _ask(self, method: str, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._http_port, timeout=10)
        credentials = base64.b64encode(":".join(ADMIN).encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"} if self._secured else {}
        try:
            connection.request(method, path, headers=headers)
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()


def _check_reachable(folder: Path) -> None:
    for parent in folder.parents:
        if parent.exists() and not parent.stat().st_mode & 0o001:
            raise Missing(
                f"Elasticsearch runs as nobody, who cannot enter {parent}; set MCP_SHIPPER_CACHE"
            )
