"""The second and the third corpus: written without a look at the tables or the first corpus.

Each file of `blind/` states how many of its secrets were masked at first sight, before anything was
improved. Files of the third were written after the second had improved the tables, for the classes
in which it was weakest.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.secrets.cases import cases_of, read, texts_of
from tests.secrets.faces import by_handler
from tests.secrets.measure import verdict

_FOLDER = Path(__file__).parent / "blind"
_HARMLESS = _FOLDER / "harmless.yml"


def _files():
    return sorted(_FOLDER.glob("*-*.yml"))


@cache
def first_sight():
    """By class, how many secrets were masked at first, and of how many."""
    return {read(path)["class"]: tuple(read(path)["first-sight"]) for path in _files()}


def changed_at_first():
    """How many harmless texts were changed at first, and of how many."""
    return tuple(read(_HARMLESS)["first-sight"])


@cache
def blind_cases():
    return [case for path in _files() for case in cases_of(path)]


@cache
def blind_harmless():
    return texts_of(read(_HARMLESS)["texts"])


@cache
def measured_blind():
    """By class, how many secrets are masked, and of how many; and how many texts are changed."""
    cases = [*blind_cases(), *blind_harmless()]
    with TemporaryDirectory() as folder:
        written = by_handler(cases, Path(folder))
    failed = [verdict(case, one) for case, one in zip(cases, written, strict=True)]
    counts = {kind: [0, 0] for kind in first_sight()}
    for case, fails in zip(blind_cases(), failed, strict=False):
        if case.has_form:
            counts[case.kind][0] += not fails
            counts[case.kind][1] += 1
    return counts, sum(failed[len(blind_cases()) :])
