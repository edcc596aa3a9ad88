"""Commands for the keystore: secrets for `${NAME}` in the configuration."""

import argparse
import getpass
import os
import re
import sys

from shipper.cli.commands import EX_FAILED
from shipper.cli.configuration import config_path, is_strict, settings_of
from shipper.cli.terminal import say, warn
from shipper.config import keystore_of
from shipper.config.keystore import Keystore
from shipper.config.variables import NAME


def _keystore(arguments: argparse.Namespace) -> Keystore:
    """The keystore of the configuration in use."""
    path, settings = config_path(arguments), settings_of(arguments)
    return keystore_of(path, os.environ, strict=is_strict(arguments), settings=settings)


def create(arguments: argparse.Namespace) -> int:
    """Create an empty keystore."""
    keystore = _keystore(arguments)
    if keystore.path.exists() and not arguments.force:
        warn(f"{keystore.path} already exists; --force replaces it and its secrets")
        return EX_FAILED
    keystore.write({})
    say(f"created {keystore.path}")
    return 0


def add(arguments: argparse.Namespace) -> int:
    """Add a secret from standard input: an argument would be visible in the process list."""
    keystore = _keystore(arguments)
    secrets = keystore.read()
    if arguments.name in secrets and not arguments.force:
        warn(f"{arguments.name} already exists; --force replaces it")
        return EX_FAILED
    if not re.fullmatch(NAME, arguments.name):
        warn(f"{arguments.name!r} cannot be used as ${{NAME}}; names consist of A-Z a-z 0-9 _")
        return EX_FAILED
    prompts = sys.stdin.isatty() and not arguments.stdin
    read = getpass.getpass(f"{arguments.name}: ") if prompts else sys.stdin.read()
    if not (value := read.rstrip("\n")):
        warn("the value is empty; nothing was added")
        return EX_FAILED
    keystore.write({**secrets, arguments.name: value})
    return 0


def list_names(arguments: argparse.Namespace) -> int:
    """Print the names of the secrets."""
    for name in sorted(_keystore(arguments).read()):
        say(name)
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """Remove a secret."""
    keystore = _keystore(arguments)
    secrets = keystore.read()
    if secrets.pop(arguments.name, None) is None:
        warn(f"{arguments.name} is not in {keystore.path}")
        return EX_FAILED
    keystore.write(secrets)
    return 0
