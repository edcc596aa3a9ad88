"""Makes events of one HTTP exchange, from its bytes as they pass the proxy.

The methods without an underscore are the loop's: they copy a bounded part, and wait for nothing.
The others run in the recorder's thread, in the same order.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from msgspec import Struct

from shipper.capture.call import Failure, Json, Unanswered
from shipper.capture.emit import emit
from shipper.capture.exchange import Exchange
from shipper.capture.facts import headers_of, http_of
from shipper.capture.identity import token_holder
from shipper.capture.metadata import Metadata
from shipper.capture.refusals import TRANSPORT_CODES, event_of, may_have_form, unread
from shipper.proxy.headers import Headers, value_of
from shipper.proxy.recorder import Recorder
from shipper.proxy.sessions import Key, Sessions
from shipper.wire.jsonrpc import BodyFraming, Look, messages_in
from shipper.wire.sse import EventFraming, ServerEvent

#: Why an open request has no answer, by the side that has gone.
CLIENT_GONE, SERVER_GONE = "client_gone", "server_ended"
_FIRST_REFUSAL = 400
_OF_MESSAGES = {"method", "result", "error"}
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
#: Refusals that are the transport's, whatever id their body has.
_DENIALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
#: Takes the address that an event stream names for its client's messages: as it is, and resolved.
_Announce = Callable[[str, str], None]


class Place(Struct, frozen=True):
    """Where an exchange goes: the server, its metadata, and the target there."""

    authority: str
    target: str
    metadata: Metadata
    announce: _Announce


class Watch:
    """One exchange. `scope` is the request as ASGI describes it, with the headers passed on."""

    def __init__(
        self, scope: Mapping[str, Any], place: Place, sessions: Sessions, recorder: Recorder
    ) -> None:
        self._place, self._sessions, self._recorder = place, sessions, recorder
        self._scope, self._headers = scope, headers_of(scope)
        self._exchange = exchange = Exchange(scope)
        exchange.keeps_body = place.metadata.is_asked_for(scope)
        exchange.place = place.metadata.place_of(scope)
        exchange.reads_form = may_have_form(scope, exchange.place)
        self._asked = _body_of(scope)
        self._said: BodyFraming | EventFraming | None = None
        self._stream: Key | None = None
        self._is_by_stream = self._is_unread = False
        self._open: list[object] = []
        self._http, self._identity = http_of(scope, self._headers), token_holder(scope)
        self._session = sessions.find((place.authority, ""))

    def asked(self, data: bytes) -> None:
        """Look at the next bytes of the request's body."""
        if self._asked:
            self._asked.feed(data)
        if self._exchange.reads_form:
            self._exchange.saw_form({"type": "http.request", "body": data})

    def asked_all(self) -> None:
        """Record the request, before the server can answer it."""
        for look in self._asked.finish() if self._asked else ():
            self._pass_on(self._take_request, look)

    def answered(self, status: int, headers: Headers) -> None:
        """Look at the head of the answer."""
        plain = [(name.lower(), value) for name, value in headers]
        head = {"type": "http.response.start", "status": status, "headers": plain}
        self._exchange.saw_answer(head)
        kind = _media_type(plain)
        if kind == b"text/event-stream" and status == HTTPStatus.OK:
            self._said = EventFraming()
        elif self._asked and kind not in _FORMS:
            self._said = BodyFraming()
        session_id = value_of(plain, b"mcp-session-id").decode("latin-1")
        session_id = session_id or self._headers.get("mcp-session-id", "")
        if session_id and status < _FIRST_REFUSAL:
            self._recorder.put(partial(self._keep_session, session_id))

    def said(self, data: bytes) -> None:
        """Look at the next bytes of the answer's body."""
        self._exchange.saw_answer({"type": "http.response.body", "body": data})
        for found in self._said.feed(data) if self._said else ():
            self._said_event(found)

    def ended(self, gone: str | None = None) -> None:
        """Record how the exchange ended: completely, or by the side that has gone."""
        looks = self._said.finish() if isinstance(self._said, BodyFraming) else []
        if self._exchange.keeps_body:
            self._place.metadata.learn(self._exchange)
        if looks and not self._is_refused:
            self._pass_on(self._take_answer, looks[0])
            looks = []
        self._recorder.put(partial(self._end, gone, looks))

    @property
    def _is_refused(self) -> bool:
        return (self._exchange.status or 0) >= _FIRST_REFUSAL

    def _said_event(self, event: ServerEvent | Look) -> None:
        if isinstance(event, Look):
            return
        if event.kind == b"endpoint" and self._scope["method"] == "GET" and not self._stream:
            named = event.data.head.strip().decode("utf-8", "replace")
            parts = urlsplit(urljoin(self._place.target, named))
            target = urlunsplit(("", "", parts.path, parts.query, ""))
            self._place.announce(named, target)
            self._stream = (self._place.authority, target)
            self._recorder.put(partial(self._sessions.keep, self._stream, self._session))
        elif event.kind == b"message":
            self._pass_on(self._take_answer, event.data)

    def _pass_on(self, take: Callable[[Look, int], None], look: Look) -> None:
        size = len(look.head) + len(look.tail)
        self._recorder.put(partial(take, look, time.monotonic_ns()), size)

    def _take_request(self, look: Look, at_ns: int) -> None:
        key = (self._place.authority, self._place.target)
        self._is_by_stream = key in self._sessions
        if not self._is_by_stream:
            key = (self._place.authority, self._headers.get("mcp-session-id", ""))
        self._session = self._sessions.find(key)
        messages = list(messages_in(look))
        self._is_unread = not any(message.keys() & _OF_MESSAGES for message in messages)
        for message in messages:
            if "method" in message and message.get("id") is not None:
                self._open.append(message["id"])
            self._saw(message, look, at_ns, from_server=False)

    def _take_answer(self, look: Look, at_ns: int) -> None:
        for message in messages_in(look):
            self._saw(message, look, at_ns, from_server=True)

    def _saw(self, message: Json, look: Look, at_ns: int, *, from_server: bool) -> None:
        self._session.saw(
            message,
            from_server=from_server,
            at_ns=at_ns,
            size=look.size if look.is_cut else None,
            http=self._http,
            identity=self._identity,
        )

    def _keep_session(self, session_id: str) -> None:
        """Remember the session: the one that the request opened, or a client's known one."""
        key = (self._place.authority, session_id)
        if not self._open and not self._asked:  # a stream of what the server asks
            self._session = self._sessions.find(key)
        self._sessions.keep(key, self._session, session_id)

    def _end(self, gone: str | None, looks: list[Look]) -> None:
        error = next((message for look in looks for message in messages_in(look)), {})
        if self._is_refused and not self._is_answer(error):
            self._refused()
            return
        if self._is_refused:
            self._take_answer(looks[0], time.monotonic_ns())
            self._exchange.dispatched = True
        self._close_open(gone)
        if self._is_unread and self._exchange.status:
            emit(partial(unread, self._scope, self._exchange))
        if self._scope["method"] == "DELETE" and "mcp-session-id" in self._headers:
            key = (self._place.authority, self._headers["mcp-session-id"])
            self._sessions.end(key, "session_ended")
        emit(partial(event_of, self._scope, self._exchange))

    def _is_answer(self, message: Json) -> bool:
        """Whether an error is the server's answer to a request, in whatever status it came."""
        error = message.get("error")
        return (
            isinstance(error, dict)
            and message.get("id") in self._open
            and self._exchange.status not in _DENIALS
            and error.get("code") not in TRANSPORT_CODES
        )

    def _refused(self) -> None:
        """Record the refusal; where it has no event of its own, that the requests failed."""
        event = event_of(self._scope, self._exchange)
        status = self._exchange.status or 0
        for request_id in self._open:
            if event:
                self._session.refuse(request_id)
            else:
                failure = Failure(type="http", code=status, message=_phrase(status))
                self._session.end_asked(request_id, failure)
        emit(lambda: event)

    def _close_open(self, gone: str | None) -> None:
        """Record the requests that this exchange leaves open, if no other can have the answer."""
        if self._stream:
            self._sessions.end(self._stream, gone or SERVER_GONE)
        is_continued = isinstance(self._said, EventFraming) and self._said.has_ids
        if self._is_by_stream or is_continued:
            return
        for request_id in self._open:
            self._session.end_asked(request_id, Unanswered(gone or "not_followed"))


def _body_of(scope: Mapping[str, Any]) -> BodyFraming | None:
    """What takes the message of a request, if it can have one."""
    may_have = scope["method"] == "POST" and _media_type(scope["headers"]) not in _FORMS
    return BodyFraming() if may_have else None


def _media_type(headers: Headers) -> bytes:
    return value_of(headers, b"content-type").partition(b";")[0].strip().lower()


def _phrase(status: int) -> str | None:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return None
