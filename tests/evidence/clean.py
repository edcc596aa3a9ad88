"""Records that nobody tampered with, after everything that lawfully happens to a record."""

import gzip
import json
import random
import shutil
import time
from multiprocessing import get_context

from shipper import create_tool_execution_event
from shipper.evidence.prune import carry_out, plan
from shipper.evidence.store import Store
from shipper.record.format import canonical
from shipper.record.handler import AuditHandler
from tests.evidence.signed_record import SignedRecord, later

#: One set in this many is written by eight processes at the same time, which takes long.
_PROCESSES_IN = 25


def clean_set(home, number):
    """A record of random streams, rotated, signed at random moments, and handled."""
    dice = random.Random(number)
    record = SignedRecord(home)
    if number % _PROCESSES_IN == 0:
        _eight_processes(record, dice)
    for _ in range(dice.randint(1, 4)):
        record.write(dice.randint(1, 30), max_bytes=dice.choice([3_000, 9_000, 1 << 20]))
        if dice.random() < 0.5:
            record.sign()
    record.sign()
    for handle in dice.sample([_prune, _archive, _copy, _through_logstash], dice.randint(0, 3)):
        handle(record, dice)
    return record


def _write(home, count):
    handler = AuditHandler(home / "audit", max_bytes=3_000)
    for number in range(count):
        event = create_tool_execution_event("bob", "t", {"n": number}, "ok")
        handler.record(event, time.time())
    handler.close()


def _eight_processes(record, dice):
    context = get_context("fork")
    counts = [dice.randint(1, 40) for _ in range(8)]
    processes = [context.Process(target=_write, args=(record.home, count)) for count in counts]
    for one in processes:
        one.start()
    while any(one.is_alive() for one in processes):
        record.sign()
    for one in processes:
        one.join()
        assert one.exitcode == 0


def _prune(record, _dice):
    """Delete the oldest segments under a signed statement."""
    store = Store(record.evidence)
    paths = [record.audit]
    for one in plan(paths, record.trust(), record.signer, later(86_400), lambda some: some):
        carry_out(store, one)


def _archive(record, dice):
    """Pack some segments, with or without the original beside."""
    for path in record.segments():
        if dice.random() < 0.4:
            with gzip.open(path.with_name(f"{path.name}.gz"), "wb") as packed:
                packed.write(path.read_bytes())
            if dice.random() < 0.7:
                path.unlink()


def _copy(record, dice):
    """Keep a copy of a segment, as a backup does; it may have been made before the segment grew."""
    (record.audit / "backup").mkdir(exist_ok=True)
    for path in dice.sample(record.segments(), min(2, len(record.segments()))):
        shutil.copy(path, record.audit / "backup")


def _through_logstash(record, dice):
    """Replace each line by the canonical form of what Logstash makes of it."""
    for path in record.segments():
        lines = [canonical(rewritten(line, dice)) for line in path.read_bytes().splitlines()]
        path.write_bytes(b"".join(line + b"\n" for line in lines))


def rewritten(line, dice):
    """The document of a line after Logstash: other order and spelling, and more members."""
    document = json.loads(line)
    document["@timestamp"] = document["@timestamp"].rstrip("Z").rstrip("0").rstrip(".") + "Z"
    document["@version"], document["tags"] = "1", ["mcp"]
    document["event"]["ingested"] = "2026-11-30T12:00:00Z"
    document["@metadata"] = {"beat": "mcp-shipper"}
    text = json.dumps(_shuffled(document, dice), ensure_ascii=dice.random() < 0.5)
    return json.loads(text)


def _shuffled(value, dice):
    if isinstance(value, dict):
        names = dice.sample(list(value), len(value))
        return {name: _shuffled(value[name], dice) for name in names}
    return [_shuffled(one, dice) for one in value] if isinstance(value, list) else value
