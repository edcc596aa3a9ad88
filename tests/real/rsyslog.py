"""A real rsyslog that listens for syslog over TCP or TLS and writes each message to a file."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import trustme

from tests.real import Missing
from tests.real.processes import free_ports
from tests.real.server import Server

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


class Rsyslog(Server):
    """A receiver of syslog over TCP, or over TLS."""

    name = "rsyslog"

    def __init__(self, *, tls: bool = False) -> None:
        program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin")
        if program is None:
            raise Missing("rsyslogd is not here; install it (rsyslog, rsyslog-gnutls)")
        self._program = program
        (self._port,) = free_ports(1)
        super().__init__()
        self._tls = self._certificates() if tls else ("", "")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def authority(self) -> str:
        """The file of the authority that signed the certificate."""
        return str(self._folder / "ca.pem")

    def messages(self) -> list[bytes]:
        """The messages so far, each as a JSON object."""
        return self._out.read_bytes().splitlines() if self._out.exists() else []

    def _prepare(self) -> None:
        tls_global, tls_module = self._tls
        self._config.write_text(
            _CONFIG.format(
                port=self._port, out=self._out, tls_global=tls_global, tls_module=tls_module
            )
        )

    def _command(self) -> Sequence[str]:
        return [self._program, "-n", "-f", str(self._config), "-i", str(self._folder / "pid")]

    def _is_ready(self) -> bool:
        port = f":{self._port:04X} "
        return any(
            port in row and " 0A " in row for row in Path("/proc/net/tcp").read_text().splitlines()
        )

    @property
    def _out(self) -> Path:
        return self._folder / "out"

    @property
    def _config(self) -> Path:
        return self._folder / "rsyslog.conf"

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
