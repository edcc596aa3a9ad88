"""The signer: a process of its own, which alone holds the key.

The process that ships starts it, and hands it the chains of the lines that it has read. It neither
opens the key nor loads the library that uses it, and does none of the work of signing. Both ends
of the conversation are here: one answer or more to each message, over the signer's standard input
and output.
"""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from shipper.durable import open_append
from shipper.errors import ConfigError, Problem, ShipperError
from shipper.evidence.keys import CannotSign, signer_of
from shipper.evidence.sign import Refusal, Rules, Signed, Signing
from shipper.evidence.store import LOCK, Store
from shipper.follow.verified import Chain, Chains

#: It imports what the process that starts it would import.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from shipper.evidence.signer import main; main()"
)
_LENGTH_BYTES = 4


class Settings(Struct, frozen=True, kw_only=True):
    """The first message: with what key to sign, when, and where."""

    key: str | None = None
    command: tuple[str, ...] = ()
    public: str | None = None
    rules: Rules = Rules()
    #: The evidence folder.
    folder: str


class _Delivered(Struct, frozen=True, tag=True):
    """A message without an answer: what delivery has read of a file."""

    device: int
    inode: int
    chain: Chain


class _Turn(Struct, frozen=True, tag=True):
    """The message after those: sign what is new."""

    directories: tuple[str, ...]
    at_close: bool


class _Done(Struct, frozen=True, tag=True):
    """The last answer to a message."""

    #: The public key, in the first answer.
    public: str = ""
    #: Why the key cannot be used.
    problems: tuple[Problem, ...] = ()
    #: Why not everything was signed.
    fault: str = ""


_Answer = Signed | Refusal | _Done
_encode = msgspec.msgpack.Encoder().encode
_settings = msgspec.msgpack.Decoder(Settings).decode
_message = msgspec.msgpack.Decoder(_Delivered | _Turn).decode
_answer = msgspec.msgpack.Decoder(_Answer).decode


class _Gone(Exception):  # caught in this module
    """The other process has ended."""


class SigningProcess:
    """The signer as the process that ships sees it; used by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        """Start it; `check` waits until it has read its key."""
        self._settings = settings
        #: The public key; empty before `check`.
        self.public = ""
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-c", _PROGRAM, *sys.path]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this module
        self._is_checked = False

    def check(self) -> None:
        """Wait until it has read its key; raises `ConfigError` if the key cannot be used.

        Any other failure is raised by `tick`, for as long as it lasts.
        """
        with suppress(CannotSign, _Gone):
            self._check()

    def _check(self) -> None:
        if self._is_checked:
            return
        for _ in self._answers(self._settings):
            pass
        self._is_checked = True

    def tick(
        self, directories: Iterable[Path], chains: Chains, *, at_close: bool = False
    ) -> Iterator[Signed | Refusal]:
        """What `Signing.tick` yields; take all of it. Every error of the signer is `CannotSign`.

        A signer that was killed is started again, and finds by itself where it stopped.
        """
        turn = _Turn(tuple(map(str, directories)), at_close)
        try:
            self._hand_over(chains)
            yield from self._tick(turn)
        except _Gone:
            self.close()
            self._start()
            try:
                yield from self._tick(turn)
            except _Gone:
                raise CannotSign("the signer has ended") from None

    def _hand_over(self, chains: Chains) -> None:
        """Hand over all chains, one by one: together, they would take twice the memory."""
        self._check()
        while chains:
            (device, inode), found = chains.popitem()
            for chain in found:
                self._send(_Delivered(device, inode, chain))

    def _tick(self, turn: _Turn) -> Iterator[Signed | Refusal]:
        self._check()
        yield from self._answers(turn)

    def _answers(self, message: Settings | _Turn) -> Iterator[Signed | Refusal]:
        self._send(message)
        pipe = self._process.stdout
        assert pipe
        while not isinstance(answer := _answer(_receive(pipe)), _Done):
            yield answer
        self.public = answer.public or self.public
        if answer.problems:
            raise ConfigError(answer.problems)
        if answer.fault:
            raise CannotSign(answer.fault)

    def _send(self, message: Struct) -> None:
        pipe = self._process.stdin
        assert pipe
        _send(pipe, message)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        with suppress(BrokenPipeError), self._process:  # closes the pipes, and waits
            pass


def _send(pipe: IO[bytes], message: Struct) -> None:
    data = _encode(message)
    try:
        pipe.write(len(data).to_bytes(_LENGTH_BYTES, "big"))
        pipe.write(data)
        pipe.flush()
    except BrokenPipeError:
        raise _Gone from None


def _receive(pipe: IO[bytes]) -> bytes:
    size = int.from_bytes(_exactly(pipe, _LENGTH_BYTES), "big")
    return _exactly(pipe, size)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise _Gone
    return data


def main() -> None:
    """Be the signer, until the process that started it closes the pipe or ends."""
    # A stop goes to all processes of a service or a terminal: the other one asks for the last
    # checkpoints then.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer)
    except _Gone:
        os._exit(0)  # an answer that nobody reads is still in the buffer


def _serve(messages: IO[bytes], answers: IO[bytes]) -> None:
    settings = _settings(_receive(messages))
    directories: list[Path] = []
    try:
        signer = signer_of(settings.key, settings.command, settings.public)
        _wait_for_others(Path(settings.folder))
    except ConfigError as error:
        return _send(answers, _Done(problems=error.problems))
    except ShipperError as error:
        return _send(answers, _Done(problems=(Problem("evidence", str(error)),)))
    except OSError as error:
        return _send(answers, _Done(fault=str(error)))
    _send(answers, _Done(str(signer.public)))
    signing = Signing(lambda: directories, Store(Path(settings.folder)), signer, settings.rules)
    while True:
        chains, turn = _next_turn(messages)
        directories[:] = map(Path, turn.directories)
        try:
            for one in signing.tick(chains, at_close=turn.at_close):
                _send(answers, one)
        except (OSError, ShipperError) as error:
            _send(answers, _Done(fault=str(error)))
        else:
            _send(answers, _Done())


def _next_turn(messages: IO[bytes]) -> tuple[Chains, _Turn]:
    chains: Chains = {}
    while isinstance(message := _message(_receive(messages)), _Delivered):
        chains.setdefault((message.device, message.inode), []).append(message.chain)
    return chains, message


def _wait_for_others(folder: Path) -> None:
    """Hold the folder until this process ends: a killed shipper's signer ends a moment later."""
    fcntl.flock(open_append(folder / LOCK), fcntl.LOCK_EX)
