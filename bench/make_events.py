"""Writes N believable tool-execution events as NDJSON, about 845 bytes each, the same for a seed.

They are the lines of an application's own log, or with --segment those of an audit segment.

Users, tools, arguments and results repeat as in real logs, and identifiers and hashes do not, so
these lines compress like real ones.
"""

import argparse
import hashlib
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

USERS = 400

FAILURES = (
    "Error executing tool: upstream answered 503 after 3 attempts",
    "Error executing tool: no row matches the given key",
    "Error executing tool: permission denied on this folder",
)
VOCABULARY = (
    "account address amount approval balance batch billing branch budget change client contract "
    "country credit customer dashboard delivery deployment discount document due error estimate "
    "export failure field forecast history import incident index invoice ledger limit margin "
    "meeting merge message migration monthly note notice offer open order overdue owner paid part "
    "payment pending period plan policy price process product project quarter query quota rate "
    "record refund region release renewal report request response result review risk rollout row "
    "sales schedule search section service session shipment stage status stock subject summary "
    "supplier support table target tax team ticket total transfer update usage value vendor week"
)
WORDS = VOCABULARY.split()


def events(count: int, seed: int, *, is_segment: bool = False) -> Iterator[bytes]:
    """The lines, each with its newline; a chain hash runs through them as in a real segment.

    The first line of a segment is its start, in the same data stream as the others.
    """
    pick = random.Random(seed)
    stream = pick.randbytes(8).hex()
    callers = [_caller(pick) for _ in range(USERS)]
    at = datetime(2026, 11, 1, tzinfo=UTC)
    head = bytes(32)
    for sequence in range(1, count + 1):
        at += timedelta(microseconds=pick.randrange(200, 40_000))
        body = _body(pick, pick.choice(callers), f"{at:%Y-%m-%dT%H:%M:%S.%f}Z", (stream, sequence))
        if is_segment:
            body = _in_segment(body, stream, is_first=sequence == 1)
        head = hashlib.sha256(head + body).digest()
        yield b'%s,"hash":"%s"}}\n' % (body[:-2], head.hex().encode())


def _in_segment(body: bytes, stream: str, *, is_first: bool) -> bytes:
    """The event in the data stream of audit events; the first one starts the segment."""
    body = body.replace(b'"app.tools"', b'"mcp.tools"')
    if not is_first:
        return body
    chain = f'"chain":{{"previous":"{bytes(32).hex()}","version":1}}'
    place = f'{chain},"segment":{{"number":1}},"stream":{{"id":"{stream}"}},"type"'
    start = body.replace(b'"audit":{"type"', f'"audit":{{{place}'.encode())
    return start.replace(b'"action":"tool-call"', b'"action":"audit-segment-start"')


def _caller(pick: random.Random) -> tuple[str, str, str]:
    """User id, session id and address."""
    address = f"10.{pick.randrange(4)}.{pick.randrange(256)}.{pick.randrange(256)}"
    return f"u{pick.randrange(100_000):05d}", pick.randbytes(8).hex(), address


def _body(
    pick: random.Random, caller: tuple[str, str, str], at: str, place: tuple[str, int]
) -> bytes:
    stream, sequence = place
    user, session, address = caller
    tool, arguments = _call(pick)
    failed = pick.random() < 0.06
    result = (
        pick.choice(FAILURES) if failed else " ".join(pick.choices(WORDS, k=pick.randrange(1, 9)))
    )
    text = json.dumps(arguments, separators=(",", ":"), ensure_ascii=False)
    outcome = "failure" if failed else "success"
    line = (
        f'{{"@timestamp":"{at}"'
        ',"data_stream":{"dataset":"app.tools","namespace":"default","type":"logs"}'
        f',"ecs":{{"version":"9.5.0"}},"gen_ai":{{"operation":{{"name":"execute_tool"}}'
        f',"tool":{{"call":{{"arguments":{text}}},"name":"{tool}"}}}}'
        f',"mcp":{{"audit":{{"type":"mcp_tool_execution"}},"method":{{"name":"tools/call"}}'
        f',"session":{{"id":"{session}"}}'
        f',"tool":{{"is_error":{"true" if failed else "false"}'
        f',"result":{{"size":{len(result)},"text":"{result}"}}}}}}'
        f',"source":{{"ip":"{address}"}},"user":{{"id":"{user}"}}'
        ',"event":{"action":"tool-call","category":["api"],"dataset":"app.tools"'
        f',"duration":{int(pick.lognormvariate(17, 1.2))},"id":"{stream}-{sequence:012d}"'
        f',"kind":"event","outcome":"{outcome}","sequence":{sequence}'
        ',"severity":0,"type":["access"]}}'
    )
    return line.encode()


def _call(pick: random.Random) -> tuple[str, dict[str, object]]:
    """A tool, and arguments in the tool's own shape."""
    words = pick.choices(WORDS, k=4)
    key = pick.randrange(10_000_000)
    calls: tuple[tuple[str, dict[str, object]], ...] = (
        ("search_documents", {"query": " ".join(words), "limit": pick.randrange(5, 50)}),
        ("run_query", {"sql": f"SELECT {words[0]} FROM {words[1]} WHERE id = {key}"}),
        ("read_file", {"path": f"/srv/{words[0]}/{words[1]}/{words[2]}-{key}.md"}),
        ("send_message", {"to": "[REDACTED:email]", "subject": " ".join(words[:3])}),
        ("get_customer", {"customer_id": f"C-{key:08d}", "fields": words}),
        ("create_ticket", {"title": " ".join(words), "body": f"See größer № {key}", "p": 2}),
    )
    return pick.choices(calls, weights=(9, 7, 6, 3, 5, 2))[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--segment", action="store_true")
    asked = parser.parse_args()
    with asked.file.open("wb") as file:
        for line in events(asked.count, asked.seed, is_segment=asked.segment):
            file.write(line)


if __name__ == "__main__":
    main()
