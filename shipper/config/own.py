"""The shipper's own files, which no input reads: shipping them would write more of them."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from shipper.follow.inputs import InputConfig
from shipper.outputs.file.config import FileConfig
from shipper.patterns import Pattern


def without_own(
    inputs: Sequence[InputConfig], data: Path, outputs: Mapping[str, object]
) -> tuple[InputConfig, ...]:
    """The inputs, whose patterns match no position, no secret and no file that an output writes.

    Only an input that names a path below `path.data` itself reads there.
    """
    settings = outputs.get("file")
    written = _written(settings) if isinstance(settings, FileConfig) else None
    return tuple(_without(one, f"{_absolute(data)}/", written) for one in inputs)


def _without(one: InputConfig, data: str, written: Pattern | None) -> InputConfig:
    own = (*_below(one, data), *([written] if written else []))
    return replace(one, scanner=replace(one.scanner, own_files=own))


def _below(one: InputConfig, data: str) -> Iterator[Pattern]:
    if not any(_absolute(path).startswith(data) for path in one.paths):
        yield _pattern(re.escape(data))


def _written(settings: FileConfig) -> Pattern:
    name = re.escape(f"{_absolute(settings.path)}/{settings.filename}")
    return _pattern(rf"{name}(-\d+)?\.ndjson\Z")


def _pattern(text: str) -> Pattern:
    return Pattern(text, re.compile(rf"\A{text}"))


def _absolute(path: str | Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100  # as followed files are named
