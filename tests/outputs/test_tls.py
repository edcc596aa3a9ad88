"""TLS on real sockets with a real authority, through the outputs that use it."""

import hashlib
import ssl
from pathlib import Path

import pytest

from shipper.errors import Refused
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import Elasticsearch
from shipper.outputs.logstash.config import LogstashConfig
from shipper.outputs.logstash.output import Logstash
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig
from tests.fakes import FakeElasticsearch, FakeLogstash

LINE = Lines.of([b'{"n":1}'])


def to_logstash(server, tls):
    return Logstash(LogstashConfig(hosts=(server.address,), ssl=tls, timeout_s=5.0))


def to_elasticsearch(server, tls):
    config = ElasticsearchConfig(hosts=(server.url,), ssl=tls, timeout_s=5.0)
    return Elasticsearch(config)


BOTH = pytest.mark.parametrize(
    ("fake", "output"),
    [(FakeLogstash, to_logstash), (FakeElasticsearch, to_elasticsearch)],
    ids=["logstash", "elasticsearch"],
)


def fingerprint(ca):
    der = ssl.PEM_cert_to_DER_cert(ca.cert_pem.bytes().decode())
    return hashlib.sha256(der).hexdigest()


@BOTH
def test_a_trusted_server_with_the_right_name_gets_the_lines(fake, output, authority):
    with fake(tls=authority.server()) as server:
        sender = output(server, TlsConfig(certificate_authorities=(authority.file,)))
        assert sender.send(LINE) == [DELIVERED]
        sender.close()


@BOTH
def test_an_authority_may_be_given_as_text(fake, output, authority):
    text = authority.ca.cert_pem.bytes().decode()
    with fake(tls=authority.server()) as server:
        sender = output(server, TlsConfig(certificate_authorities=(text,)))
        assert sender.send(LINE) == [DELIVERED]
        sender.close()


@BOTH
def test_an_unknown_authority_is_refused(fake, output, authority, stranger):
    with fake(tls=stranger.server()) as server:
        sender = output(server, TlsConfig(certificate_authorities=(authority.file,)))
        with pytest.raises(Refused, match=r"not trusted.*ssl\.certificate_authorities"):
            sender.send(LINE)


@BOTH
def test_by_default_only_the_systems_authorities_are_trusted(fake, output, authority):
    with fake(tls=authority.server()) as server, pytest.raises(Refused, match="not trusted"):
        output(server, TlsConfig()).send(LINE)


@BOTH
def test_a_certificate_for_another_name_is_refused(fake, output, authority):
    with fake(tls=authority.server("other.example")) as server:
        sender = output(server, TlsConfig(certificate_authorities=(authority.file,)))
        with pytest.raises(Refused, match="not trusted"):
            sender.send(LINE)


@BOTH
def test_mode_certificate_ignores_the_name_alone(fake, output, authority, stranger):
    tls = TlsConfig(certificate_authorities=(authority.file,), verification_mode="certificate")
    with fake(tls=authority.server("other.example")) as server:
        sender = output(server, tls)
        assert sender.send(LINE) == [DELIVERED]
        sender.close()
    with fake(tls=stranger.server()) as server, pytest.raises(Refused):
        output(server, tls).send(LINE)


@BOTH
def test_mode_none_asks_nothing(fake, output, stranger):
    with fake(tls=stranger.server("other.example")) as server:
        sender = output(server, TlsConfig(verification_mode="none"))
        assert sender.send(LINE) == [DELIVERED]
        sender.close()


@BOTH
def test_a_client_certificate_is_shown_to_a_server_that_asks(fake, output, authority):
    certificate, key = authority.client()
    tls = TlsConfig(certificate_authorities=(authority.file,), certificate=certificate, key=key)
    with fake(tls=authority.server(asks_for_client=True)) as server:
        sender = output(server, tls)
        assert sender.send(LINE) == [DELIVERED]
        sender.close()


@BOTH
def test_a_missing_client_certificate_delivers_nothing_and_says_what_to_check(
    fake, output, authority
):
    with fake(tls=authority.server(asks_for_client=True)) as server:
        sender = output(server, TlsConfig(certificate_authorities=(authority.file,)))
        with pytest.raises(Refused, match=r"ssl\.certificate"):
            sender.send(LINE)


@BOTH
def test_a_pinned_authority_is_trusted_and_the_name_still_checked(fake, output, authority):
    tls = TlsConfig(ca_trusted_fingerprint=fingerprint(authority.ca).upper())
    with fake(tls=_with_chain(authority, "127.0.0.1")) as server:
        sender = output(server, tls)
        assert sender.send(LINE) == [DELIVERED]
        sender.close()
    other = _with_chain(authority, "other.example")
    with fake(tls=other) as server, pytest.raises(Refused, match="not trusted"):
        output(server, tls).send(LINE)


@BOTH
def test_an_authority_between_may_be_pinned_and_its_own_authority_stays_unknown(
    fake, output, authority
):
    between = authority.ca.create_child_ca()
    tls = TlsConfig(ca_trusted_fingerprint=fingerprint(between))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    between.issue_cert("127.0.0.1").configure_cert(context)
    with fake(tls=context) as server:
        sender = output(server, tls)
        assert sender.send(LINE) == [DELIVERED]
        sender.close()
    others = _with_chain(authority, "127.0.0.1")
    with fake(tls=others) as server, pytest.raises(Refused):
        output(server, tls).send(LINE)


def test_a_server_that_closes_after_every_answer_gets_each_connection_with_tls(authority):
    body = b'{"items":[{"create":{"status":201}}]}'
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    answers = [lambda pairs: head + body] * 3
    with FakeElasticsearch(*answers, tls=authority.server()) as server:
        sender = to_elasticsearch(server, TlsConfig(certificate_authorities=(authority.file,)))
        for _ in answers:
            assert sender.send(LINE) == [DELIVERED]
        sender.close()
    assert (server.connections, server.faults) == (3, [])


@BOTH
def test_a_pin_that_no_certificate_has_is_refused(fake, output, authority, stranger):
    tls = TlsConfig(ca_trusted_fingerprint=fingerprint(authority.ca))
    others = _with_chain(stranger, "127.0.0.1")
    with fake(tls=others) as server, pytest.raises(Refused, match=r"no certificate of .* has the"):
        output(server, tls).send(LINE)


def _with_chain(authority, name):
    """The context of a server that sends its authority's certificate along."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authority.ca.issue_cert(name)
    path = authority.folder / "chain.pem"
    issued.private_key_pem.write_to_path(path)
    issued.cert_chain_pems[0].write_to_path(path, append=True)
    authority.ca.cert_pem.write_to_path(path, append=True)
    context.load_cert_chain(path)
    return context


def test_a_server_without_tls_is_refused_where_tls_is_configured():
    with FakeElasticsearch() as server:
        sender = Logstash(
            LogstashConfig(
                hosts=(f"127.0.0.1:{server.port}",), ssl=TlsConfig(verification_mode="none")
            )
        )
        with pytest.raises(Refused, match="refuses this TLS connection"):
            sender.send(LINE)


@pytest.mark.parametrize(
    ("tls", "name"),
    [
        (TlsConfig(certificate_authorities=("/nowhere/ca.pem",)), "/nowhere/ca.pem"),
        (TlsConfig(certificate_authorities=("-----BEGIN nonsense",)), "given as text"),
        (TlsConfig(certificate="/nowhere/client.pem"), "/nowhere/client.pem"),
    ],
)
def test_files_that_cannot_be_loaded_are_named(tls, name):
    with FakeLogstash() as server, pytest.raises(Refused, match=name):
        to_logstash(server, tls).send(LINE)


def test_an_encrypted_key_opens_with_its_passphrase_and_never_asks_the_terminal(authority):
    certificate, key = authority.client()
    _encrypt(key, "open sesame")
    tls = {
        "certificate_authorities": (authority.file,),
        "certificate": certificate,
        "key": key,
    }
    with FakeLogstash(tls=authority.server(asks_for_client=True)) as server:
        sender = to_logstash(server, TlsConfig(**tls, key_passphrase=Secret("open sesame")))
        assert sender.send(LINE) == [DELIVERED]
        sender.close()
        for passphrase in (None, Secret("wrong")):
            with pytest.raises(Refused, match=r"ssl\.key_passphrase"):
                to_logstash(server, TlsConfig(**tls, key_passphrase=passphrase)).send(LINE)


def _encrypt(path, passphrase):
    from cryptography.hazmat.primitives import serialization as ser

    path = Path(path)
    key = ser.load_pem_private_key(path.read_bytes(), None)
    locked = ser.BestAvailableEncryption(passphrase.encode())
    path.write_bytes(key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, locked))


def test_the_probe_names_the_protocol(authority):
    with FakeLogstash(tls=authority.server()) as server:
        said = to_logstash(server, TlsConfig(certificate_authorities=(authority.file,))).probe()
    assert "(TLSv1.3)" in said


def test_a_version_that_is_not_named_is_not_spoken(authority):
    trust = {"certificate_authorities": (authority.file,)}
    with FakeLogstash(tls=authority.server()) as server:
        older = TlsConfig(**trust, supported_protocols=("TLSv1.1", "TLSv1.2"))
        assert "(TLSv1.2)" in to_logstash(server, older).probe()
        with pytest.raises(Refused, match=r"name TLSv1\.2 or"):
            to_logstash(server, TlsConfig(**trust, supported_protocols=("TLSv1.1",))).probe()


def test_mode_strict_checks_the_name_as_full_does(authority):
    with FakeLogstash(tls=authority.server("elsewhere.example")) as server:
        tls = TlsConfig(certificate_authorities=(authority.file,), verification_mode="strict")
        with pytest.raises(Refused, match="certificate"):
            to_logstash(server, tls).send(LINE)


@BOTH
@pytest.mark.parametrize("is_one", [True, False])
def test_our_certificate_and_key_may_be_given_as_text(fake, output, authority, is_one):
    certificate, key = (Path(one).read_text() for one in authority.client())
    ours = (
        {"certificate": certificate + key} if is_one else {"certificate": certificate, "key": key}
    )
    with fake(tls=authority.server(asks_for_client=True)) as server:
        tls = TlsConfig(certificate_authorities=(authority.file,), **ours)
        sender = output(server, tls)
        assert sender.send(LINE) == [DELIVERED]
        sender.close()
    assert "BEGIN" not in repr(tls)


@BOTH
def test_a_key_as_text_that_cannot_be_loaded_is_not_shown(fake, output, authority):
    text = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END PRIVATE KEY-----\n"
    with fake(tls=authority.server()) as server:
        sender = output(server, TlsConfig(certificate=text, key=text))
        with pytest.raises(Refused, match="given as text") as caught:
            sender.send(LINE)
    assert "c2VjcmV0" not in str(caught.value)
