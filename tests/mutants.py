"""Takes one guard after another away, and sees that a test notices (`make mutants`).

A promise is worth as much as the tests that fail without it. Each mutant belongs to a promise of
`promises.py`: a file, the text that is replaced, and the tests of which at least one must fail.
They run in copies of the checkout, so nothing here is ever changed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parent.parent
_COPIED = ("shipper", "tests", "docs", "ilm", "kibana", "logstash", "deploy", "fuzz", "bench")
_FILES = ("pyproject.toml", "README.md", "Makefile", "CHANGELOG.md")

#: Tests that a mutant sends round and round count as failed after this time.
_TIMEOUT_S = 180
_TESTS_FAILED = 1  # pytest's exit code; others say that it did not come to run them


@dataclass(frozen=True, slots=True)
class Mutant:
    """`before` stands once in `file`, below `shipper/`; with `after` in its place a test fails."""

    file: str
    before: str
    after: str
    #: `file::test`, below `tests/`; at least one of them fails.
    killers: tuple[str, ...]


MUTANTS: Mapping[str, tuple[Mutant, ...]] = {
    "deliver:deletion": (
        Mutant(
            "follow/deletions.py",
            "            if (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) != version:\n"
            "                return False\n",
            "",
            (
                "deliver/test_choosing.py::test_a_file_that_has_grown_since_it_was_settled_is_not_deleted",
            ),
        ),
    ),
    "deliver:poison": (
        Mutant(
            "deliver/poison.py",
            "_STRIKES: Final = 4",
            "_STRIKES: Final = 3",
            (
                "deliver/test_poison.py::test_a_line_of_sixteen_is_given_up_at_the_tenth_closing_and_not_before",
            ),
        ),
    ),
    "redact:secret-names": (
        Mutant(
            "record/finish.py",
            "text = text[: max(0, len(text) - LOOK_AHEAD)]",
            "pass",
            (
                "record/test_redaction.py::test_text_that_moves_before_the_cut_brings_no_half_secret_with_it",
            ),
        ),
    ),
    "run:all-or-none": (
        Mutant(
            "run/service.py",
            "            self.failure = self.failure or error\n            self.stop()\n",
            "            self.failure = self.failure or error\n",
            ("run/test_supervise.py::test_a_pipeline_that_fails_stops_all",),
        ),
    ),
    "record:bounded": (
        Mutant(
            "record/classify.py",
            "if len(self._shapes) >= MAX_SHAPES:",
            "if False:",
            ("record/test_bounds.py::test_a_caller_that_invents_names_does_not_fill_the_memory",),
        ),
    ),
}


def mutated(text: str, mutant: Mutant) -> str:
    """The text of the file with the guard gone; `ValueError` unless it is there exactly once."""
    if (count := text.count(mutant.before)) != 1:
        raise ValueError(f"{mutant.file}: {mutant.before!r} stands there {count} times")
    return text.replace(mutant.before, mutant.after)


def survivors(jobs: int) -> list[str]:
    """Run every mutant; those that no test notices, each as a line of text."""
    mutants = [(promise, one) for promise, all_of in MUTANTS.items() for one in all_of]
    with _copies(jobs) as copies, ThreadPoolExecutor(jobs) as pool:
        verdicts = list(pool.map(lambda one: _verdict(*one, copies), mutants))
    print(f"{verdicts.count('')} of {len(mutants)} mutants killed")
    return [verdict for verdict in verdicts if verdict]


@contextmanager
def _copies(count: int) -> Iterator["SimpleQueue[Path]"]:
    """Copies of the checkout, to take and to put back."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as home:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(count):
            copy = Path(home, str(number))
            for name in _COPIED:
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, copy / name, ignore=ignored)
            for name in _FILES:
                shutil.copy(ROOT / name, copy / name)
            copies.put(copy)
        yield copies


def _verdict(promise: str, mutant: Mutant, copies: "SimpleQueue[Path]") -> str:
    """Empty if a test noticed."""
    copy = copies.get()
    path = copy / "shipper" / mutant.file
    whole = path.read_bytes()
    try:
        path.write_text(mutated(whole.decode(), mutant), encoding="utf-8")
        code = _tested(copy, mutant)
    finally:
        path.write_bytes(whole)
        copies.put(copy)
    if code == _TESTS_FAILED:
        return ""
    how = "survives" if code == 0 else f"was not tested (pytest ended with {code})"
    verdict = f"{promise}: {mutant.file} without {mutant.before.strip()!r} {how}"
    print(verdict, flush=True)
    return verdict


def _tested(copy: Path, mutant: Mutant) -> int:
    """The exit code of the tests in the copy."""
    tests = [f"tests/{killer}" for killer in mutant.killers]
    options = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "--no-header"]
    # Bytecode is kept by a file's size and second, which a mutant may share with what it was.
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *options, *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _TESTS_FAILED
    return done.returncode


if __name__ == "__main__":
    sys.exit("\n".join(survivors(jobs=os.cpu_count() or 1)) or 0)
