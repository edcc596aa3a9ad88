"""A real rsyslog that listens for syslog over TCP or TLS and writes each message to a file."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.real import Missing
from tests.real.processes import dies_with_us, free_ports, wait_until

START_TIMEOUT_S = 30
#: `%msg%` begins with the space after the structured data.
_CONFIG = """\
global(maxMessageSize="64k"
       parser.escapeControlCharactersOnReceive="off"
       {tls_global})
module(load="imtcp" {tls_module})
template(name="parts" type="list" option.jsonf="on") {{
  property(outname="facility" name="syslogfacility" format="jsonf")
  property(outname="severity" name="syslogseverity" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="pid" name="procid" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}}
input(type="imtcp" port="{port}" address="127.0.0.1")
action(type="omfile" file="{out}" template="parts" asyncWriting="off")
"""


class Rsyslog:
    """Starts on entry; on exit it is gone, with its files."""

    def __init__(self, *, tls: bool = False) -> None:
        self._program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin")
        if self._program is None:
            raise Missing("rsyslogd is not here; install it (rsyslog, rsyslog-gnutls)")
        (self._port,) = free_ports(1)
        self._folder = Path(tempfile.mkdtemp(prefix="mcp-shipper-rsyslog-"))
        self._tls = self._certificates() if tls else ("", "")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def authority(self) -> str:
        """The file of the authority that signed the certificate."""
        return str(self._folder / "ca.pem")

    def messages(self) -> list[bytes]:
        """The messages so far, each as a JSON object."""
        out = self._folder / "out"
        return out.read_bytes().splitlines() if out.exists() else []

    def __enter__(self) -> Self:
        tls_global, tls_module = self._tls
        config = self._folder / "rsyslog.conf"
        config.write_text(
            _CONFIG.format(
                port=self._port,
                out=self._folder / "out",
                tls_global=tls_global,
                tls_module=tls_module,
            )
        )
        command = [self._program, "-n", "-f", config, "-i", self._folder / "pid"]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*dies_with_us(), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._listens, START_TIMEOUT_S, "rsyslog is up")
        except BaseException as error:
            error.add_note((self._folder / "log").read_text(errors="replace"))
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError("rsyslog ended while starting")
        port = f":{self._port:04X} "
        return any(
            port in row and " 0A " in row for row in Path("/proc/net/tcp").read_text().splitlines()
        )

    def _certificates(self) -> tuple[str, str]:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        key, certificate = self._folder / "key.pem", self._folder / "certificate.pem"
        authority.cert_pem.write_to_path(self.authority)
        issued.private_key_pem.write_to_path(key)
        issued.cert_chain_pems[0].write_to_path(certificate)
        files = (
            f'defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{self.authority}" '
            f'defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}"'
        )
        driver = 'StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon" '
        return files, driver
