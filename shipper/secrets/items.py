"""Whether the value of a member is a secret: by its name, and by what the value is."""

import re
from collections.abc import Mapping
from functools import lru_cache

from shipper.secrets.entropy import looks_random
from shipper.secrets.lazy import lazy
from shipper.secrets.names import HARMLESS, MAX_NAME, STATES, is_secret_name
from shipper.secrets.own import is_allowed

#: The types of a JSON schema, which describes a secret and holds none.
TYPES = frozenset({"string", "object", "number", "integer", "boolean", "array", "null"})
PATH = lazy(r"[/~.]|[A-Za-z]:\\")
#: A pin of a board: `GPIO17`, `A0`.
_OF_BOARD = lazy(r"[A-Z]{1,5}_?[0-9]{1,2}")
_TELLING = lazy(r"secret|token|key|passw|cred|auth|access|session|signature")
_LEAST_RANDOM = 20
_MOST_RANDOM = 512


def is_secret_item(name: str, item: object) -> bool:
    """Whether a member is masked: its name is a secret's, or reveals that a random text is one."""
    if is_secret_name(name):
        return can_be_secret(name, item)
    return is_random_item(name, item)


def can_be_secret(name: str, item: object) -> bool:
    """Whether a value under a secret's name may be one: not a count, a state or a description."""
    if isinstance(item, str):
        return (
            item.lower() not in STATES
            and not is_allowed(item)
            and not (name[-3:].lower() == "pwd" and PATH.match(item) is not None)
            and not (name.lower() == "pin" and _OF_BOARD.fullmatch(item) is not None)
        )
    if isinstance(item, Mapping):
        return item.get("type") not in TYPES if type(item.get("type")) is str else True
    return type(item) not in {int, float} or not name.lower().endswith(("tokens", "seed"))


def is_random_item(name: str, item: object) -> bool:
    """Whether a text looks random under a name that may be a secret's."""
    return (
        type(item) is str
        and _LEAST_RANDOM <= len(item) <= _MOST_RANDOM
        and is_telling(name[:MAX_NAME])
        and " " not in item
        and "://" not in item
        and not item.startswith("arn:")
        and looks_random(item)
    )


@lru_cache(maxsize=4096)  # names repeat
def is_telling(name: str) -> bool:
    """Whether a text under this name is a secret if it looks random."""
    plain = re.sub(r"[\W_]+", "", name).lower()
    return _TELLING.search(plain) is not None and not HARMLESS.fullmatch(plain)
