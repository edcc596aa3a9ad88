"""Recall by class and precision over the corpus."""

from tests.secrets.cases import harmless_cases, secret_cases

#: Cases that no reader could know are counted apart, whatever their class.
NO_FORM = "no form"


def kind_of(case):
    return case.kind if case.has_form else NO_FORM


def kinds():
    """All classes in order, the one without a form last."""
    return [*dict.fromkeys(case.kind for case in secret_cases() if case.has_form), NO_FORM]


def scored(leaks, changes):
    """Masked and all cases by class, and harmless ones changed; verdicts in the corpus's order."""
    masked, total = dict.fromkeys(kinds(), 0), dict.fromkeys(kinds(), 0)
    for case, leak in zip(secret_cases(), leaks, strict=True):
        total[kind_of(case)] += 1
        masked[kind_of(case)] += not leak
    return {
        "masked": masked,
        "total": total,
        "changed": sum(changes),
        "harmless": len(harmless_cases()),
    }


def recall(score, over):
    """The share of masked cases over some classes."""
    return sum(score["masked"][kind] for kind in over) / sum(score["total"][kind] for kind in over)


def precision(score):
    """The share of secrets among all cases in which something was masked."""
    masked = sum(score["masked"].values())
    return masked / (masked + score["changed"])
