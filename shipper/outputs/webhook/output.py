"""Posts each alert until the server takes it; other lines count as delivered.

The position of this output moves past an alert when the server has answered, so a restart or a
server that is down loses none. A server may get one twice, and knows it by `event.id`.
"""

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import msgspec

from shipper.errors import ConfigError, Problem, Refused, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Outcome, Rejected
from shipper.outputs.http import Http, Url, parse_url
from shipper.outputs.raised import alerts_in, in_words
from shipper.outputs.webhook.config import WebhookConfig
from shipper.outputs.webhook.revocation import Revocation

_COLOURS = {"low": "good", "medium": "warning", "high": "attention", "critical": "attention"}
_LEVELS = {21: "low", 47: "medium", 73: "high", 99: "critical"}
#: Answers after which the same request may succeed.
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_FORBIDDEN = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


#: Errors that every token would meet: the operator or the receiver has to correct something.
_NOT_ITS_FAULT = {
    *("invalid_key", "invalid_issuer", "invalid_audience"),
    *("authentication_failed", "access_denied"),
}


class _SetError(msgspec.Struct):
    err: str = ""


_read_error = msgspec.json.Decoder(_SetError).decode


class Webhook:
    """One connection; one request for each alert."""

    def __init__(self, config: WebhookConfig) -> None:
        self._config = config
        url, self._target = _split(config.url.reveal())
        self._http = Http(url, timeout_s=config.timeout_s, tls=config.ssl)
        # The path is often the secret: messages name the host only.
        self._name = f"{url.host}:{url.port}"
        self._content_type, self._encode = _format(config)

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Post the alerts among the lines."""
        outcomes: list[Outcome] = [DELIVERED] * len(lines)
        for at, event in alerts_in(lines, self._config.severity):
            outcomes[at] = self._post(event)
        return outcomes

    def probe(self) -> str:
        """Connect, without sending anything."""
        self._http.connect()
        return f"{self._name} accepts connections"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _post(self, event: dict[str, Any]) -> Outcome:
        body = self._encode(event)
        if body is None:
            return DELIVERED
        status, answer = self._http.request("POST", self._target, self._headers(body), body)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return DELIVERED
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
            raise Unavailable(f"{self._name}: HTTP {status}")
        if status in _FORBIDDEN:
            raise Refused(f"{self._name}: HTTP {status}; check output.webhook.url and its headers")
        if status == HTTPStatus.BAD_REQUEST and (error := _set_error(answer)) in _NOT_ITS_FAULT:
            raise Refused(f"{self._name}: {error}; check output.webhook.revocation")
        return Rejected(f"{self._name}: HTTP {status}")

    def _headers(self, body: bytes) -> dict[str, str]:
        given = {name: value.reveal() for name, value in self._config.headers.items()}
        signed = signature(self._config.secret.reveal(), body) if self._config.secret else {}
        accepted = {"Content-Type": self._content_type, "Accept": "application/json"}
        return {**accepted, **given, **signed}


def _format(config: WebhookConfig) -> tuple[str, Callable[[dict[str, Any]], bytes | None]]:
    """The content type of bodies, and what makes one; None if an alert is not to be posted."""
    if config.format != "caep":
        return "application/json", _FORMATS[config.format]
    if config.revocation is None:
        raise ConfigError([Problem("revocation", "is required by `format: caep`")])
    tokens = Revocation(config.revocation)
    return tokens.content_type, tokens.encode


def _set_error(answer: bytes) -> str:
    """The code of an error in the answer to a security event token (RFC 8935, 2.3)."""
    try:
        return _read_error(answer).err
    except (msgspec.DecodeError, RecursionError):
        return ""


def signature(secret: str, body: bytes, now_s: float | None = None) -> Mapping[str, str]:
    """The header that proves who sent the body, and when: HMAC-SHA256 over `<time>.<body>`."""
    at = str(int(time.time() if now_s is None else now_s))
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return {"X-MCP-Shipper-Signature": f"t={at},v1={digest}"}


def _split(text: str) -> tuple[Url, str]:
    """The server, and the rest of the address."""
    url, _, query = text.partition("?")
    found = parse_url(url, default_port=443 if url.startswith("https:") else 80, is_tls=True)
    return found, f"?{query}" if query else ""


def _slack(event: dict[str, Any]) -> bytes:
    text = f":rotating_light: *{_level(event)}* {in_words(event)}"
    return msgspec.json.encode({"text": _escaped(text)})


def _escaped(text: str) -> str:
    """Without Slack's own signs, which a user's name may hold: a link, or a call for everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(event: dict[str, Any]) -> bytes:
    level = _level(event)
    title = {
        "type": "TextBlock",
        "text": f"{level}: {event.get('rule', {}).get('name', '')}",
        "weight": "bolder",
        "color": _COLOURS[level],
        "wrap": True,
    }
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, {"type": "TextBlock", "text": in_words(event), "wrap": True}],
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return msgspec.json.encode({"type": "message", "attachments": [content]})


def _level(event: dict[str, Any]) -> str:
    return _LEVELS.get(event["event"]["severity"], "high")


_FORMATS: Mapping[str, Callable[[dict[str, Any]], bytes]] = {
    "json": msgspec.json.encode,
    "slack": _slack,
    "teams": _teams,
}
