"""docs/coverage.md, made from the golden files: which event which stack leaves."""

import re
from pathlib import Path

from tests.stacks.environments import LEGACY, STACKS
from tests.stacks.golden import HOOKED, sections
from tests.stacks.test_client import EXPECTED as SEEN_BY_HOSTS
from tests.stacks.test_client import HOSTS
from tests.stacks.test_ends import HIDE_THE_CLASS, WAIT_FOR_THE_TOOL

PAGE = Path(__file__).parent.parent.parent / "docs" / "coverage.md"

#: What is seen, by which hook, and the line of a golden file that shows it.
_REQUESTS = (
    ("the start of a session", "dispatch", r"(session-initialize|server-discover) success"),
    ("a listing", "dispatch", r"tool-list success"),
    ("a call and its result", "dispatch", r"tool-call add success"),
    (
        "the verified user of each request (HTTP), the account of the process (pipe)",
        "dispatch",
        r"tool-call add success for (ada|agent|owner)",
    ),
    ("the exception of a tool", "causes", r"tool-call crash failure .* OutOfStock"),
    ("a tool's `PermissionError` as a denial", "causes", r"tool-call refuse failure .* \(denied\)"),
    ("arguments that do not fit", "dispatch, causes", r"tool-call add failure"),
    ("an unknown tool", "dispatch", r"tool-call nothing failure"),
    ("the tools that a tool calls", "causes", r"tool-call outer success .* calls add"),
    ("each of these calls as an event", "causes", r"tool-call add success .* within a call"),
    ("a tool whose definition changed", "dispatch", r"tool-redefined add"),
    (
        "a tool that the caller may not use, hidden as unknown",
        "causes",
        r"secret failure .* \((insufficient_scope|denied)\)",
    ),
    ("a call that its client cancelled", "dispatch", r"tool-call slow unknown .* \(cancelled\)"),
    ("a resource", "dispatch", r"resource-read file:///notes.txt success"),
    (
        "the exception of a resource",
        "causes",
        r"resource-read file:///broken.txt failure .* OutOfStock",
    ),
    ("a prompt", "dispatch", r"prompt-get greet success"),
    ("a method that nobody serves", "dispatch", r"method-unknown"),
)
_HTTP = (
    ("a missing or unknown token", "ASGI", r"token-rejected failure"),
    ("why a token was refused: it has expired", "verifier", r"token-rejected .* \(expired\)"),
    ("a token without the scope", "ASGI", r"scope-challenge failure"),
    ("a message that is no JSON", "ASGI", r"malformed_json"),
    ("a session used with another user's token", "ASGI, dispatch", r"for (bob|bot)"),
    ("an unknown session", "ASGI", r"(unknown_session|bad_request) failure for (ada|agent)"),
    ("the end of a session", "ASGI", r"session-end success"),
)
#: What a proxy sees of a server that is not hooked.
_PROXY = (
    ("the start of a session", r"(session-initialize|server-discover) success"),
    ("a listing", r"tool-list success"),
    ("a call and its result", r"tool-call add success"),
    ("a tool that failed", r"tool-call crash failure"),
    ("the exception of a tool", r"OutOfStock"),
    ("a call that its client cancelled or left", r"tool-call slow unknown .*"),
    ("a resource", r"resource-read file:///notes.txt success"),
    ("a prompt", r"prompt-get greet success"),
    ("a method that nobody serves", r"method-unknown"),
    ("a missing or unknown token", r"token-rejected failure"),
    ("a token without the scope", r"scope-challenge failure"),
    ("why a token was refused: it has expired", r"token-rejected .* \(expired\)"),
    ("a tool whose definition changed", r"tool-redefined add"),
    ("a message that is no JSON", r"malformed_json"),
    ("an unknown session", r"(unknown_session|bad_request)"),
    ("the end of a session", r"session-end success"),
    ("the verified user of each request", r"for (ada|agent)"),
)
#: What is seen on the pipe of a wrapped server, and inside it.
_WRAPPED = (
    ("the start of a session", r"(session-initialize|server-discover) success"),
    ("a listing", r"tool-list success"),
    ("a call and its result", r"tool-call add success"),
    ("a tool that failed", r"tool-call crash failure"),
    ("the exception of a tool", r"tool-call crash failure .* OutOfStock"),
    ("a tool's `PermissionError` as a denial", r"tool-call refuse failure .* \(denied\)"),
    ("an unknown tool", r"tool-call nothing failure"),
    ("the tools that a tool calls, each as an event", r"tool-call add success .* within a call"),
    ("a tool whose definition changed", r"tool-redefined add"),
    ("a call that its client cancelled", r"tool-call slow unknown .* \(cancelled\)"),
    ("a resource", r"resource-read file:///notes.txt success"),
    ("the exception of a resource", r"resource-read file:///broken.txt failure .* OutOfStock"),
    ("a prompt", r"prompt-get greet success"),
    ("a method that nobody serves", r"method-unknown"),
)
NONE = "–"  # noqa: RUF001 - a dash in a table
WRAPPED = ["wrap", "wrap --python"]
_TRANSPORTS = ("memory", "stdio", "http", "sse")

_BEGIN, _END = "<!-- coverage: generated by `make assets` -->\n", "<!-- end of coverage -->\n"


def page():
    """docs/coverage.md with the tables as they must be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    tables = [_table(_REQUESTS, _TRANSPORTS), _table(_HTTP, _TRANSPORTS[2:])]
    proxied = _table([(what, "proxy", seen) for what, seen in _PROXY], _TRANSPORTS[2:], ["proxy"])
    made = f"\n## Requests\n\n{tables[0]}\n## HTTP\n\n{tables[1]}\n"
    wrapped = _table([(what, "wrap", seen) for what, seen in _WRAPPED], ("stdio",), WRAPPED)
    wrapped = wrapped.replace("stdio (wrap --python)", "with `--python`")
    made += f"## Through the proxy\n\n{proxied}\n## Wrapped\n\n{wrapped}\n"
    made += f"## The end of a call\n\n{_ends()}\n## On the client's side\n\n{_of_hosts()}\n"
    return before + _BEGIN + made + _END + rest.partition(_END)[2]


def _table(rows, transports, hows=HOOKED):
    columns = [(stack, era) for stack in STACKS for era in stack.eras]
    columns = [(s, e) for s, e in columns if set(transports) & {t for t, _ in s.combinations()}]
    heads = [stack.name + ("" if era == LEGACY else f", {era}") for stack, era in columns]
    lines = [
        f"| What | Hook | {' | '.join(heads)} |",
        f"|---|---|{'---|' * len(heads)}",
    ]
    for what, hook, pattern in rows:
        cells = [_cell(stack, era, transports, hows, re.compile(pattern)) for stack, era in columns]
        lines.append(f"| {what} | {hook} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ends():
    """What `test_ends` shows of each stack, on a pipe."""
    gone = dict.fromkeys(WAIT_FOR_THE_TOOL, "by the next process")
    rows = {
        "cancelled by its client": {},
        "its client left": gone,
        "timed out": dict.fromkeys(HIDE_THE_CLASS, "a failure without a class"),
        "its process crashed": {stack.name: "by the next process" for stack in STACKS},
    }
    return _grid([stack.name for stack in STACKS], rows)


def _of_hosts():
    """What `test_client` shows of the requests that a host makes, and of what it is asked."""
    names = [stack.name for stack in HOSTS]
    return _grid(names, {line: {} for line in dict.fromkeys(SEEN_BY_HOSTS)})


def _grid(names, rows):
    lines = [f"| The event | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for what, cells in rows.items():
        lines.append(f"| {what} | {' | '.join(cells.get(name, 'yes') for name in names)} |")
    return "\n".join(lines) + "\n"


def _cell(stack, era, transports, hows, pattern):
    visits = {
        (transport, how): lines
        for (transport, how), lines in sections(stack, era).items()
        if transport in transports and how in hows
    }
    seen = [visit for visit, lines in visits.items() if any(map(pattern.search, lines))]
    if len(seen) == len(visits):
        return "yes"
    names = []
    for transport in transports:
        found = [how for name, how in seen if name == transport]
        if found:
            names.append(transport if len(found) == len(hows) else f"{transport} ({found[0]})")
    return ", ".join(names) or NONE


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
