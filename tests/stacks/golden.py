"""The expected events: a file for each stack and era, with a section for each list that differs.

A section's head names the visits that leave it: transports, with `auto` for the import hook alone,
and with `proxy` for a server that is not hooked, behind a proxy.
"""

from pathlib import Path

#: How the same list is left, where a head names no other way.
HOOKED = ["instrument", "auto"]
FOLDER = Path(__file__).parent / "golden"


def expected(stack, transport, era, how):
    """The lines that such a visit leaves."""
    return _read(stack, era).get((transport, how))


def write(stack, transport, era, how, lines):
    """Set the lines of a visit."""
    known = _read(stack, era) | {(transport, how): lines}
    texts = []
    for found in _distinct(known.values()):
        visits = [visit for visit in known if known[visit] == found]
        texts.append("\n".join([f"# {_head(visits)}", *found, ""]))
    _path(stack, era).write_text("\n".join(texts), encoding="utf-8")


def sections(stack, era):
    """The lines by visit: transport, and how the server was hooked."""
    return _read(stack, era)


def _head(visits):
    heads = []
    for transport in dict.fromkeys(transport for transport, _ in visits):
        hows = [how for name, how in visits if name == transport]
        if set(HOOKED) <= set(hows):
            heads.append(transport)
            hows = [how for how in hows if how not in HOOKED]
        heads += [f"{transport} by {how}" for how in hows]
    return ", ".join(heads)


def _visits(head):
    for part in head.split(", "):
        transport, _, how = part.partition(" by ")
        yield from ((transport, one) for one in ([how] if how else HOOKED))


def _read(stack, era):
    path = _path(stack, era)
    found = {}
    texts = path.read_text(encoding="utf-8").split("# ")[1:] if path.exists() else ()
    for head, *lines in (text.splitlines() for text in texts):
        found |= {visit: [line for line in lines if line] for visit in _visits(head)}
    return found


def _path(stack, era):
    return FOLDER / f"{stack.name}.{era}.txt"


def _distinct(lists):
    found = []
    for one in lists:
        if one not in found:
            found.append(one)
    return found
