"""Becomes the server: this process executes it, and one beside it passes its bytes on.

The process that the client starts becomes the server, so signals, exit code, parent, group and
standard error need no handling.

    client ── this process, which becomes the server
       └──────── pump ── recorder          (in a session of their own: signals do not reach them)

Only where the end of this process ends all others, as in a container, it stays and waits.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from shipper.wrap.hook import NO_HOOK, Hook
from shipper.wrap.options import Options

_INIT = 1
_NOT_FOUND, _NOT_EXECUTABLE, _SIGNALED = 127, 126, 128
#: The recorder runs when the traffic leaves a core to it.
_NICE = 10
#: Python ignores these, and whoever it executes would inherit that.
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)
_PASSED_ON = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH),
)


class _Pipes:
    """The server's standard input and output, each with both of its ends."""

    def __init__(self) -> None:
        self.in_read, self.in_write = os.pipe()
        self.out_read, self.out_write = os.pipe()

    def close(self) -> None:
        for descriptor in (self.in_read, self.in_write, self.out_read, self.out_write):
            os.close(descriptor)


def launch(command: Sequence[str], options: Options) -> NoReturn:
    """Execute the command, recorded; it runs also where it cannot be recorded."""
    try:
        options.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(options.directory, os.W_OK | os.X_OK):
            raise PermissionError(0, "this user may not write there")
        pipes = _Pipes()
        hook = Hook.made(options)
        stays = _INIT in (os.getpid(), os.getppid())
        pump = _beside(lambda: _pump(pipes, options, hook), is_child=stays)
    except OSError as error:
        _warn(f"{command[0]} runs without a record in {options.directory}: {error.strerror}")
        _execute(command)
    if stays:
        _stay(command, pipes, hook, pump)
    _execute(command, pipes, hook)


def _beside(run: Callable[[], None], *, is_child: bool) -> int:
    """Run in a process in a session of its own; the caller's child, or nobody's."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            if is_child or os.fork() == 0:
                run()
        finally:
            os._exit(0)
    if not is_child:
        os.waitpid(pid, 0)
    return pid


def _pump(pipes: _Pipes, options: Options, hook: Hook) -> None:
    """Pass bytes on until both sides have ended; a process of its own records."""
    for number in _PASSED_ON:
        signal.signal(number, signal.SIG_IGN)
    os.close(pipes.in_read)
    os.close(pipes.out_write)
    frames, reports = os.pipe()
    complaint, complain = os.pipe()
    recorder = os.fork()
    if recorder == 0:
        try:
            _close_all_but(frames, complain, *hook.descriptors)
            _record(frames, complain, options, hook)
        finally:
            os._exit(0)
    os.close(frames)
    os.close(complain)
    _close_all_but(pipes.in_write, pipes.out_read, reports, complaint)
    _pass_on(pipes, reports, complaint)
    os.waitpid(recorder, 0)


def _pass_on(pipes: _Pipes, reports: int, complaint: int) -> None:
    from threading import Thread

    from shipper.wrap.pump import Ends, pump
    from shipper.wrap.tee import Tee

    Thread(target=_relay, args=(complaint,), daemon=True).start()
    tee = Tee(reports)
    pump(Ends(0, 1, pipes.in_write, pipes.out_read), tee)
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)  # a client may wait for the end of it
    tee.close()


def _relay(complaint: int) -> None:
    """Pass on to standard error what the recorder cannot do."""
    while block := os.read(complaint, 4096):
        os.write(2, block)


def _record(frames: int, complain: int, options: Options, hook: Hook) -> None:
    os.nice(_NICE)
    null = os.open(os.devnull, os.O_RDWR)
    for target, source in ((0, null), (1, null), (2, complain)):
        os.dup2(source, target)
    from shipper.wrap.recorder import record

    with open(frames, "rb") as pipe:
        record(pipe, options, hook.pipe)
    hook.remove()


def _close_all_but(*kept: int) -> None:
    """Close what was inherited, except the standard ones: a pipe held open here would never end."""
    last = 2
    for descriptor in sorted(kept):
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))


def _execute(command: Sequence[str], pipes: _Pipes | None = None, hook: Hook = NO_HOOK) -> NoReturn:
    """Become the command, with the environment that this process was started with."""
    if pipes:
        os.dup2(pipes.in_read, 0)
        os.dup2(pipes.out_write, 1)
        pipes.close()
    for number in _IGNORED:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(command[0], list(command), {**_environment(), **hook.variables})  # noqa: S606 - that is what it is for
    except OSError as error:
        _warn(f"{command[0]}: {error.strerror}")
        os._exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE)


def _environment() -> dict[bytes, bytes]:
    """The environment as it was given: Python may have set `LC_CTYPE` in it."""
    try:
        given = Path("/proc/self/environ").read_bytes()
    except OSError:
        return dict(os.environb)
    pairs = (entry.partition(b"=") for entry in given.split(b"\0") if b"=" in entry)
    return {name: value for name, _, value in pairs}


def _stay(command: Sequence[str], pipes: _Pipes, hook: Hook, pump: int) -> NoReturn:
    """Run the server as a child, pass signals on to it, and end as it does once all is passed."""
    server = os.fork()
    if server == 0:
        _execute(command, pipes, hook)
    pipes.close()
    for descriptor in (0, 1):
        os.close(descriptor)
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _frame: os.kill(server, number))
    ended: dict[int, int] = {}
    while not {server, pump} <= ended.keys():
        pid, status = os.wait()
        ended[pid] = status
    _end_as(ended[server])


def _end_as(status: int) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    if code < 0 and os.getpid() != _INIT:  # the first process of a container cannot kill itself
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else _SIGNALED - code)


def _warn(text: str) -> None:
    sys.stderr.write(f"mcp-shipper: {text}\n")
    sys.stderr.flush()
