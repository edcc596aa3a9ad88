"""A wrapped server's client sees the server's bytes, signals and end; the record sees its calls."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.real.processes import wait_until
from tests.record.recorder import lines_of, segments

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60
WRAP = [sys.executable, "-m", "shipper", "wrap"]
#: Answers each call by the tool's name; some tools do something first.
SERVER = """
import json, os, signal, sys
def answer(id, result):
    print(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}), flush=True)
def text(value): return {"content": [{"type": "text", "text": value}]}
print("not JSON", flush=True)
print("complaint", file=sys.stderr, flush=True)
for line in sys.stdin:
    try:
        message = json.loads(line)
        tool = message["params"]["name"]
    except Exception:
        continue
    match tool:
        case "exit": sys.exit(3)
        case "die": os.kill(os.getpid(), signal.SIGKILL)
        case "hang": print("hanging", flush=True)
        case "long": answer(message["id"], {**text("x" * 50_000_000), "isError": True})
        case "ask":
            print(json.dumps({"id": message["id"], "method": "roots/list"}), flush=True)
            answer(message["id"], text(sys.stdin.readline()))
        case _: answer(message["id"], text(tool))
"""


def command(directory, *words, options=()):
    return [*WRAP, *options, "--directory", str(directory), "--", *map(str, words)]


def run_of(words, data=b"", **options):
    return subprocess.run(
        words, cwd=ROOT, input=data, capture_output=True, timeout=DEADLINE_S, check=False, **options
    )


def pass_through(directory, data, *words):
    return run_of(command(directory, *words), data)


def start(directory, *words, **options):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **options}
    return subprocess.Popen(command(directory, *words), cwd=ROOT, **pipes)


def serve(directory, **options):
    process = start(directory, sys.executable, "-c", SERVER, **options)
    assert process.stdout.readline() == b"not JSON\n"
    return process


def ask(process, tool, request_id=1):
    params = {"name": tool, "arguments": {"password": "hunter2"}}
    call = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}
    process.stdin.write(json.dumps(call).encode() + b"\n")
    process.stdin.flush()


def end(process):
    with process:
        process.stdin.close()
        process.stdout.read()
        return process.wait(DEADLINE_S)


def recorded(directory):
    return [json.loads(line) for path in segments(directory) for line in lines_of(path)]


def events(directory):
    """The events, once the recorder has written its last line."""

    def ended():
        found = recorded(directory)
        return found and found[-1]["event"]["action"] == "audit-segment-end"

    wait_until(ended, DEADLINE_S, "the end of the record")
    return [event for event in recorded(directory) if event["event"]["dataset"] == "mcp.tools"]


def only(directory):
    (event,) = events(directory)
    return event


@given(data=st.binary(max_size=5000))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_arbitrary_bytes_pass_exactly(tmp_path, data):
    run = pass_through(tmp_path, data, "cat")
    assert (run.stdout, run.stderr, run.returncode) == (data, b"", 0)


def test_much_passes_exactly_to_a_client_that_is_slow(tmp_path):
    data = os.urandom(1 << 16) * 100
    (tmp_path / "sent").write_bytes(data)
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)  # as some runtimes leave it
    with (
        open(ours, "rb") as answers,  # noqa: PTH123 - a descriptor
        start(tmp_path / "record", "cat", tmp_path / "sent", stdout=theirs),
    ):
        os.close(theirs)
        assert answers.read() == data


def test_words_of_the_command_are_its_own(tmp_path):
    words = ["-c", "--", "--level", "wrap", "", "é"]
    show = "import sys; print(ascii(sys.argv[1:]))"
    run = pass_through(tmp_path, b"", sys.executable, "-c", show, *words)
    assert run.stdout.decode().strip() == ascii(words)


def test_the_server_has_the_clients_environment_and_standard_error(tmp_path):
    environment = {"PATH": os.environ["PATH"], "A": "b=c", "LC_ALL": "", "X": "\udcff"}
    shown = [run_of(words, env=environment).stdout for words in (["env"], command(tmp_path, "env"))]
    assert shown[0] == shown[1]
    run = pass_through(tmp_path, b"", sys.executable, "-c", SERVER)
    assert (run.stdout, run.stderr) == (b"not JSON\n", b"complaint\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGPIPE])
def test_a_signal_ends_the_server_as_it_would_without_wrap(tmp_path, number):
    with start(tmp_path, "sh", "-c", "echo up; exec sleep 60") as process:
        assert process.stdout.readline() == b"up\n"
        process.send_signal(number)
        assert process.wait(DEADLINE_S) == -number
        assert process.stdout.read() == b""


def test_the_exit_code_is_the_servers_and_its_open_call_is_recorded(tmp_path):
    with serve(tmp_path) as process:
        ask(process, "exit")
        assert process.wait(DEADLINE_S) == 3
    found = only(tmp_path)
    assert (found["event"]["outcome"], found["event"]["reason"]) == ("unknown", "server_ended")
    assert found["gen_ai"]["tool"]["name"] == "exit"


def test_a_server_that_is_killed_in_a_call_leaves_the_call_in_the_record(tmp_path):
    with serve(tmp_path) as process:
        ask(process, "die")
        assert process.wait(DEADLINE_S) == -signal.SIGKILL
    assert only(tmp_path)["event"]["reason"] == "server_ended"


def test_the_call_of_a_client_that_disconnects_is_recorded(tmp_path):
    with serve(tmp_path) as process:
        ask(process, "hang")
        assert process.stdout.readline() == b"hanging\n"
        assert end(process) == 0
    assert only(tmp_path)["event"]["reason"] == "client_gone"


def test_a_call_is_recorded_with_its_answer(tmp_path):
    with serve(tmp_path) as process:
        ask(process, "add", "1")
        assert json.loads(process.stdout.readline())["id"] == "1"
        assert end(process) == 0
    found = only(tmp_path)
    assert found["event"]["outcome"] == "success"
    assert found["gen_ai"]["tool"]["call"]["arguments"] == {"password": "[SECRET]"}
    assert found["mcp"]["tool"]["result"]["text"] == "add"


def test_both_sides_may_use_the_same_ids(tmp_path):
    with serve(tmp_path) as process:
        ask(process, "ask")
        assert json.loads(process.stdout.readline())["method"] == "roots/list"
        process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "result": {"roots": []}}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        assert end(process) == 0
    events(tmp_path)
    done = [e["event"] for e in recorded(tmp_path) if "method" in e["mcp"]]
    assert [(event["action"], event["outcome"]) for event in done] == [
        ("roots-list", "success"),
        ("tool-call", "success"),
    ]


def test_a_long_result_is_recorded_by_its_beginning_and_its_end(tmp_path):
    with serve(tmp_path) as process:
        ask(process, "long")
        answer = process.stdout.readline()
        assert end(process) == 0
    found = only(tmp_path)
    assert found["event"]["outcome"] == "failure"
    assert found["mcp"]["result"]["size"] == len(answer) - 1
    assert not {"size", "hash", "truncated"} & found["mcp"]["tool"].get("result", {}).keys()
    assert found["error"]["message"].startswith("xxx")


@pytest.mark.parametrize("what", ["recorder", "pump"])
def test_who_kills_a_process_beside_the_server_ends_the_record_alone(tmp_path, what):
    with serve(tmp_path) as process:
        ask(process, "add")
        assert process.stdout.readline()
        pids = beside(tmp_path)
        os.kill(max(pids) if what == "recorder" else min(pids), signal.SIGKILL)
        if what == "recorder":
            for number in range(3):
                ask(process, "add", number)
                assert json.loads(process.stdout.readline())["id"] == number
        assert end(process) == 0


def beside(directory):
    """The processes that were started with this directory in their command; not the server."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"wrap" in words and str(directory).encode() in words:
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize(("word", "code"), [("/no/such/server", 127), ("/", 126)])
def test_a_command_that_cannot_run_is_reported_as_by_a_shell(tmp_path, word, code):
    run = pass_through(tmp_path, b"", word)
    assert run.returncode == code
    assert word.encode() in run.stderr


def test_a_server_runs_where_it_cannot_be_recorded(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    run = pass_through(blocked, b"{}\n", "cat")
    assert (run.stdout, run.returncode) == (b"{}\n", 0)
    assert b"runs without a record" in run.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, unshare")
@pytest.mark.parametrize("ends", ["exit 5", "kill -9 $$"])
def test_in_a_container_every_byte_passes_before_the_end(tmp_path, ends):
    server = f"cat; cat /proc/version; {ends}"
    inner = command(tmp_path, "sh", "-c", server)
    run = run_of(["unshare", "--pid", "--fork", *inner], b"x" * 300_000)
    assert run.stdout == b"x" * 300_000 + Path("/proc/version").read_bytes()
    assert run.returncode == (5 if ends == "exit 5" else 137)


#: What to keep of arguments, and a name of a secret, in an operator's words.
CATALOG = "payloads: [{arguments: names}]\n"


@pytest.mark.parametrize("form", ["{}", "catalog:\n  {}"])
def test_the_operators_catalog_holds_for_a_wrapped_server(form, tmp_path):
    file = tmp_path / "catalog.yml"
    file.write_text(form.format(CATALOG))
    words = [*WRAP, "--directory", str(tmp_path), "--catalog", str(file), "--"]
    with subprocess.Popen(
        [*words, sys.executable, "-c", SERVER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        ask(process, "hello")
        process.stdout.readline()
        process.stdin.close()
    wait_until(lambda: "arguments:names" in str(lines_in(tmp_path)), DEADLINE_S, "it is recorded")
    assert "hunter2" not in str(lines_in(tmp_path))


def lines_in(directory):
    return [path.read_text() for path in directory.glob("*.jsonl")]


@pytest.mark.parametrize("environ", [True, False])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("payloads: [{argument: names}]", "unknown key"),
        ("event_types: {orders: {level: loud}}", ":1"),
        ("{", "not YAML"),
        (None, "cannot be read"),
    ],
)
def test_a_catalog_that_is_not_valid_is_refused_with_its_place(text, problem, environ, tmp_path):
    file = tmp_path / "catalog.yml"
    if text is not None:
        file.write_text(text)
    option = [] if environ else ["--catalog", str(file)]
    known = {**os.environ, "MCP_SHIPPER_CATALOG": str(file)} if environ else None
    done = run_of([*WRAP, "--directory", str(tmp_path), *option, "--", "true"], env=known)
    assert done.returncode != 0
    assert f"{file}" in done.stderr.decode()
    assert problem in done.stderr.decode()


def test_a_ping_with_the_id_of_an_open_call_does_not_make_it_a_success(tmp_path):
    with serve(tmp_path) as process:
        ask(process, "hang", 5)
        assert process.stdout.readline() == b"hanging\n"
        process.stdin.write(b'{"jsonrpc": "2.0", "id": 5, "method": "ping"}\n')
        ask(process, "add", 6)
        assert json.loads(process.stdout.readline())["id"] == 6
        assert end(process) == 0
    hung, added = events(tmp_path)
    assert (hung["event"]["outcome"], hung["event"]["reason"]) == ("unknown", "id_reused")
    assert added["event"]["outcome"] == "success"


#: A server with an SDK: the hook sees the exceptions that it hides, and what its tools call.
SHOP = """
from mcp.server import MCPServer
server = MCPServer("shop")

@server.tool()
def crash(password: str) -> str:
    raise LookupError("no more of it")

@server.tool()
async def outer() -> str:
    try:
        await server.call_tool("crash", {"password": "hunter2"})
    except Exception:
        return "still here"

server.run()
"""


def shop(directory, *options):
    """A session with a server of the SDK: its answers, and the record."""
    words = command(directory, sys.executable, "-c", SHOP, options=options)
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL, **pipes) as process:
        info = {"capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
        params = {"protocolVersion": "2025-06-18", **info}
        hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        process.stdin.write(json.dumps(hello).encode() + b"\n")
        process.stdin.flush()
        answers = [process.stdout.readline()]
        process.stdin.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
        for number, tool in enumerate(["crash", "outer"], 1):
            ask(process, tool, number)
            answers.append(process.stdout.readline())
        assert end(process) == 0
    return answers, events(directory)


def test_with_python_each_call_is_one_event_with_the_exception_behind_it(tmp_path):
    plain, seen = shop(tmp_path / "plain")
    hooked, known = shop(tmp_path / "hooked", "--python")
    assert hooked == plain
    assert [short(event) for event in seen] == [
        ("crash", "failure", "tool_error"),
        ("outer", "success", None),
    ]
    assert [short(event) for event in known] == [
        ("crash", "failure", "LookupError"),
        ("crash", "failure", "LookupError"),
        ("outer", "success", None),
    ]
    inner, outer = known[1:]
    assert inner["mcp"]["call"]["parent"] == outer["mcp"]["call"]["id"]
    assert "hunter2" not in "".join(lines_in(tmp_path / "hooked"))


def short(event):
    return (
        *(event["gen_ai"]["tool"]["name"], event["event"]["outcome"]),
        event.get("error", {}).get("type"),
    )


def test_the_pipe_of_the_hook_is_gone_after_the_server(tmp_path):
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    words = command(tmp_path / "record", "cat", options=["--python"])
    done = run_of(words, b"{}\n", env=environ)
    assert done.stdout == b"{}\n"
    wait_until(lambda: list(tmp_path.iterdir()) == [tmp_path / "record"], DEADLINE_S, "the end")
