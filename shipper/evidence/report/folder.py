"""A report as a folder: what an outsider needs to check it without this program.

report.html, report.json      the report
samples/<event.id>.json       the line of each sampled event, as it was written
samples/<event.id>.tlog-proof its proof, if it is signed
tiles/<stream>/...            checkpoints and tiles, as `export tiles` writes them
policy                        the public keys
SHA256SUMS                    of all other files, as sha256sum writes it
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path

import msgspec

from shipper.durable import make_directory
from shipper.errors import ShipperError
from shipper.evidence.chain import lines_of_file
from shipper.evidence.policy import Policy, policy_lines
from shipper.evidence.prove import export_tiles, prove
from shipper.evidence.report.model import Report
from shipper.evidence.report.page import html_page
from shipper.evidence.store import Store
from shipper.evidence.verify import Trust

_SUMS = "SHA256SUMS"
#: An id is text of the record: it must not lead out of the folder.
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,100}")


class NotEmpty(ShipperError):
    """The folder holds something already, which would look like a part of the report."""


def write_folder(report: Report, target: Path, trust: Trust) -> None:
    """Write the folder, which must be new or empty.

    Raises `NotEmpty`, and `OSError` where it cannot be written.
    """
    if target.exists() and any(target.iterdir()):
        raise NotEmpty(f"{target}: the folder is not empty; name a new one")
    make_directory(target / "samples")
    (target / "report.json").write_bytes(json_text(report))
    (target / "report.html").write_bytes(html_page(report).encode())
    (target / "policy").write_bytes(_policy(trust.policy))
    _write_samples(report, target / "samples", trust.store)
    if trust.store:
        export_tiles(trust.store, target / "tiles")
    (target / _SUMS).write_bytes(_sums(target))


def json_text(report: Report) -> bytes:
    """The report as JSON, for people too."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def _write_samples(report: Report, folder: Path, store: Store | None) -> None:
    for name, line in _lines(report):
        (folder / f"{name}.json").write_bytes(line + b"\n")
    for one in report.samples:
        if store and not one.unproven and _SAFE.fullmatch(one.id):
            proof, _ = prove(store, one.id)
            (folder / f"{one.id}.tlog-proof").write_bytes(proof.encode())


def _policy(policy: Policy) -> bytes:
    return "".join(f"{line}\n" for line in policy_lines(policy)).encode()


def _lines(report: Report) -> Iterator[tuple[str, bytes]]:
    """The id and the line of each sampled event; each file is read once."""
    safe = [one for one in report.samples if _SAFE.fullmatch(one.id)]
    samples = sorted(safe, key=attrgetter("path", "line"))
    for path, group in groupby(samples, attrgetter("path")):
        lines, at = lines_of_file(path), 0
        for one in group:
            with suppress(StopIteration):
                yield one.id, next(islice(lines, one.line - at - 1, None))
            at = one.line


def _sums(target: Path) -> bytes:
    paths = sorted(path for path in target.rglob("*") if path.is_file() and path.name != _SUMS)
    rows = (
        f"{sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(target)}\n" for path in paths
    )
    return "".join(rows).encode()
