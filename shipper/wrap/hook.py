"""The way of a hook in a wrapped Python server to the recorder beside it: `wrap --python`."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from shipper.wrap.options import Options


class Hook(NamedTuple):
    """The recorder's end of the pipe, in a folder of its own, and the server's variables.

    The launcher opens the pipe, so that the server finds a reader from its start.
    """

    folder: Path | None = None
    pipe: int | None = None
    variables: Mapping[bytes, bytes] = {}

    @classmethod
    def made(cls, options: Options) -> "Hook":
        """The pipe, if the options ask for a hook. Raises `OSError`."""
        if options.inside is None:
            return NO_HOOK
        from shipper.capture.inside import make_pipe

        folder = Path(tempfile.mkdtemp(prefix="mcp-shipper-"))
        path, pipe = make_pipe(folder)
        added = options.inside(path).items()
        return cls(folder, pipe, {os.fsencode(name): os.fsencode(value) for name, value in added})

    @property
    def descriptors(self) -> tuple[int, ...]:
        return () if self.pipe is None else (self.pipe,)

    def remove(self) -> None:
        """Remove the pipe: the recorder has ended."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


NO_HOOK = Hook()
