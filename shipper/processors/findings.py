"""What `redact` masks in a line, where, and why."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from shipper.processors.redact import Redact
from shipper.secrets.masker import masker, reason_of

_TOKEN = re.compile(r"\[([A-Z0-9_]{2,40})(?:[#][0-9a-f]{16})?\]")
_REDACT = Redact()
_ECHO = "it repeats a value masked by its name, or has one in JSON"


class Finding(NamedTuple):
    """One masked place: the path of the member, the kind, and what revealed it.

    The characters of an echo are not known: 0.
    """

    path: str
    kind: str
    why: str
    characters: int


def masked_line(line: bytes) -> bytes:
    """The line as `redact` leaves it; of a line that is no JSON object, the masked text."""
    event = _object(line)
    if event is None:
        return masker().mask(line.decode(errors="replace"), lambda *_: None).encode()
    return msgspec.json.encode(_REDACT.process(event))


def findings(line: bytes) -> Iterator[Finding]:
    """Everything that is masked in a line, in its order."""
    event = _object(line)
    if event is None:
        yield from _in_text("", line.decode(errors="replace"))
        return
    masked = msgspec.json.decode(msgspec.json.encode(_REDACT.process(event)))
    yield from _differences("", msgspec.json.decode(line), masked)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _differences(path: str, before: Any, after: Any) -> Iterator[Finding]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for (name, item), (masked_name, masked) in zip(before.items(), after.items(), strict=False):
            if name != masked_name:
                yield from _in_text(f"{path} (a name)".lstrip("."), name)
            yield from _differences(f"{path}.{masked_name}".lstrip("."), item, masked)
    elif isinstance(before, list) and isinstance(after, list):
        for number, (item, masked) in enumerate(zip(before, after, strict=False)):
            yield from _differences(f"{path}[{number}]", item, masked)
    else:
        yield from _replaced(path, before, after)


def _replaced(path: str, before: Any, after: Any) -> Iterator[Finding]:
    if isinstance(before, str) and (found := [*_in_text(path, before)]):
        yield from found
        echoes = str(after).count("[SECRET") - sum(one.kind == "secret" for one in found)
        yield from (Finding(path, "echo", _ECHO, 0) for _ in range(echoes))
        return
    text = before if isinstance(before, str) else msgspec.json.encode(before).decode()
    token = _TOKEN.search(str(after))
    kind = token[1].lower() if token else "secret"
    is_whole = token is not None and token[0] == after
    why = "the name of the member" if is_whole else _ECHO
    yield Finding(path, kind, why, len(text))


def _in_text(path: str, text: str) -> Iterator[Finding]:
    for span in masker().spans(text):
        why = reason_of(text, span)
        yield Finding(path, span.token[1:-1].lower(), why, span.end - span.start)
