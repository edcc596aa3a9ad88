"""Removes one guard after another, and checks that a proof notices (`make mutants`).

The mutants stand beside the proofs in `promises/`. Each is tested in a copy of the checkout, so
nothing here is ever changed. The last line counts them, and each line before it names one that was
not caught: its proof passes, its text is not in the file exactly once, or its proof cannot run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from tests.conftest import NOT_HERE
from tests.promises import PROMISES
from tests.promises.model import Mutant

_ROOT = Path(__file__).parent.parent
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "dist", "out", "demo-output")

_OPTIONS = ("-x", "-q", "-n0", "-p", "no:cacheprovider", "--hypothesis-profile=quick")
#: A mutant may make its proof wait for ever: that is a failure of the proof.
_TIMEOUT_S = 180
#: Exit codes of pytest: a test has failed; all have passed. Any other: they could not run.
_FAILED, _PASSED = 1, 0

_Copies = SimpleQueue[Path]


def uncaught(jobs: int) -> list[str]:
    """Test every mutant, `jobs` at a time; a line for each that no proof has caught."""
    work = [
        (promise.id, proof, mutant)
        for promise in PROMISES
        for proof, mutants in promise.proofs.items()
        for mutant in mutants
    ]
    with _copies(jobs) as copies, ThreadPoolExecutor(jobs) as pool:
        verdicts = list(pool.map(lambda one: _verdict(*one, copies), work))
    _say(f"{verdicts.count('')} of {len(work)} mutants are caught")
    return [verdict for verdict in verdicts if verdict]


@contextmanager
def _copies(count: int) -> Iterator[_Copies]:
    """Copies of the checkout, to take and to put back."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as home:
        copies: _Copies = SimpleQueue()
        for number in range(count):
            copies.put(shutil.copytree(_ROOT, Path(home, str(number)), ignore=_LEFT_OUT))
        yield copies


def _verdict(promise: str, proof: str, mutant: Mutant, copies: _Copies) -> str:
    """Empty if the proof fails on the mutant; otherwise what happened, which is printed too."""
    copy = copies.get()
    try:
        what = _tested(copy, proof, mutant)
    finally:
        copies.put(copy)
    if not what:
        return ""
    verdict = f"{promise}: {what} (shipper/{mutant.file}: {mutant.before.strip()!r})"
    _say(verdict)
    return verdict


def _tested(copy: Path, proof: str, mutant: Mutant) -> str:
    path = copy / "shipper" / mutant.file
    try:
        original = path.read_text(encoding="utf-8")
        mutated = mutant.applied(original)
    except (OSError, ValueError) as error:
        return str(error)
    path.write_text(mutated, encoding="utf-8")
    try:
        done = _run(copy, proof)
    except subprocess.TimeoutExpired:
        return ""
    finally:
        path.write_text(original, encoding="utf-8")
    if done.returncode == _FAILED:
        return ""
    if done.returncode == _PASSED and NOT_HERE not in done.stdout:
        return f"{proof} passes without the guard"
    last = (done.stdout + done.stderr).strip().rpartition("\n")[2]
    return f"{proof} could not run: pytest exits with {done.returncode}, {last!r}"


def _run(copy: Path, proof: str) -> subprocess.CompletedProcess[str]:
    """Run the proof on the copy, in its own process and in those that it starts."""
    command = [sys.executable, "-m", "pytest", *_OPTIONS, f"tests/{proof}"]
    # Bytecode is known by the size and the second of its file, which a mutant may not change.
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command,
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(1 if uncaught(jobs=os.cpu_count() or 1) else 0)
