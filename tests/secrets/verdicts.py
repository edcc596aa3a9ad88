"""What is left of a secret, and what is gone from a harmless text."""

import json

#: A leak is the secret, or this share of it in one piece.
_SHARE = 0.6
#: A shorter piece may stand anywhere by chance: a shorter secret leaks as a whole only.
_SHORTEST = 6


def leaked(case, written):
    """The secrets of the case that can be read in the payload as written."""
    texts = "\0".join(_texts(written))
    return [secret for secret in case.secrets if _is_in(secret, texts)]


def _texts(value):
    """All texts of a value, names included; JSON in a text is read as it stands."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _is_in(secret, text):
    size = max(-int(-len(secret) * _SHARE // 1), min(len(secret), _SHORTEST))
    return any(_spelt(secret[at : at + size], text) for at in range(len(secret) - size + 1))


def _spelt(piece, text):
    """As it stands, or as JSON in a text spells it."""
    return piece in text or json.dumps(piece, ensure_ascii=False)[1:-1] in text


def is_changed(case, written):
    """Whether a harmless payload lost anything."""
    if written.get("masked"):
        return True
    if "arguments" in case.payload and written.get("arguments") != case.payload["arguments"]:
        return True
    return "result" in case.payload and not _same(case.payload["result"], written.get("result"))


def _same(result, written):
    """The record keeps a result that is no text as JSON."""
    if isinstance(result, str) or not isinstance(written, str):
        return result == written
    return json.loads(written) == result
