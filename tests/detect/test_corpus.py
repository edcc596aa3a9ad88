"""Each attack of examples/attacks raises its alerts once, quiet traffic none."""

import re

import pytest

from shipper.catalog.alerts import alerts
from shipper.detect.engine import Engine
from shipper.detect.journal import Journal
from tests.detect.corpus import EXPECTED, FOLDER, lines_of


@pytest.mark.parametrize("scenario", EXPECTED)
def test_a_scenario_raises_its_alerts_once_also_over_a_restart_in_its_middle(scenario, tmp_path):
    lines = lines_of(scenario)
    for middle in {0, len(lines) // 2, len(lines) - 2}:
        raised = []
        for part in (lines[:middle], lines[middle:]):
            engine = Engine(alerts().values())
            journal = Journal(tmp_path / f"{middle}.ndjson", engine)
            noted = []
            for line in part:
                for hit, alert in engine.take([line]):
                    noted.append(hit)
                    raised += [alert.alert.name] if alert else []
            journal.commit(engine.settle(), noted)
            journal.close()
        assert sorted(raised) == sorted(EXPECTED[scenario])


def test_every_alert_has_a_scenario_and_every_scenario_is_explained():
    raised = {name for names in EXPECTED.values() for name in names}
    assert raised == set(alerts())
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(EXPECTED)
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) | {"quiet"} == folders
