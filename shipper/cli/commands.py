"""The parser of commands, and the exit codes, which are those of sysexits.h."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shipper import __version__

#: Tried in this order if -c is not given.
CONFIG_FILES = (Path("mcp-shipper.yml"), Path("/etc/mcp-shipper/mcp-shipper.yml"))

EX_FAILED = 1
EX_DATAERR = os.EX_DATAERR
EX_UNAVAILABLE = os.EX_UNAVAILABLE
EX_IOERR = os.EX_IOERR
EX_NOPERM = os.EX_NOPERM
EX_CONFIG = os.EX_CONFIG

#: Does the work and returns the exit code.
Command = Callable[[argparse.Namespace], int]


class _Collect(argparse.Action):
    """Like `append`, but keeps values from both before and after the command's name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._values: list[object] = []

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        _option: str | None = None,
    ) -> None:
        self._values.append(values)
        setattr(namespace, self.dest, self._values)


class Commands:
    """The commands of one level; all of them take the common options, such as -c."""

    def __init__(self, parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
        self._common = common
        self._level = parser.add_subparsers(required=True, metavar="COMMAND")

    @classmethod
    def parser(cls, program: str, text: str) -> "tuple[argparse.ArgumentParser, Commands]":
        """The program's parser, and the first level of commands."""
        common = argparse.ArgumentParser(add_help=False)
        common.add_argument(
            "-c",
            dest="config",
            metavar="FILE",
            type=Path,
            default=argparse.SUPPRESS,  # a default would replace a -c before the command's name
            help=f"configuration (default: {' or '.join(map(str, CONFIG_FILES))})",
        )
        common.add_argument(
            "--strict.perms",
            dest="strict",
            choices=("true", "false"),
            default=argparse.SUPPRESS,
            help="false: accept a configuration that other users can write",
        )
        common.add_argument(
            "-E",
            dest="settings",
            metavar="KEY=VALUE",
            action=_Collect,
            default=argparse.SUPPRESS,
            help="set a key of the configuration, overriding the file",
        )
        common.add_argument(
            "-e",
            action="store_true",
            default=argparse.SUPPRESS,
            help="log to standard error instead of files",
        )
        made = argparse.ArgumentParser(prog=program, parents=[common], description=text)
        made.add_argument("--version", action="version", version=f"{program} {__version__}")
        return made, cls(made, common)

    def add(self, name: str, command: str, text: str) -> argparse.ArgumentParser:
        """Add the command `module:function` of `shipper.cli`."""
        made = self._level.add_parser(name, parents=[self._common], help=text, description=text)
        made.set_defaults(command=command)
        return made

    def group(self, name: str, text: str) -> "Commands":
        """Add a command that has commands of its own."""
        return Commands(self._level.add_parser(name, help=text, description=text), self._common)
