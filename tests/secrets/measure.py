"""Recall and precision of the record line and of `redact` over the corpus."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.secrets.cases import harmless_cases, secret_cases
from tests.secrets.faces import by_handler, by_redact
from tests.secrets.scores import scored
from tests.secrets.verdicts import is_changed, leaked


def all_cases():
    return [*secret_cases(), *harmless_cases()]


def verdict(case, written):
    """Whether it failed: a secret that can be read, or a harmless text that is changed."""
    return bool(leaked(case, written)) if case.secrets else is_changed(case, written)


def verdicts(written):
    """One for each case of the corpus, in its order."""
    return [verdict(case, one) for case, one in zip(all_cases(), written, strict=True)]


def measured():
    """The scores of each face by its name."""
    with TemporaryDirectory() as folder:
        written = {
            "record line": by_handler(all_cases(), Path(folder)),
            "`redact`": by_redact(all_cases()),
        }
    return {face: _score(verdicts(rows)) for face, rows in written.items()}


def failures(written):
    """The failed cases with their payload as written: for whoever improves a kind."""
    pairs = zip(all_cases(), written, strict=True)
    return [(case, one) for case, one in pairs if verdict(case, one)]


def _score(failed):
    count = len(secret_cases())
    return scored(failed[:count], failed[count:])
