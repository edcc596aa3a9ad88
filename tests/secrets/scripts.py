"""Whether the scripts for foreign logs treat the corpus as the record line does."""

from pathlib import Path

import yaml

from tests.secrets.faces import by_handler
from tests.secrets.measure import all_cases, verdicts

#: The known differences: by script, the case and what the script does otherwise.
DIFFERENCES = Path(__file__).parent / "differences.yml"


def known(script):
    return yaml.safe_load(DIFFERENCES.read_text(encoding="utf-8"))[script]


def differences(written, folder):
    """By the case's id: `leaks` or `changes` if only the script fails, else `holds`."""
    here = verdicts(by_handler(all_cases(), folder))
    there = verdicts(written)
    return {
        case.id: ("leaks" if case.secrets else "changes") if fails else "holds"
        for case, failed, fails in zip(all_cases(), here, there, strict=True)
        if failed != fails
    }
