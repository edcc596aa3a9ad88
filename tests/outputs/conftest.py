"""A real certificate authority in memory, and servers' contexts made of it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme


@dataclass(frozen=True)
class Authority:
    """An authority with files for our side and contexts for the server's."""

    ca: trustme.CA
    folder: Path

    @property
    def file(self):
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return str(path)

    def server(self, name="127.0.0.1", *, asks_for_client=False):
        """The context of a server with a certificate for `name`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(name).configure_cert(context)
        if asks_for_client:
            self.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self):
        """Files of a client's certificate and key."""
        issued = self.ca.issue_cert("client.example")
        certificate, key = self.folder / "client.pem", self.folder / "client.key"
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return str(certificate), str(key)


@pytest.fixture
def authority(tmp_path):
    return Authority(trustme.CA(), tmp_path)


@pytest.fixture
def stranger(tmp_path):
    """An authority that nobody trusts."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    return Authority(trustme.CA(), folder)
