"""Outputs go through a proxy as Filebeat's do, on real sockets."""

import pytest

from shipper.errors import ConfigError, Refused, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED
from shipper.outputs.elasticsearch.api import api_client
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import Elasticsearch
from shipper.outputs.logstash.config import LogstashConfig
from shipper.outputs.logstash.output import Logstash
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig
from shipper.wire.proxy import ProxyRefused, http_connect, socks5
from tests.fakes import FakeElasticsearch, FakeLogstash
from tests.outputs.proxies import Proxy

LINE = Lines.of([b'{"n":1}'])
SCHEMES = pytest.mark.parametrize(("kind", "scheme"), [("http", "http"), ("socks", "socks5")])
SERVERS = pytest.mark.parametrize("server", [FakeLogstash, FakeElasticsearch])


def output(server, proxy_url, **keys):
    keys = {"proxy_url": Secret(proxy_url), "timeout_s": 5.0, **keys}
    if isinstance(server, FakeLogstash):
        return Logstash(LogstashConfig(hosts=(server.address,), **keys))
    return Elasticsearch(ElasticsearchConfig(hosts=(server.url,), **keys))


@SERVERS
@SCHEMES
@pytest.mark.parametrize("login", [None, "anna:se:cret"])
def test_lines_go_through_the_proxy(server, kind, scheme, login):
    with server() as there, Proxy(kind, login=login) as proxy:
        userinfo = f"{login}@" if login else ""
        sender = output(there, f"{scheme}://{userinfo}{proxy.address}")
        assert sender.send(LINE) == [DELIVERED]
        sender.close()
        assert set(proxy.asked) == {there.address}


@SERVERS
@SCHEMES
def test_tls_is_between_us_and_the_server(server, kind, scheme, authority):
    tls = TlsConfig(certificate_authorities=(authority.file,))
    with server(tls=authority.server()) as there, Proxy(kind) as proxy:
        sender = output(there, f"{scheme}://{proxy.address}", ssl=tls)
        assert sender.send(LINE) == [DELIVERED]
        sender.close()
        assert set(proxy.asked) == {there.address}
        assert not any(b"_bulk" in head for head in proxy.heads)


def test_a_proxy_resolves_names_unless_that_is_done_here():
    with FakeLogstash() as there, Proxy("socks") as proxy:
        port = there.address.rpartition(":")[2]
        for host, resolves, asked in (("log.test", False, "log.test"), ("localhost", True, "127")):
            config = LogstashConfig(
                hosts=(f"{host}:{port}",),
                proxy_url=Secret(f"socks5://{proxy.address}"),
                proxy_use_local_resolver=resolves,
            )
            sender = Logstash(config)
            assert sender.send(LINE) == [DELIVERED]
            sender.close()
            assert proxy.asked[-1].startswith(asked) or proxy.asked[-1].startswith("::1")


def test_headers_reach_an_http_proxy_and_plain_requests_are_relayed():
    with FakeElasticsearch() as there, Proxy("http") as proxy:
        sender = output(there, f"http://{proxy.address}", proxy_headers={"X-Team": Secret("audit")})
        assert sender.send(LINE) == [DELIVERED]
        sender.close()
    assert any(head.startswith(b"POST http://") for head in proxy.heads)
    assert all(b"X-Team: audit" in head for head in proxy.heads)


def test_a_disabled_proxy_is_not_used():
    with FakeLogstash() as there:
        sender = output(there, "http://127.0.0.1:9", proxy_disable=True)
        assert sender.send(LINE) == [DELIVERED]
        sender.close()


@SCHEMES
def test_a_proxy_that_wants_a_login_is_refused_with_advice(kind, scheme):
    with FakeLogstash() as there, Proxy(kind, login="a:b") as proxy:
        sender = output(there, f"{scheme}://{proxy.address}")
        with pytest.raises(Refused, match="put user:password into proxy_url"):
            sender.send(LINE)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 503 no\r\n\r\n", b"SSH-2.0\r\n\r\n", b"\0" * 99, b""]
)
def test_a_proxy_that_does_not_connect_is_unavailable(answer):
    with FakeLogstash() as there, Proxy("http", answer=answer) as proxy:
        sender = output(there, f"http://u:se-cret@{proxy.address}")
        with pytest.raises(Unavailable) as caught:
            sender.send(LINE)
        assert proxy.address in str(caught.value)
        assert "se-cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://p:1", "http://", "http://p:se-cret", "https://p:1"])
def test_an_invalid_proxy_address_is_a_problem_that_shows_no_password(url):
    with pytest.raises(ConfigError, match="proxy_url") as caught:
        Logstash(LogstashConfig(proxy_url=Secret(url)))
    assert "se-cret" not in str(caught.value)


def test_setup_goes_through_the_proxy_too():
    with FakeElasticsearch() as there, Proxy("socks") as proxy:
        url = Secret(f"socks5://{proxy.address}")
        with api_client(ElasticsearchConfig(hosts=(there.url,), proxy_url=url)) as client:
            client.options(request_timeout=5).perform_request("GET", "/")
        assert proxy.asked == [there.address]


@pytest.mark.parametrize(
    "handshake",
    [
        lambda: http_connect("h", 1, {}),
        lambda: socks5("h", 1, "u:p"),
        lambda: socks5("::1", 1, None),
    ],
)
@pytest.mark.parametrize(
    "answer", [b"\0" * 70_000, b"\x05\x05", b"HTTP/1.1 \r\n\r\n", b"\x05\x02\x01\x01"]
)
def test_no_answer_of_a_proxy_breaks_a_handshake(handshake, answer):
    running = handshake()
    next(running)
    try:
        for _ in range(70):
            running.send(answer)
    except (ProxyRefused, StopIteration):
        pass
