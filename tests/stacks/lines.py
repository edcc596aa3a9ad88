"""Recorded events as short lines, for golden files."""

import json
import os
import pwd

#: The last request of a visit; a proxy cannot know that SDK 1.x serves no such method.
_LAST = ("method-unknown", "method-call")


def lines(folder):
    """One line for each event that a visit left in `folder`, without what varies.

    They are in order up to the last request of the client. What HTTP refuses is recorded after its
    answer, when the next request may have come: those lines are sorted.
    """
    events = recorded(folder / "audit")
    found = [_line(event) for event in events if not _is_own(event)]
    ends = [n for n, line in enumerate(found) if line.startswith(_LAST)]
    assert ends, "\n".join(["the client did not get to its last request, but to:", *found])
    last = 1 + max(ends)
    return found[:last] + sorted(found[last:])


def recorded(directory):
    """All events of a record."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def _is_own(event):
    return event["event"]["action"].startswith("audit-")


def _line(event):
    about, mcp = event["event"], event.get("mcp", {})
    parts = [about["action"], _name(event), about["outcome"], "for", _who(event)]
    if error := event.get("error"):
        parts.append(":".join(filter(None, (error.get("type"), str(error.get("code") or "")))))
    if reason := about.get("reason"):
        parts.append(f"({reason})")
    if mcp.get("call", {}).get("parent"):
        parts.append("within a call")
    if nested := mcp.get("tool", {}).get("nested"):
        parts.append("calls " + " ".join(nested))
    if scopes := mcp.get("oauth", {}).get("scopes", {}).get("required"):
        parts.append("needs " + " ".join(scopes))
    return " ".join(filter(None, parts))


def _name(event):
    mcp = event.get("mcp", {})
    return (
        event.get("gen_ai", {}).get("tool", {}).get("name")
        or mcp.get("resource", {}).get("uri")
        or event.get("gen_ai", {}).get("prompt", {}).get("name")
        or mcp.get("prompt", {}).get("name")
        or mcp.get("violation", {}).get("type")
    )


def _who(event):
    user = event.get("user", {}).get("id")
    owner = pwd.getpwuid(os.getuid()).pw_name
    return "owner" if user == owner else user or "nobody"
