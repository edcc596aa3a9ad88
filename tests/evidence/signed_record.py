"""A record with several streams, signed by a sidecar's key, and what verify finds in it."""

import json
import shutil
import time
from pathlib import Path

from msgspec.structs import replace

from shipper import create_tool_execution_event
from shipper.evidence.keys import create_key, signer_of_file
from shipper.evidence.policy import Policy
from shipper.evidence.sign import Rules, Signing
from shipper.evidence.store import Store
from shipper.evidence.verify import Trust, verify
from tests.record.recorder import Recorder, segments

NAME = "orders-7f3a.sidecar"


class SignedRecord:
    """A folder `audit` with segments, and a folder `evidence` that the application cannot write."""

    def __init__(self, home):
        self.home = Path(home)
        self.audit, self.evidence = self.home / "audit", self.home / "evidence"
        self.key = self.home / "evidence.key"
        self.home.mkdir(exist_ok=True)
        if not self.key.exists():
            create_key(self.key, NAME)
        self.signer = signer_of_file(self.key)
        self.policy = Policy(logs=[self.signer.public])
        self.signing = self.new_signing()

    def new_signing(self, **rules):
        return Signing(lambda: [self.audit], Store(self.evidence), self.signer, Rules(**rules))

    def write(self, events=20, *, close=True, max_bytes=9_000):
        """One process's stream, in several segments."""
        recorder = Recorder(self.audit, max_bytes=max_bytes)
        for number in range(events):
            recorder.log(create_tool_execution_event("bob", "t", {"n": number}, "ok"))
        if close:
            recorder.close()
        return recorder

    def configure(self):
        """Write `c.yml`, with which a shipper ships and signs the record."""
        settings = {
            "path": {"home": str(self.home), "data": str(self.home / "data")},
            "inputs": [{"paths": [f"{self.audit}/*.jsonl"]}],
            "output": {"file": {"path": str(self.home / "out"), "filename": "events"}},
            "evidence": {"key": str(self.key)},
        }
        (self.home / "c.yml").write_text(json.dumps(settings), encoding="utf-8")

    def sign(self, *, at_close=False):
        return list(self.signing.tick(at_close=at_close))

    def trust(self, **more):
        return Trust(policy=self.policy, store=Store(self.evidence), **more)

    def verdicts(self, *paths, jobs=1, **more):
        trust = replace(self.trust(), **more)
        return list(verify(paths or [self.audit], trust, jobs=jobs))

    def verdict(self, **more):
        (found,) = self.verdicts(**more)
        return found

    def segments(self):
        return segments(self.audit)

    def copy_to(self, home):
        shutil.copytree(self.home, home, dirs_exist_ok=True)
        return SignedRecord(home)


def later(seconds):
    return time.time() + seconds
