"""A fake Elasticsearch for answers that a real one cannot be made to give."""

import json
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEADERS = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}


@contextmanager
def answering(answer, context=None):
    """A server's address; `answer(method, path, body)` gives status, body and optional headers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self):
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, content, *more = answer(self.command, self.path, body)
            self.send_response(status)
            headers = HEADERS | {"Content-Length": str(len(content))}
            for name, value in (headers | (more[0] if more else {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # a client that refuses the certificate hangs up
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def always(status, **body):
    return lambda *_: (status, json.dumps(body).encode())


def passing_on(url, instead):
    """Forwards all requests to `url`, except those for paths in `instead`: status and answer."""

    def answer(method, path, body):
        if path in instead:
            status, content = instead[path]
            return status, json.dumps(content).encode()
        connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        passed_on = response.status, response.read()
        connection.close()
        return passed_on

    return answer
