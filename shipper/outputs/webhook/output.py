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

from shipper.errors import Refused, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Outcome, Rejected
from shipper.outputs.http import Http, Url, parse_url
from shipper.outputs.raised import alerts_in, in_words
from shipper.outputs.webhook.config import WebhookConfig

_COLOURS = {"low": "good", "medium": "warning", "high": "attention", "critical": "attention"}
_LEVELS = {21: "low", 47: "medium", 73: "high", 99: "critical"}
#: Answers after which the same request may succeed.
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_FORBIDDEN = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


class Webhook:
    """One connection; one request for each alert."""

    def __init__(self, config: WebhookConfig) -> None:
        self._config = config
        url, self._target = _split(config.url.reveal())
        self._http = Http(url, timeout_s=config.timeout_s, tls=config.ssl)
        # The path is often the secret: messages name the host only.
        self._name = f"{url.host}:{url.port}"

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
        body = _FORMATS[self._config.format](event)
        status, _ = self._http.request("POST", self._target, self._headers(body), body)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return DELIVERED
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
            raise Unavailable(f"{self._name}: HTTP {status}")
        if status in _FORBIDDEN:
            raise Refused(f"{self._name}: HTTP {status}; check output.webhook.url and its headers")
        return Rejected(f"{self._name}: HTTP {status}")

    def _headers(self, body: bytes) -> dict[str, str]:
        given = {name: value.reveal() for name, value in self._config.headers.items()}
        signed = signature(self._config.secret.reveal(), body) if self._config.secret else {}
        return {"Content-Type": "application/json", **given, **signed}


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
