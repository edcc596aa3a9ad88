"""The MCP sessions of one proxy, for the recorder's thread: which messages belong together.

A session is known by its id in the header `Mcp-Session-Id`; in the older transport by the address
that its stream names. A request outside of a session is a session of its own: that is how the
protocol works since 2026-07-28.
"""

from collections import OrderedDict

from shipper.capture.call import Identity
from shipper.capture.memory import Memory
from shipper.capture.session import Session
from shipper.capture.values import digest

#: Sessions that are remembered; the one unused for the longest time gives way.
_MAX_SESSIONS = 4096
_NOBODY = Identity()
#: The server's address, and what names the session there.
Key = tuple[str, str]


class Sessions:
    """The open sessions. A client's word makes none: the server must have answered."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[Key, Session] = OrderedDict()
        #: Of each server that the proxy was started for.
        self._memories: dict[str, Memory] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._sessions

    def find(self, key: Key) -> Session:
        """The session of this key; a new one, which is not kept yet, if it is not known."""
        if key not in self._sessions:
            return Session(_NOBODY, memory=self._memories.setdefault(key[0], Memory()))
        self._sessions.move_to_end(key)
        return self._sessions[key]

    def keep(self, key: Key, session: Session, session_id: str | None = None) -> None:
        """Remember a session by its key."""
        if session_id:
            session.named(digest(session_id))
        self._sessions.setdefault(key, session)
        if len(self._sessions) > _MAX_SESSIONS:
            _, oldest = self._sessions.popitem(last=False)
            oldest.close("not_followed")

    def end(self, key: Key, reason: str) -> None:
        """Forget a session, and record its open requests."""
        if session := self._sessions.pop(key, None):
            session.close(reason)

    def close(self) -> None:
        for key in list(self._sessions):
            self.end(key, "not_followed")
