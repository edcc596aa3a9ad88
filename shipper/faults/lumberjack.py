"""A Lumberjack server that misbehaves by a script."""

import re
from collections.abc import Callable, Sequence

from shipper.faults.script import OK, Action, Phase, Script
from shipper.faults.server import ANYWHERE, Ended, Link, Place, Server
from shipper.wire.lumberjack import Receiver, ack

#: The phases that `random` draws from: all that a window must survive, and as many good ones.
POOL = """
13x ok; ack 50%, close; ack 1, reset; ack 50%; ack 150%; reset; reset at 10; reset at 5k
close; close at 1k; lose; silence 1s; keepalive 1s; slow 200k; refuse
"""

#: The interval of keep-alives.
_KEEPALIVE_S = 0.1

_HEAD_BYTES = 6
_READ_BYTES = 64 << 10

_Window = Sequence[bytes]


class LumberjackServer(Server):
    """Strict about the client's protocol, even if it breaks the protocol itself."""

    def __init__(
        self,
        script: Script,
        kept: Callable[[_Window], object],
        *,
        poison: re.Pattern[bytes] | None = None,
        place: Place = ANYWHERE,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`kept` is called with acknowledged events; events like `poison` end a connection."""
        super().__init__(script, place, report)
        self._kept, self._poison = kept, poison

    def serve(self, link: Link) -> None:
        receiver = Receiver()
        while head := link.read(_HEAD_BYTES):
            windows: Sequence[_Window] = receiver.receive(head)
            phase = OK
            if not windows:
                phase = self.next_phase("window")
                link.begin(phase, len(head))
                windows = self._rest(link, receiver)
            for number, window in enumerate(windows):
                if number:  # pipelined: it came together with the window before
                    phase = self.next_phase("window")
                self.answer(link, window, phase)
            link.begin(OK)

    def answer(self, link: Link, window: _Window, phase: Phase) -> None:
        """Answer the window as the phase demands."""
        if self._poison is not None and any(map(self._poison.search, window)):
            raise Ended
        acked = 0
        for action in phase.actions if window else OK.actions:
            acked = max(acked, self._act(link, window, acked, action))

    def _rest(self, link: Link, receiver: Receiver) -> Sequence[_Window]:
        windows: Sequence[_Window] = ()
        while not windows:
            data = link.read(_READ_BYTES)
            if not data:
                raise Ended
            windows = receiver.receive(data)
        return windows

    def _act(self, link: Link, window: _Window, acked: int, action: Action) -> int:
        """Do one action; returns how many events are acknowledged so far."""
        size = len(window)
        match action.name:
            case "ok" | "ack" | "lose":
                upto = action.count(size) if action.name == "ack" else size
                self._kept(window[acked:upto])
                if action.name == "lose":
                    raise Ended
                link.socket.sendall(ack(upto))
                return upto
            case "silence":
                link.pause(action.seconds)
            case "keepalive":
                for _ in range(round((action.seconds or 0) / _KEEPALIVE_S)):
                    link.socket.sendall(ack(0))
                    link.pause(_KEEPALIVE_S)
            case "reset" | "close":
                link.end(Phase((action,)))
        return acked
