"""Servers that others wrote, wrapped: every byte in both directions is as without wrap."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.real.mcp_servers import (
    npm_servers,
    other_npm_servers,
    other_python_server,
    python_servers,
)
from tests.wrap.test_wrap import DEADLINE_S, ROOT, command, recorded, wait_until

CAPABILITIES = {"sampling": {}, "elicitation": {}, "roots": {"listChanged": True}}
#: What the client answers to a server that asks it.
ANSWERS = {
    "roots/list": {"roots": [{"uri": "file:///tmp", "name": "tmp"}]},
    "elicitation/create": {"action": "decline"},
    "sampling/createMessage": {
        "role": "assistant",
        "content": {"type": "text", "text": "four"},
        "model": "none",
        "stopReason": "endTurn",
    },
}
#: Only these differ between two runs of one server.
VARYING = re.compile(
    rb'"(?:time|timestamp|lastAccessed|lastModified|datetime)": ?"[^"]*"'
    rb"|\d{4}-\d\d-\d\dT[\d:.]+Z?|\d+:\d\d:\d\d [AP]M"
)


class Client:
    """A client that takes turns: it sends, and reads until it has its answer."""

    def __init__(self, words, cwd):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(words, cwd=cwd, stderr=subprocess.DEVNULL, **pipes)
        self.sent, self.got, self._next = [], [], 0

    def send(self, **message):
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        self.sent.append(line)
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def ask(self, method, **params):
        self._next += 1
        self.send(id=self._next, method=method, params=params)
        while True:
            line = self._process.stdout.readline()
            assert line, f"the server ended while it was asked for {method}"
            self.got.append(line)
            message = json.loads(line)
            if message.get("method") in ANSWERS:
                self.send(id=message["id"], result=ANSWERS[message["method"]])
            elif message.get("id") == self._next and "method" not in message:
                return message

    def end(self):
        with self._process as process:
            process.stdin.close()
            self.got += process.stdout.readlines()
            return process.wait(DEADLINE_S)


def conversation(words, calls, cwd):
    """All that is sent and received when a client uses all of a server; and its exit code."""
    client = Client(words, cwd)
    info = {"name": "tests", "version": "1"}
    opened = client.ask(
        "initialize", protocolVersion="2025-06-18", capabilities=CAPABILITIES, clientInfo=info
    )
    client.send(method="notifications/initialized")
    for method in ("tools/list", "prompts/list", "resources/list", "no/such/method", "ping"):
        client.ask(method)
    for tool, arguments in calls:
        client.ask("tools/call", name=tool, arguments=arguments, _meta={"progressToken": tool})
    code = client.end()
    name = opened["result"]["serverInfo"]["name"]
    # A server also asks and notifies by timers of its own: the order of what it asks may differ.
    return sorted(map(same, client.sent)), sorted(map(same, client.got)), code, name


def same(line):
    """The line without what differs between two runs: clocks, and the ids of what a server asks."""
    message = json.loads(line)
    if ("result" in message and message["result"] in ANSWERS.values()) or "method" in message:
        line = re.sub(rb',? ?"id": ?\d+', b"", line)
    return VARYING.sub(b"", line)


def everything(cwd):
    calls = [
        ("echo", {"message": "né"}),
        ("echo", {}),
        ("get-env", {}),
        ("get-sum", {"a": 1, "b": 2}),
        ("get-tiny-image", {}),
        ("get-annotated-message", {"messageType": "error", "includeImage": True}),
        ("get-resource-links", {"count": 2}),
        ("get-resource-reference", {"resourceType": "Text", "resourceId": 1}),
        ("get-structured-content", {"location": "New York"}),
        ("get-roots-list", {}),
        ("trigger-elicitation-request", {}),
        ("trigger-sampling-request", {"prompt": "2 + 2?", "maxTokens": 10}),
        ("trigger-long-running-operation", {"duration": 0.2, "steps": 4}),
        ("no-such-tool", {}),
    ]
    return [npm_servers() / "mcp-server-everything"], calls


def filesystem(cwd):
    (cwd / "a.txt").write_text("né\n")
    calls = [("read_text_file", {"path": str(cwd / "a.txt")}), ("read_text_file", {"path": "/etc"})]
    return [npm_servers() / "mcp-server-filesystem", cwd], calls


def memory(cwd):
    return [npm_servers() / "mcp-server-memory"], [("read_graph", {})]


def sequential_thinking(cwd):
    thought = {"thought": "hm", "nextThoughtNeeded": False, "thoughtNumber": 1, "totalThoughts": 1}
    calls = [("sequentialthinking", thought)]
    return [npm_servers() / "mcp-server-sequential-thinking"], calls


def git(cwd):
    subprocess.run(["git", "init", "-q", cwd], check=True)
    calls = [("git_status", {"repo_path": str(cwd)}), ("git_status", {"repo_path": "/no"})]
    return [python_servers(), "-m", "mcp_server_git"], calls


def time(cwd):
    calls = [("convert_time", {"source_timezone": "UTC", "time": "1", "target_timezone": "UTC"})]
    return [python_servers(), "-m", "mcp_server_time", "--local-timezone", "UTC"], calls


def fetch(cwd):
    calls = [("fetch", {"url": "http://127.0.0.1:9/"})]
    return [python_servers(), "-m", "mcp_server_fetch", "--ignore-robots-txt"], calls


def excel(cwd):
    calls = [("create_workbook", {"filepath": str(cwd / "a.xlsx")}), ("create_workbook", {})]
    return [other_python_server("excel-mcp-server"), "-m", "excel_mcp", "stdio"], calls


def calculator(cwd):
    calls = [("calculate", {"expression": "6 * 7"}), ("calculate", {"expression": "6 *"})]
    return [other_python_server("mcp-server-calculator"), "-m", "mcp_server_calculator"], calls


def wikipedia(cwd):
    return [other_python_server("wikipedia-mcp"), "-m", "wikipedia_mcp"], [("get_summary", {})]


def duckduckgo(cwd):
    words = [other_python_server("duckduckgo-mcp-server"), "-m", "duckduckgo_mcp_server.server"]
    return words, [("search", {}), ("no-such-tool", {})]


def sqlite(cwd):
    """A low-level server whose clients see another name than its own."""
    run = "import mcp_server_sqlite as server; server.main()"  # it has no `__main__`
    calls = [("read_query", {"query": "SELECT 6 * 7"}), ("read_query", {})]
    words = [other_python_server("mcp-server-sqlite"), "-c", run, "--db-path", cwd / "a.db"]
    return words, calls


def context7(cwd):
    return [other_npm_servers() / "context7-mcp"], [("no-such-tool", {})]


def notion(cwd):
    return [other_npm_servers() / "notion-mcp-server"], [("no-such-tool", {})]


#: Each run has the reference servers; popular ones of others with STACKS=all (`make matrix`).
PYTHON = [git, time, fetch]
OTHERS = [everything, filesystem, memory, sequential_thinking]
if os.environ.get("STACKS") == "all":
    PYTHON += [excel, calculator, wikipedia, duckduckgo, sqlite]
    OTHERS += [context7, notion]
#: How an unchanged server is recorded: plainly wrapped, and with the hook inside where it can be.
HOWS = {
    "wrap": lambda record, words: command(record, *words),
    "wrap --python": lambda record, words: command(record, *words, options=["--python"]),
    "auto": lambda record, words: [
        *(sys.executable, "-m", "shipper", "auto", "--directory", str(record), "--", *words)
    ],
}
VISITS = [(server, "wrap") for server in OTHERS]
VISITS += [(server, how) for server in PYTHON for how in HOWS]


@pytest.mark.parametrize(
    ("server", "how"), [pytest.param(s, how, id=f"{s.__name__} {how}") for s, how in VISITS]
)
def test_the_client_of_an_unchanged_server_sees_the_same_bytes(server, how, tmp_path):
    work, record = tmp_path / "work", tmp_path / "record"
    work.mkdir()
    words, calls = server(work)
    words = list(map(str, words))
    direct = conversation(words, calls, work)
    assert conversation(HOWS[how](record, words), calls, work) == direct
    if how != "auto":  # which leaves the end of the record to the server's process
        wait_until(lambda: actions(record)[-1:] == ["audit-segment-end"], DEADLINE_S, "the record")
    assert [name for name in actions(record) if name == "tool-call"] == ["tool-call"] * len(calls)
    assert {e["mcp"]["server"]["name"] for e in recorded(record) if "method" in e["mcp"]} == {
        direct[3]
    }


def actions(directory):
    return [event["event"]["action"] for event in recorded(directory)]


#: What server-everything's conversation becomes; a `ping` and the handshake's end are no events.
GOLDEN = """
session-initialize success
tool-list success
prompt-list success
resource-list success
method-unknown failure
tool-call success echo
tool-call failure echo
tool-call success get-env
tool-call success get-sum
tool-call success get-tiny-image
tool-call success get-annotated-message
tool-call success get-resource-links
tool-call success get-resource-reference
tool-call success get-structured-content
tool-call success get-roots-list
roots-list success
elicitation failure
tool-call success trigger-elicitation-request
sampling-request success
tool-call success trigger-sampling-request
tool-call success trigger-long-running-operation
tool-call failure no-such-tool
"""


def test_server_everything_becomes_exactly_these_events(tmp_path):
    words, calls = everything(tmp_path)
    conversation(command(tmp_path, *map(str, words)), calls, ROOT)
    wait_until(lambda: actions(tmp_path)[-1:] == ["audit-segment-end"], DEADLINE_S, "the record")
    found = [
        " ".join([e["event"]["action"], e["event"]["outcome"], *tools_in(e)])
        for e in recorded(tmp_path)
        if "method" in e["mcp"]
    ]
    assert sorted(found) == sorted(GOLDEN.split("\n")[1:-1])  # it asks for roots by a timer


def tools_in(event):
    return (
        [event["gen_ai"]["tool"]["name"]] if "gen_ai" in event and "tool" in event["gen_ai"] else []
    )
