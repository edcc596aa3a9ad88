"""What gitleaks and detect-secrets find in the corpus, each with its own default rules.

gitleaks must be on the PATH (`go install github.com/zricethezav/gitleaks/v8@latest`) and
detect-secrets be installed: `python -m tests.secrets peers`.
"""

import json
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.secrets.cases import NEUTRAL, harmless_cases, secret_cases
from tests.secrets.scores import scored
from tests.secrets.verdicts import leaked

#: The scores, kept because the peers are on few machines.
SCORES = Path(__file__).parent / "peers.json"


def main():
    """Run both over a file for each case, and keep the scores."""
    with TemporaryDirectory() as folder:
        for case in [*secret_cases(), *harmless_cases()]:
            (Path(folder) / f"{case.id.replace(' ', '_')}.txt").write_text(_text(case), "utf-8")
        found = {
            f"gitleaks {_gitleaks_version()}": _by_gitleaks(folder),
            f"detect-secrets {version('detect-secrets')}": _by_detect_secrets(folder),
        }
    scores = {peer: _score(hits) for peer, hits in found.items()}
    SCORES.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")


def _text(case):
    """A text as it is, anything else as indented JSON."""
    return "".join(f"{_written(value)}\n" for value in case.payload.values())


def _written(value):
    if isinstance(value, dict) and len(value) == 1 and {*value} <= NEUTRAL:
        [value] = value.values()
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)


def _gitleaks_version():
    command = ["go", "version", "-m", shutil.which("gitleaks")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return re.search(r"\tmod\t\S+\tv(\S+)", done.stdout)[1]


def _by_gitleaks(folder):
    report = Path(folder) / "report"
    command = ["gitleaks", "dir", folder, "-f", "json", "-r", str(report), "--exit-code", "0"]
    subprocess.run([*command, "--no-banner", "-l", "error"], check=True)
    hits = {}
    for row in json.loads(report.read_text(encoding="utf-8")):
        hits.setdefault(Path(row["File"]).stem, []).append(row["Secret"])
    return hits


def _by_detect_secrets(folder):
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    found = SecretsCollection()
    with default_settings():
        for path in Path(folder).glob("*.txt"):
            found.scan_file(str(path))
    return {
        Path(name).stem: [one.secret_value for one in rows] for name, rows in found.data.items()
    }


def _score(hits):
    """Scores as if each find were masked in the text."""
    return scored(
        [bool(leaked(case, {"text": _masked(case, hits)})) for case in secret_cases()],
        [bool(hits.get(case.id.replace(" ", "_"))) for case in harmless_cases()],
    )


def _masked(case, hits):
    text = _text(case)
    for secret in hits.get(case.id.replace(" ", "_"), ()):
        text = text.replace(secret, "[SECRET]")
    return text
