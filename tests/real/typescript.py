"""Elastic's own types of the bodies that Elasticsearch takes, and the compiler that checks them."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real import Missing
from tests.real.cache import cached

CLIENT, COMPILER = "@elastic/elasticsearch@9.5.1", "typescript@7.0.2"
FETCH_TIMEOUT_S = 300
#: Types that are left open for callers, closed here: what they would let pass is what we look for.
CLOSED = (
    (r"(export type Security(?:Cluster|Index)Privilege = [^;]*?) \| string;", r"\1;"),
    (r"(export type IndicesIndexSettings = IndicesIndexSettingsKeys)\s*&\s*\{[^}]*\};", r"\1;"),
    (
        r"export type Duration = string \|",
        r"export type Duration = `${bigint}${'d' | 'h' | 'm' | 's' | 'ms' | 'micros' | 'nanos'}` |",
    ),
)


@contextmanager
def compiler() -> Iterator[Path]:
    """A folder with the compiler and `types.d.ts`."""
    name = f"{CLIENT}-{COMPILER}-{hashlib.sha256(repr(CLOSED).encode()).hexdigest()[:12]}"
    yield cached(name.replace("/", "-").replace("@", ""), _fetch)


def errors_in(folder: Path, sources: dict[Path, str]) -> list[str]:
    """What the compiler says of files that import `types`, a line for each error."""
    for path, text in sources.items():
        path.write_text(text, encoding="utf-8")
    options = ["--noEmit", "--strict", "--skipLibCheck", "--pretty", "false", "--types", ""]
    done = subprocess.run(
        [folder / "node_modules/.bin/tsc", *options, *sources],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.findall(r"^\S.*error TS\d+: .*$", done.stdout, re.MULTILINE)
    if done.returncode and not found:
        raise RuntimeError(f"tsc failed: {done.stdout}{done.stderr}")
    return found


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("Elastic's types are fetched with npm; install it (npm)")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    got = subprocess.run(
        [npm, "install", *options, f"--prefix={folder}", CLIENT, COMPILER],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FETCH_TIMEOUT_S,
        check=False,
    )
    if got.returncode:
        said = " ".join(got.stderr.split())[-200:]
        raise Missing(f"Elastic's types could not be fetched: npm says …{said}")
    types = folder / "node_modules/@elastic/elasticsearch/lib/api/types.d.ts"
    (folder / "types.d.ts").write_text(_closed(types.read_text(encoding="utf-8")), encoding="utf-8")


def _closed(text: str) -> str:
    for pattern, replacement in CLOSED:
        text, count = re.subn(pattern, replacement, text)
        if not count:
            raise RuntimeError(f"the types have changed: nothing matches {pattern}")
    return text
