"""Whether a shipper runs, its outputs answer, and nothing waits to be sent again."""

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from shipper.config import Config
from shipper.deliver.dead_letters import dead_letters_folder
from shipper.doctor.files import user
from shipper.doctor.finding import Finding, ok, problem, warning
from shipper.errors import BadInput, Refused
from shipper.outputs import OUTPUTS
from shipper.outputs.file.config import FileConfig
from shipper.run.dead_letters import dead_letter_groups, outputs_with_dead_letters
from shipper.run.service import pipeline_config, probe
from shipper.run.status import is_locked

#: Of the bound of an output's dead letters, at which its pipeline stops.
_NEAR = 0.8


def lock(config: Config) -> Iterator[Finding]:
    """Whether a shipper holds `path.data`."""
    if is_locked(config.data / "mcp-shipper.lock"):
        yield ok("running", "a shipper runs with this path.data; a second `run` ends with code 74")
    else:
        yield ok("running", "no shipper runs with this path.data now")


def dead_letters(config: Config) -> Iterator[Finding]:
    """The lines that an output refused, by reason."""
    names = outputs_with_dead_letters(config)
    for name in names:
        if name in config.outputs:
            yield from _full(config, name)
        for group in dead_letter_groups(config, name, lambda _: True):
            what = f"{name} refused {group.count:,} lines: {group.reason}"
            yield warning("dead letters", what, "fix the cause, then: mcp-shipper replay")
    if not names:
        yield ok("dead letters", "no line was refused")


def _full(config: Config, name: str) -> Iterator[Finding]:
    paths = dead_letters_folder(config.data).glob(f"{name}.*ndjson")
    most = pipeline_config(name, config).dead_letters_max_bytes
    if sum(path.stat().st_size for path in paths) > most * _NEAR:
        what = f"the dead letters of {name} are almost full; nothing is shipped when they are"
        yield problem("dead letters", what, "mcp-shipper replay, or move the file", os.EX_IOERR)


def outputs(config: Config) -> Iterator[Finding]:
    """Whether each output answers; no event is sent."""
    if not config.outputs:
        what = "none is configured: `run` has nothing to ship to"
        yield problem("output", what, f"configure one of: {', '.join(OUTPUTS)}")
        return
    files = {name: one for name, one in config.outputs.items() if isinstance(one, FileConfig)}
    yield from (_file(name, one) for name, one in files.items())
    others = {name: one for name, one in config.outputs.items() if name not in files}
    try:
        for name, what, error in probe(replace(config, outputs=others)):
            if error is None:
                yield ok("output", f"{name}: {what}")
            elif isinstance(error, Refused):
                yield problem("output", f"{name}: {what}", _CORRECT, os.EX_NOPERM)
            else:
                yield problem("output", f"{name}: {what}", _RESTART, os.EX_UNAVAILABLE)
    except BadInput as error:
        yield from (problem("output", one.where, one.what) for one in error.problems)


def _file(name: str, settings: FileConfig) -> Finding:
    """Whether the file can be written; its probe would create it, for the user who examines."""
    folder = Path(settings.path)
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return ok("output", f"{name}: {folder} can be written")
    what = f"{name}: {user(os.geteuid())} cannot write to {there}"
    return problem("output", what, f"chown {user(os.geteuid())} {there}", os.EX_NOPERM)


_CORRECT = "correct the credentials, or the address; then: mcp-shipper test output"
_RESTART = "start the server or correct the address, then: mcp-shipper test output"
