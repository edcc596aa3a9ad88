"""Records a wrapped server's session, in a process of its own, from what the pump reports."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from shipper.capture.emit import open_logger, to_logger
from shipper.capture.identity import process_owner
from shipper.capture.inside import FromServer
from shipper.capture.session import Session
from shipper.record.event import Event, create_compliance_event
from shipper.record.handler import AuditHandler
from shipper.record.logger import audit_logger
from shipper.wire.jsonrpc import messages_in
from shipper.wrap.options import Options
from shipper.wrap.tee import (
    CLIENT_GONE,
    FROM_CLIENT,
    FROM_SERVER,
    LEFT_OUT,
    SERVER_GONE,
    Frame,
    frames_in,
)

#: Why an open request has no answer, by the side that has gone first.
_REASONS = {CLIENT_GONE: "client_gone", SERVER_GONE: "server_ended"}


def record(pipe: BinaryIO, options: Options, inside: int | None = None) -> None:
    """Record until the pump has ended; with what a hook in the server sends through `inside`."""
    handler = AuditHandler(options.directory, **options.settings)
    audit = audit_logger()
    audit.propagate = False
    audit.addHandler(handler)
    open_logger()
    hook = FromServer(inside, to_logger) if inside is not None else None
    frames = frames_in(pipe)
    if hook:
        audit.addFilter(hook)
        frames = _hooked(frames, hook)
    session = Session(process_owner())
    gone = _follow(session, frames, handler)
    session.close(_REASONS.get(gone, "not_followed"))
    if hook:
        hook.finish()
    handler.close()


def _hooked(frames: Iterable[Frame], hook: FromServer) -> Iterator[Frame]:
    """The frames; what the server knew of a message is read before the message is taken up."""
    for frame in frames:
        hook.read()
        yield frame


def _follow(session: Session, frames: Iterable[Frame], handler: AuditHandler) -> int:
    """Take up each message; which side has gone first, in the end."""
    gone = 0
    for frame in frames:
        if frame.kind in (FROM_CLIENT, FROM_SERVER):
            look = frame.look
            for message in messages_in(look):
                session.saw(
                    message,
                    from_server=frame.kind == FROM_SERVER,
                    at_ns=frame.at_ns,
                    size=look.size if look.is_cut else None,
                )
        elif frame.kind == LEFT_OUT:
            handler.record_self_audit(_left_out(frame.look.size))
        else:
            gone = gone or frame.kind
    return gone


def _left_out(count: int) -> Event:
    return create_compliance_event("records-lost", records=count, success=False)
