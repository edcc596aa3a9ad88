"""kill -9 at any moment, rotation at any moment, a line that is cut at any moment: what arrives?

    python -m tests.integration.kills --runs 200 --to elasticsearch

A real server, our proxy before it with `random` faults, the shipper as a process that is killed
again and again while lines are written, files rotated, and some of them compressed. In the end it
is left alone until it has caught up, and what the server holds is compared with what was written.
"""

import argparse
import json
import random
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
from shipper.faults.proxy import POOL, ProxyServer
from shipper.faults.script import PROXY, parse
from tests.integration.line import (
    clear,
    configuration,
    hits_as_indexed,
    shipping,
    wait_until_shipped,
)
from tests.real.elasticsearch import Elasticsearch
from tests.real.lumberjack import LumberjackSink

#: Lines before a life of the shipper, and while it lasts.
LINES_BEFORE, LINES_MEANWHILE = 300, 5
LIFE_S = (0.1, 2.0)
#: How often, at each write.
ROTATED, COMPRESSED = 0.05, 0.03


@dataclass
class History:
    """What was written, into which file, and what was done to the shipper."""

    folder: Path
    chance: random.Random
    lines: list[bytes]
    written: int = 0
    rotations: int = 0
    archives: int = 0
    #: In all files, unpacked.
    size: int = 0
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
            self.size += file.write(b"".join(lines))
        self.ids[-1] += map(id_of, lines)
        self.written += count
        with self.text_path.open("ab") as file:
            texts = [text(self.texts + number) for number in range(count)]
            self.size += file.write("".join(f"{one}\n" for one in texts).encode())
        self.texts += count

    def rotate(self):
        self.rotations += 1
        self.ids.append([])
        for path in (self.path, self.text_path):
            path.rename(f"{path}.{self.rotations}")

    def compress(self):
        """One of the rotated files, as logrotate has it done."""
        rotated = [path for path in self.folder.glob("*.log.*") if path.suffix != ".gz"]
        if rotated:
            self.archives += 1
            subprocess.run(["gzip", self.chance.choice(rotated)], check=True)


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
        config = configuration(home, [folder / "app.log*"], outputs, others)
        for _ in range(runs):
            _live_and_die(history, config, home)
        with shipping(config, home / "log") as process:
            proxy.script = parse("ok", PROXY)
            wait_until_shipped(process, home, output, history.size)
    return history, faults


def _live_and_die(history, config, home):
    chance = history.chance
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
        process.kill()
        history.kills += 1


def to_lumberjack(lumberjack, home, runs, seed):
    """The history, and every event's id and every text, as they came."""
    host, port = lumberjack.address.rsplit(":", 1)
    history, faults = run(home, (host, int(port)), "logstash", runs, seed)
    return history, faults, [known(json.loads(line)) for line in lumberjack.events()]


def known(document):
    """By what a document is known: the id of its event, or its text."""
    return document["event"]["id"] if "event" in document else document["message"]


def to_elasticsearch(elasticsearch, home, runs, seed):
    """The history, and the event's id or the text of every document."""
    clear(elasticsearch.url)
    where = urlsplit(elasticsearch.url)
    history, faults = run(home, (where.hostname, where.port), "elasticsearch", runs, seed)
    hits = hits_as_indexed(elasticsearch.url, "logs-*", ["event.id", "message"])
    ids = [known(hit["_source"]) for hit in hits]
    clear(elasticsearch.url)
    return history, faults, ids


def lost(history, ids):
    """What was written and has not arrived."""
    written = {one for file in history.ids for one in file}
    return (written | set(map(text, range(history.texts)))) - set(ids)


def disordered(history, ids):
    """How many first arrivals are before an earlier line of their file."""
    first = {}
    for index, one in enumerate(ids):
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
                history, faults, ids = to_lumberjack(server, home, options.runs, options.seed)
        else:
            with Elasticsearch() as server:
                history, faults, ids = to_elasticsearch(server, home, options.runs, options.seed)
        sys.stdout.write(
            f"{options.to}, seed {options.seed}: {history.written} objects, "
            f"{history.texts} texts, {history.kills} kills, "
            f"{history.rotations} rotations, {history.archives} archives, "
            f"{len(faults)} connections mistreated, {time.monotonic() - began:.0f} s\n"
            f"lost {len(lost(history, ids))}, arrived twice {len(ids) - len(set(ids))}, "
            f"out of order {disordered(history, ids)}\n"
        )


if __name__ == "__main__":
    main()
