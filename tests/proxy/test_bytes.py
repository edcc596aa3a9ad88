"""What passes a proxy: the bytes of both sides as they come, and nothing that concerns one hop."""

import hashlib
import http.client
import json
import os
import socket
import ssl
import threading

import httpx2
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipper.proxy import connection as connections
from tests.capture.http import (
    ACCEPT,
    ADD,
    INITIALIZE,
    MODERN,
    OPEN,
    app_of,
    modern,
    serving,
)
from tests.proxy.proxied import (
    DEADLINE_S,
    answering,
    connected,
    everything,
    exactly,
    head_of,
    proxying,
    recorded,
    reply,
)

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
GET = b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def status(data):
    return int(data.split(b" ", 2)[1])


@OPEN
@pytest.mark.parametrize("json_response", [True, False])
def test_a_client_sees_the_bytes_that_it_would_see_without(make, json_response, tmp_path):
    requests = [
        ({**MODERN, "mcp-name": name}, modern("tools/call", {"name": name, "arguments": about}))
        for name, about in (("add", {"a": 1, "b": 2}), ("long", {}), ("none", {}))
    ]
    requests += [(ACCEPT, INITIALIZE), (ACCEPT, {"odd": 1}), ({}, INITIALIZE), (MODERN, INITIALIZE)]

    def seen(url):
        answers = [httpx2.post(f"{url}/mcp", headers=h, json=body) for h, body in requests]
        answers += [httpx2.get(f"{url}/{path}") for path in ("mcp", "nothing", ".well-known/x")]
        return [
            (a.status_code, a.content, a.headers.keys() - {"connection"}, a.headers["content-type"])
            for a in answers
        ]

    app = app_of(make(), json_response=json_response)
    with serving(app) as server, proxying(tmp_path, server) as url:
        assert seen(url) == seen(server)


def test_a_head_and_each_chunk_pass_while_the_server_still_answers(tmp_path):
    taken = threading.Semaphore(0)
    chunks = [b"data: %d\n\n" % number for number in range(20)]

    def answer(connection):
        connection.sendall(SSE)
        for piece in chunks:
            assert taken.acquire(timeout=DEADLINE_S)
            connection.sendall(chunk(piece))
        assert taken.acquire(timeout=DEADLINE_S)
        connection.sendall(chunk(b""))

    with (
        answering(answer) as (server, _),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(GET)
        assert status(head_of(client)) == 200
        taken.release()
        for piece in chunks:
            assert exactly(client, len(chunk(piece))) == chunk(piece)
            taken.release()
        assert exactly(client, 5) == chunk(b"")


def test_a_request_passes_while_the_client_still_sends(tmp_path):
    came = threading.Semaphore(0)

    def answer(connection):
        for _ in range(10):
            exactly(connection, len(chunk(b"x" * 1000)))
            came.release()
        exactly(connection, 5)
        connection.sendall(EMPTY)

    with (
        answering(answer) as (server, _),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n")
        client.sendall(b"\r\n")
        for _ in range(10):
            client.sendall(chunk(b"x" * 1000))
            assert came.acquire(timeout=DEADLINE_S)
        client.sendall(chunk(b""))
        assert status(head_of(client)) == 204


def test_a_client_that_reads_slowly_holds_the_server_and_not_the_bytes(tmp_path):
    size, sent = 256 << 20, [0]
    block = os.urandom(1 << 16)
    is_full = threading.Event()

    def answer(connection):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % size)
        connection.settimeout(1)
        while sent[0] < size:
            try:
                sent[0] += connection.send(block[sent[0] % len(block) :])
            except TimeoutError:
                connection.settimeout(DEADLINE_S)
                is_full.set()

    with (
        answering(answer) as (server, _),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(GET)
        head_of(client)
        assert is_full.wait(DEADLINE_S)
        assert sent[0] < 32 << 20  # most of it is the kernel's
        digest, left = hashlib.sha256(), size
        while left:
            data = client.recv(1 << 20)
            digest.update(data)
            left -= len(data)
    assert digest.digest() == hashlib.sha256(block * (size // len(block))).digest()


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """A proxy before a server that answers with what it gets, piece by piece."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        given = [[n, v] for n, v in scope["headers"] if n.startswith(b"x-") or n == b"upgrade"]
        await send({"type": "http.response.start", "status": 200, "headers": given})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            body = {"type": "http.response.body", "body": message["body"], "more_body": more}
            await send(body)

    with serving(app) as server, proxying(tmp_path_factory.mktemp("echo"), server) as url:
        yield url.removeprefix("http://")


@given(pieces=st.lists(st.binary(min_size=1, max_size=300_000), max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_in_any_chunks_pass_exactly(echo, pieces):
    client = http.client.HTTPConnection(echo, timeout=DEADLINE_S)
    client.request("POST", "/", iter(pieces), encode_chunked=True)
    assert client.getresponse().read() == b"".join(pieces)
    client.close()


NAMES = st.sampled_from(["X-One", "x-two", "X-THREE", "X-Four"])
VALUES = st.text("abc,;=\"' \t", max_size=20).map(str.strip)


@given(
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=6),
    named=st.sets(NAMES, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_headers_of_the_connection_stay_and_all_others_pass_in_order(echo, headers, named):
    client = http.client.HTTPConnection(echo, timeout=DEADLINE_S)
    client.putrequest("GET", "/")
    client.putheader("Connection", ", ".join([*named, "upgrade"]))
    client.putheader("Upgrade", "websocket")
    for name, value in headers:
        client.putheader(name, value)
    client.endheaders()
    answer = client.getresponse()
    dropped = {name.lower() for name in named}
    seen = [(n, v) for n, v in answer.headers.items() if n.startswith("x-")]
    ours = [(n.lower(), v) for n, v in headers if n.lower() not in dropped]
    assert [pair for pair in seen if not pair[0].startswith("x-forwarded")] == ours
    assert "upgrade" not in answer.headers
    assert answer.headers["x-forwarded-for"] == "127.0.0.1"
    client.close()


def test_authorization_and_names_of_headers_pass_as_they_are(tmp_path):
    sent = b"AuthoriZation: Bearer  a.b.c\r\nX-oDD: 1\r\nMcp-Session-Id: s\r\n"
    request = b"GET /mcp?q=%2F HTTP/1.1\r\nHost: localhost\r\n" + sent + b"\r\n"
    with (
        answering(reply(EMPTY)) as (server, requests),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(request)
        head_of(client)
    ((head, _),) = requests
    assert head.startswith(b"GET /mcp?q=%2F HTTP/1.1\r\nHost: " + server.split("//")[1].encode())
    assert sent in head
    assert b"\r\nAccept-Encoding: identity\r\n" in head
    assert b"\r\nX-Forwarded-Host: localhost\r\n" in head


def test_one_connection_to_the_server_serves_several_requests(tmp_path):
    def answer(connection):
        for number in range(3):
            if number:
                head_of(connection)
            connection.sendall(EMPTY)

    with (
        answering(answer, reply(EMPTY)) as (server, requests),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        for _ in range(4):  # the server ends its connection after the third
            client.sendall(GET)
            assert status(head_of(client)) == 204
    assert len(requests) == 2


def test_requests_sent_together_are_answered_in_order(echo):
    request = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n%d"
    with connected(f"http://{echo}") as client:
        client.sendall(b"".join(request % number for number in range(9)))
        for number in range(9):
            head_of(client)
            assert exactly(client, 4 + 5 + 2) == chunk(b"%d" % number) + chunk(b"")


def test_a_client_of_http_1_0_gets_the_body_up_to_the_end(tmp_path):
    def answer(connection):
        connection.sendall(SSE + chunk(b"one") + chunk(b"two") + chunk(b""))

    with (
        answering(answer) as (server, _),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"chunked" not in head_of(client)
        assert everything(client) == b"onetwo"


def test_a_server_may_refuse_a_request_before_its_end(tmp_path):
    head = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"

    def answer(connection):
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        everything(connection)

    with (
        answering(answer) as (server, _),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n")
        client.sendall(b"\r\n" + chunk(b"x" * 1000))
        assert status(head_of(client)) == 413
        assert exactly(client, 3) == b"big"
    (found,) = recorded(tmp_path)
    assert found["mcp"]["violation"]["type"] == "payload_too_large"


def test_a_client_that_waits_for_100_gets_the_servers(tmp_path):
    def answer(connection):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert exactly(connection, len(chunk(b"x"))) == chunk(b"x")
        connection.sendall(EMPTY)

    with (
        answering(answer) as (server, _),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        assert status(head_of(client)) == 100
        client.sendall(chunk(b"x") + chunk(b""))
        assert status(head_of(client)) == 204


def test_the_end_of_a_client_ends_the_connection_to_the_server(tmp_path):
    gone = threading.Event()

    def answer(connection):
        connection.sendall(SSE)
        assert everything(connection) == b""
        gone.set()

    with answering(answer) as (server, _), proxying(tmp_path, server) as url:
        with connected(url) as client:
            client.sendall(GET)
            head_of(client)
        assert gone.wait(DEADLINE_S)


def test_an_answer_that_is_cut_off_is_cut_off_for_the_client(tmp_path):
    with (
        answering(reply(SSE + chunk(b"one"))) as (server, _),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(GET)
        head_of(client)
        assert everything(client) == chunk(b"one")


def test_a_redirection_leads_to_the_proxy(tmp_path):
    def away(location):
        return reply(b"HTTP/1.1 307 X\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")

    def to(connection):
        host = "http://{}:{}".format(*connection.getsockname()).encode()
        away(host + b"/mcp/?a=1")(connection)

    with (
        answering(to, away(b"https://other.example/")) as (server, _),
        proxying(tmp_path, f"/shop={server}/mcp") as url,
    ):
        answers = [httpx2.get(f"{url}/shop") for _ in range(2)]
    assert [answer.headers["location"] for answer in answers] == [
        "/shop/?a=1",
        "https://other.example/",
    ]


REFUSED = {
    "CONNECT": (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501),
    "dots": (b"GET /a/../b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "coded dots": (b"GET /a/%2e%2E/b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "no URL": (b"GET http://[x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "another host": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "no HTTP": (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    "a long head": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
        431,
    ),
    "compressed": (
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n\r\n",
        415,
    ),
    "two sessions": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: a\r\nMCP-session-id: b\r\n\r\n",
        400,
    ),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
    ),
}


@pytest.mark.parametrize(("request_", "code"), REFUSED.values(), ids=REFUSED)
def test_what_must_not_pass_is_refused(request_, code, tmp_path):
    with proxying(tmp_path, "http://127.0.0.1:1") as url, connected(url) as client:
        client.sendall(request_)
        assert status(head_of(client)) == code


def test_a_length_beside_chunks_does_not_pass(tmp_path):
    """A server that believed the length would take the rest of the body for another request."""

    def answer(connection):
        assert exactly(connection, 11) == chunk(b"x") + chunk(b"")
        connection.sendall(EMPTY)

    with (
        answering(answer) as (server, requests),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"x") + chunk(b"")
        )
        assert status(head_of(client)) == 204
    assert b"content-length" not in requests[0][0].lower()


def test_a_server_that_cannot_be_reached_in_time_is_a_504(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "_CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        held = [socket.socket() for _ in range(4)]
        for one in held:  # nobody accepts: the kernel answers no more of them
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with proxying(tmp_path, f"http://127.0.0.1:{full.getsockname()[1]}") as url:
            assert httpx2.get(f"{url}/mcp", timeout=DEADLINE_S).status_code == 504
        for one in held:
            one.close()


def test_both_sides_can_have_tls(tmp_path):
    authority, stranger = trustme.CA(), trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    for trusted, code in ((authority, 204), (stranger, 502)):
        to_servers, client = ssl.create_default_context(), ssl.create_default_context()
        trusted.configure_trust(to_servers)
        authority.configure_trust(client)
        with (
            tls_server(ours) as server,
            proxying(tmp_path, server, tls=ours, to_servers=to_servers) as url,
        ):
            assert url.startswith("https://")
            assert httpx2.get(url, verify=client).status_code == code


def tls_server(context):
    import contextlib

    @contextlib.contextmanager
    def made():
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def one():
                connection, _ = listener.accept()
                with (
                    contextlib.suppress(OSError),
                    connection,
                    context.wrap_socket(connection, server_side=True) as inner,
                ):
                    head_of(inner)
                    inner.sendall(EMPTY)

            thread = threading.Thread(target=one)
            thread.start()
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
            thread.join(DEADLINE_S)

    return made()


def test_the_head_of_an_answer_to_head_passes_without_a_body(tmp_path):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
    with answering(reply(head)) as (server, _), proxying(tmp_path, server) as url:
        answer = httpx2.head(f"{url}/mcp")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "7")


def test_a_body_of_json_is_recorded_though_it_came_in_pieces(tmp_path):
    body = json.dumps(modern("tools/call", ADD), indent=1).encode()
    said = b'{"jsonrpc": "2.0", "id": 1,\n "result": {"content": []}}'
    pieces = b"".join(chunk(said[n : n + 1]) for n in range(len(said)))
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    def answer(connection):
        exactly(connection, len(body) * 6)
        connection.sendall(head + pieces + chunk(b""))

    with (
        answering(answer) as (server, _),
        proxying(tmp_path, server) as url,
        connected(url) as client,
    ):
        client.sendall(
            b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for n in range(len(body)):
            client.sendall(chunk(body[n : n + 1]))
        client.sendall(chunk(b""))
        head_of(client)
        exactly(client, len(pieces))
    (found,) = recorded(tmp_path)
    assert (found["event"]["action"], found["event"]["outcome"]) == ("tool-call", "success")
