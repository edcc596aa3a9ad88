"""The long profile of tampering: on files, on documents in a real Elasticsearch, and clean sets.

python -m tests.evidence [--files N] [--documents N] [--clean N]
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.evidence.tampering import TAMPERINGS, WITH_ANOTHER_STREAM

_TESTS = Path(__file__).parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=11_200, help="tamperings with files")
    parser.add_argument("--documents", type=int, default=500, help="tamperings with documents")
    parser.add_argument("--clean", type=int, default=1_000, help="clean sets")
    asked = parser.parse_args()
    rounds = -(-asked.files // len((*TAMPERINGS, *WITH_ANOTHER_STREAM)))
    counts = {
        "EVIDENCE_ROUNDS": rounds,
        "EVIDENCE_DOCUMENTS": asked.documents,
        "EVIDENCE_CLEAN_SETS": asked.clean,
    }
    environment = os.environ | {name: str(count) for name, count in counts.items()}
    proofs = {
        "evidence/test_tampering.py": asked.files or asked.clean,
        "integration/test_evidence.py": asked.documents,
    }
    paths = [_TESTS / path for path, wanted in proofs.items() if wanted]
    words = [sys.executable, "-m", "pytest", "-q", "--timeout=0", "--durations=5", *paths]
    return subprocess.run(words, env=environment, cwd=_TESTS.parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
