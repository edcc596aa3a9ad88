"""kill -9 at any moment, rotation at any moment, a line that is cut at any moment: what arrives?

    python -m tests.integration.kills --runs 200 --to elasticsearch

A real server, our proxy before it with `random` faults, the shipper and a program that records
audit events as processes that are killed together again and again, while lines of other programs
are written, files rotated, and some of them compressed. After each kill every line that the files
ever held must be explained: settled, or waiting. In the end the shipper is left alone until it has
caught up, and what the server holds is compared with what was written and recorded.
"""

import argparse
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from bench.make_events import events
from shipper.deliver.accounting import account_now
from shipper.evidence.keys import create_key
from shipper.evidence.policy import Policy
from shipper.evidence.store import Store
from shipper.evidence.verdict import is_damaged
from shipper.evidence.verify import Trust, verify
from shipper.faults.proxy import POOL, ProxyServer
from shipper.faults.script import PROXY, parse
from shipper.follow.inputs import InputConfig
from shipper.follow.registry import registry_path
from tests.integration.emitter import emitters
from tests.integration.line import SHIPPER, clear, configuration, hits_as_indexed, shipping
from tests.real.elasticsearch import Elasticsearch
from tests.real.lumberjack import LumberjackSink
from tests.real.processes import wait_until

#: Lines before a life of the shipper, and while it lasts.
LINES_BEFORE, LINES_MEANWHILE = 300, 5
LIFE_S = (0.1, 2.0)
#: How often, at each write.
ROTATED, COMPRESSED = 0.05, 0.03
#: After this many kills the command `status` is asked too.
STATUS_EVERY = 50


@dataclass
class History:
    """What was written, into which file, and what was done to the shipper."""

    folder: Path
    chance: random.Random
    lines: list[bytes]
    written: int = 0
    rotations: int = 0
    archives: int = 0
    kills: int = 0
    #: The ids of the lines of each file, in order.
    ids: list[list[str]] = field(default_factory=lambda: [[]])
    #: How many lines of text were written, into files of their own.
    texts: int = 0

    @property
    def path(self):
        return self.folder / "app.log"

    @property
    def text_path(self):
        return self.folder / "text.log"

    def write(self, count):
        lines = self.lines[self.written : self.written + count]
        with self.path.open("ab") as file:
            file.write(b"".join(lines))
        self.ids[-1] += map(id_of, lines)
        self.written += count
        with self.text_path.open("ab") as file:
            texts = [text(self.texts + number) for number in range(count)]
            file.write("".join(f"{one}\n" for one in texts).encode())
        self.texts += count

    def rotate(self):
        self.rotations += 1
        self.ids.append([])
        for path in (self.path, self.text_path):
            path.rename(f"{path}.{self.rotations}")

    def compress(self):
        """One of the rotated files, or of the segments that grow no more."""
        rotated = [path for path in self.folder.glob("*.log.*") if path.suffix != ".gz"]
        rotated += sorted(self.segments.glob("*.jsonl"))[:-1]
        if rotated:
            self.archives += 1
            subprocess.run(["gzip", self.chance.choice(rotated)], check=True)

    @property
    def segments(self):
        return self.folder / "audit"

    @property
    def journal(self):
        return self.folder.parent / "recorded"

    def recorded(self):
        """The users of the events that were recorded; none was lost on the way to the disk."""
        rows = [row.split() for row in self.journal.read_text().splitlines()]
        assert all(lost == "0" for _, lost in rows)
        return {user for user, _ in rows}

    def lines_now(self):
        """How many lines were ever in the files."""
        segments = (lines_of(path) for path in self.segments.glob("*.jsonl*"))
        return self.written + self.texts + sum(segments)


def lines_of(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).count(b"\n")


def text(number):
    """A line of a program that writes no JSON."""
    return f"2026-11-30 INFO request {number} is done"


def id_of(line):
    return json.loads(line)["event"]["id"]


def run(home, server, output, runs, seed):
    """So many lives of the shipper, then one in peace; the history, and the faults there were."""
    chance, faults = random.Random(seed), []
    folder = home / "logs"
    folder.mkdir()
    enough = list(events((runs + 1) * 2 * LINES_BEFORE, seed=seed))
    history = History(folder, chance, enough)
    script = parse(f"random {seed}", PROXY, POOL)
    with ProxyServer(script, server, report=faults.append) as proxy:
        where = proxy.address if output == "logstash" else f"http://{proxy.address}"
        outputs = {output: {"hosts": [where], "bulk_max_size": 100, "timeout": "2s"}}
        others = {"type": "filestream", "id": "text", "paths": [str(folder / "text.log*")]}
        paths = [folder / "app.log*", history.segments / "*.jsonl*"]
        config = configuration(home, paths, outputs, others)
        key = _sign(config, home)
        with emitters(history.segments, history.journal) as start:
            for _ in range(runs):
                _live_and_die(history, config, home, start)
                check_account(history, config, output)
        with shipping(config, home / "log") as process:
            proxy.script = parse("ok", PROXY)
            wait_until(
                lambda: process.poll() is not None or account(history, output).waiting == 0,
                300,
                f"{output} has everything",
            )
            assert process.poll() is None, "the shipper ended by itself; its log says why"
    check_account(history, config, output)
    check_evidence(history, home, key)
    return history, faults


def _sign(config, home):
    """Let the shipper sign, with a new key; the signer is killed with it."""
    key = create_key(home / "key", "kills")
    settings = json.loads(config.read_text())
    settings["evidence"] = {"key": str(home / "key"), "interval": "1s"}
    config.write_text(json.dumps(settings))
    return key


def check_evidence(history, home, key):
    """What was signed is what the segments hold, in spite of all."""
    trust = Trust(policy=Policy(logs=[key]), store=Store(home / "data" / "evidence"))
    verdicts = list(verify([history.segments], trust))
    assert any(one.signed for one in verdicts)
    assert not is_damaged(verdicts), [one for one in verdicts if is_damaged([one])]


def account(history, output):
    """What became of each line, found out beside the shipper."""
    patterns = (["app.log*", "audit/*.jsonl*"], ["text.log*"])
    inputs = [
        InputConfig(paths=tuple(str(history.folder / one) for one in paths)) for paths in patterns
    ]
    return account_now(inputs, registry_path(history.folder.parent / "data", output))


def check_account(history, config, output):
    """Written = delivered + dead letters + waiting, and nothing is unexplained."""
    now = account(history, output)
    assert (now.written, now.unexplained) == (history.lines_now(), 0), (now, history.lines_now())
    assert now.written == now.delivered + now.dead_letters + now.waiting
    if history.kills % STATUS_EVERY == 0:
        command = [*SHIPPER, "status", "--json", "-c", str(config)]
        said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        assert said["outputs"][0]["account"] == now.plain()


def is_dead(process):
    """Whether it has ended, and its parent has not asked yet."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].startswith("Z")


def _live_and_die(history, config, home, start):
    chance = history.chance
    emitter = start()
    history.write(chance.randrange(LINES_BEFORE))
    until = time.monotonic() + chance.uniform(*LIFE_S)
    with shipping(config, home / "log") as process:
        pause = Event()
        while (left := until - time.monotonic()) > 0:
            history.write(chance.randrange(LINES_MEANWHILE))
            if chance.random() < ROTATED:
                history.rotate()
            if chance.random() < COMPRESSED:
                history.compress()
            pause.wait(min(left, 0.05))
        assert process.poll() is None, (home / "log").read_text()
        assert not is_dead(emitter), "the program that records ended by itself"
        os.kill(emitter, signal.SIGKILL)
        process.kill()
        process.wait()
        wait_until(lambda: is_dead(emitter), 10, "its end")
        history.kills += 1


def to_lumberjack(lumberjack, home, runs, seed):
    """The history, and every line as it came: what it is known by, and its id."""
    host, port = lumberjack.address.rsplit(":", 1)
    history, faults = run(home, (host, int(port)), "logstash", runs, seed)
    return history, faults, [arrival(json.loads(line)) for line in lumberjack.events()]


def arrival(document):
    """What a document is known by, and its id in Elasticsearch."""
    ident = document.get("@metadata", {}).get("_id") or document["event"]["id"]
    return known(document), ident


def known(document):
    """What a document is known by: its user if it was recorded, the id of its event, its text."""
    user = document.get("user", {}).get("id", "")
    if user.startswith("emitter-"):
        return user
    return document["event"]["id"] if "event" in document else document["message"]


def to_elasticsearch(elasticsearch, home, runs, seed):
    """The history, and every document: what it is known by, and its id."""
    clear(elasticsearch.url)
    where = urlsplit(elasticsearch.url)
    history, faults = run(home, (where.hostname, where.port), "elasticsearch", runs, seed)
    hits = hits_as_indexed(elasticsearch.url, "logs-*", ["event.id", "message", "user.id"])
    arrivals = [(known(hit["_source"]), hit["_id"]) for hit in hits]
    clear(elasticsearch.url)
    return history, faults, arrivals


def lost(history, arrivals):
    """What was written or recorded and has not arrived."""
    written = {one for file in history.ids for one in file}
    written |= set(map(text, range(history.texts))) | history.recorded()
    return written - {one for one, _ in arrivals}


def doubled(arrivals):
    """How many documents are there twice: in Elasticsearch, what has the same id is one."""
    documents = set(arrivals)
    return len(documents) - len({one for one, _ in documents})


def disordered(history, arrivals):
    """How many first arrivals are before an earlier line of their file."""
    first = {}
    for index, (one, _) in enumerate(arrivals):
        first.setdefault(one, index)
    order = [[first[one] for one in file if one in first] for file in history.ids]
    return sum(a > b for places in order for a, b in pairwise(places))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--to", choices=("elasticsearch", "lumberjack"), required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcp-shipper-kills-") as folder:
        home, began = Path(folder), time.monotonic()
        if options.to == "lumberjack":
            with LumberjackSink() as server:
                history, faults, arrivals = to_lumberjack(server, home, options.runs, options.seed)
        else:
            with Elasticsearch() as server:
                history, faults, arrivals = to_elasticsearch(
                    server, home, options.runs, options.seed
                )
        sys.stdout.write(
            f"{options.to}, seed {options.seed}: {history.written} objects, "
            f"{history.texts} texts, {len(history.recorded())} events, {history.kills} kills, "
            f"{history.rotations} rotations, {history.archives} archives, "
            f"{len(faults)} connections mistreated, {time.monotonic() - began:.0f} s\n"
            f"lost {len(lost(history, arrivals))}, doubled documents {doubled(arrivals)}, "
            f"sent again {len(arrivals) - len(set(arrivals))}, "
            f"out of order {disordered(history, arrivals)}\n"
        )


if __name__ == "__main__":
    main()
