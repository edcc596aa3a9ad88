"""Lines that can make a Logstash close its connection without a reason.

The lines are strict JSON already; these are further limits of Logstash's parser. They are checked
only after a connection was closed on a window, never before.
"""

import re

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}:]|[-+.0-9eE]++', re.DOTALL)

_MAX_DEPTH = 1000
_MAX_NUMBER_CHARS = 10_000
_MAX_NAME_CHARS = 50_000
_MAX_STRING_CHARS = 20_000_000  # Logstash 8.10; later versions allow ten times as many


def suspicion(line: bytes) -> str | None:
    """Why Logstash may have refused `line`; None if no reason is known."""
    depth, last = 0, b""
    for match in _TOKEN.finditer(line):
        token = match[0]
        depth += (token in b"{[") - (token in b"}]")
        if depth > _MAX_DEPTH:
            return f"it nests deeper than {_MAX_DEPTH}"
        reason = _of_name(last) if token == b":" else _of_value(token)
        if reason:
            return reason
        last = token
    return None


def _of_name(name: bytes) -> str | None:
    if name == b'""':
        return "it has an empty key"
    if len(name) > _MAX_NAME_CHARS:
        return f"it has a key of more than {_MAX_NAME_CHARS} characters"
    return None


def _of_value(token: bytes) -> str | None:
    is_string = token.startswith(b'"')
    if is_string and len(token) > _MAX_STRING_CHARS:
        return f"it has a string of more than {_MAX_STRING_CHARS} characters"
    if not is_string and len(token) > _MAX_NUMBER_CHARS:
        return f"it has a number of more than {_MAX_NUMBER_CHARS} digits"
    return None
