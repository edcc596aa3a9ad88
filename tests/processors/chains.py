"""Helpers that build chains as an operator writes them, and pass events through them."""

import json
from functools import lru_cache
from textwrap import indent

from shipper.config.processors import read_processors
from shipper.config.read import new_reader
from shipper.errors import ConfigError
from shipper.processors.chain import Chain
from shipper.yaml.parse import parse


@lru_cache(maxsize=64)
def chain(text):
    tree, _ = parse(f"processors:\n{indent(text, ' ')}", "c.yml")
    reader = new_reader()
    steps = read_processors(reader, tree.children["processors"])
    if reader.problems:
        raise ConfigError(reader.problems)
    return Chain(steps)


def through(text, event):
    """The event after the chain; None if it was dropped."""
    line = event if isinstance(event, bytes) else json.dumps(event).encode()
    result = chain(text).apply(line)
    return None if result is None else json.loads(result)
