"""Secrets for `${NAME}` in the configuration."""

import argparse
import getpass
import os
import re
import sys
from typing import TYPE_CHECKING

from shipper.cli.commands import EX_FAILED, Commands, config_path, is_strict, settings_of
from shipper.cli.terminal import complain, say

if TYPE_CHECKING:
    from shipper.config.keystore import Keystore


def add(commands: Commands) -> None:
    keystore = commands.group("keystore", "secrets for ${NAME} in the configuration")
    create = keystore.add("create", _create, "make an empty keystore")
    create.add_argument("--force", action="store_true", help="replace one that is there")
    adding = keystore.add("add", _add, "add a secret, asked for or from standard input")
    adding.add_argument("name", help="as in ${name}")
    adding.add_argument("--stdin", action="store_true", help="do not ask, read standard input")
    adding.add_argument("--force", action="store_true", help="replace one of that name")
    keystore.add("list", _list, "print the names")
    removing = keystore.add("remove", _remove, "remove a secret")
    removing.add_argument("name", help="as `list` prints it")


def _keystore(arguments: argparse.Namespace) -> "Keystore":
    """The keystore of the configuration in use."""
    from shipper.config import keystore_of

    path, settings = config_path(arguments), settings_of(arguments)
    return keystore_of(path, os.environ, strict=is_strict(arguments), settings=settings)


def _create(arguments: argparse.Namespace) -> int:
    keystore = _keystore(arguments)
    if keystore.path.exists() and not arguments.force:
        complain(f"{keystore.path} exists; --force replaces it and its secrets")
        return EX_FAILED
    keystore.write({})
    say(f"created {keystore.path}")
    return 0


def _add(arguments: argparse.Namespace) -> int:
    """The value comes from standard input: an argument would show in the list of processes."""
    from shipper.config.variables import NAME

    keystore = _keystore(arguments)
    secrets = keystore.read()
    if arguments.name in secrets and not arguments.force:
        complain(f"{arguments.name} is there already; --force replaces it")
        return EX_FAILED
    if not re.fullmatch(NAME, arguments.name):
        complain(f"{arguments.name!r} is no name that ${{…}} can have: A-Z a-z 0-9 _")
        return EX_FAILED
    asks = sys.stdin.isatty() and not arguments.stdin
    read = getpass.getpass(f"{arguments.name}: ") if asks else sys.stdin.read()
    if not (value := read.rstrip("\n")):
        complain("the value is empty; nothing is added")
        return EX_FAILED
    keystore.write({**secrets, arguments.name: value})
    return 0


def _list(arguments: argparse.Namespace) -> int:
    for name in sorted(_keystore(arguments).read()):
        say(name)
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    keystore = _keystore(arguments)
    secrets = keystore.read()
    if secrets.pop(arguments.name, None) is None:
        complain(f"{arguments.name} is not in {keystore.path}")
        return EX_FAILED
    keystore.write(secrets)
    return 0
