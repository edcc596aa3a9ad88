"""OpenTelemetry's protocol over HTTP, with JSON: each line is the body of one log record.

An answer means that the collector has taken the records into its pipeline. Where it refuses some
of them, it does not name them: they are found by halves, and those taken before arrive again.
"""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from shipper.errors import ConfigError, Problem, ProtocolError, Refused, TooLarge, Unavailable
from shipper.formats.otlp import request
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Outcome, Rejected
from shipper.outputs.deflate import gzip_deflate
from shipper.outputs.http import Http, parse_url
from shipper.outputs.otlp.config import OtlpConfig

_PATH = "/v1/logs"
#: Answers that a person must deal with; every line would get them.
_FORBIDDEN = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
#: Answers about the records of the request.
_OF_RECORDS = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
_MOST_OF_A_MESSAGE = 200


class _Partial(msgspec.Struct, frozen=True, rename="camel"):
    #: An integer of 64 bits is text in the JSON of protobuf.
    rejected_log_records: str | int = 0
    error_message: str = ""


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    partial_success: _Partial | None = None


_decoder = msgspec.json.Decoder(_Answer)


class Otlp:
    """One connection; one request for each batch."""

    def __init__(self, config: OtlpConfig) -> None:
        if not config.url.startswith(("http://", "https://")) or "@" in config.url:
            what = "expected an address such as http://localhost:4318; a login belongs to headers"
            raise ConfigError([Problem("url", what)])
        url = parse_url(config.url, default_port=4318, is_tls=False)
        self._http = Http(url, timeout_s=config.timeout_s, tls=config.ssl)
        self._target = "" if url.path else _PATH
        self._deflate = gzip_deflate(config.compression_level)
        self._headers = {
            "Content-Type": "application/json",
            **({"Content-Encoding": "gzip"} if self._deflate else {}),
            **{name: value.reveal() for name, value in config.headers.items()},
        }

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Send all lines in one request."""
        body = request(lines)
        if self._deflate:
            body = self._deflate(body)
        status, answer = self._http.request("POST", self._target, self._headers, body)
        fault = self._fault(status, answer)
        if not fault:
            return [DELIVERED] * len(lines)
        if len(lines) > 1:
            raise TooLarge(fault)  # its lines are sent in halves
        return [Rejected(fault)]

    def probe(self) -> str:
        """Send a request without records."""
        body = request(())
        headers = {name: v for name, v in self._headers.items() if name != "Content-Encoding"}
        status, answer = self._http.request("POST", self._target, headers, body)
        if fault := self._fault(status, answer):
            raise Refused(fault)
        return f"{self._http.url} takes logs"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _fault(self, status: int, answer: bytes) -> str:
        """Why records are refused; empty if all were taken. Raises if it is not about records."""
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return self._refused_in(answer)
        name = f"{self._http.url}: HTTP {status}"
        if status in _OF_RECORDS:
            return name
        if status in _FORBIDDEN:
            raise Refused(f"{name}; check output.otlp.url and its headers")
        raise Unavailable(name)

    def _refused_in(self, answer: bytes) -> str:
        try:
            found = _decoder.decode(answer or b"{}").partial_success
            refused = int(found.rejected_log_records) if found else 0
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise ProtocolError(f"{self._http.url}: its answer is not OTLP's JSON") from error
        if found is None or refused <= 0:
            return ""  # a message alone is a warning
        return f"{self._http.url} refuses {refused}: {found.error_message[:_MOST_OF_A_MESSAGE]!r}"
