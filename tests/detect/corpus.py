"""The scenarios of examples/attacks, and the alerts that each must raise."""

from pathlib import Path

import yaml

FOLDER = Path(__file__).parents[2] / "examples" / "attacks"
EXPECTED = yaml.safe_load((FOLDER / "expected.yml").read_text(encoding="utf-8"))


def lines_of(scenario):
    """The events of a scenario, one line each."""
    return (FOLDER / scenario / "events.jsonl").read_bytes().splitlines()
