"""What a check found: one line, and what to do about it."""

import os
from enum import StrEnum

from msgspec import Struct


class Grade(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    #: Works now; something is missing, or will break later.
    WARNING = "warning"
    #: Events are not recorded, not shipped or not protected until a person acts.
    PROBLEM = "problem"


class Finding(Struct, frozen=True, kw_only=True):
    """One finding; `fix` is what to do, and is empty if there is nothing to do."""

    grade: Grade
    topic: str
    what: str
    fix: str = ""
    #: The exit code of sysexits.h for a problem of this kind.
    code: int = 0


def ok(topic: str, what: str) -> Finding:
    """A check without a complaint."""
    return Finding(grade=Grade.OK, topic=topic, what=what)


def warning(topic: str, what: str, fix: str) -> Finding:
    """Something that a person should know."""
    return Finding(grade=Grade.WARNING, topic=topic, what=what, fix=fix)


def problem(topic: str, what: str, fix: str, code: int = os.EX_CONFIG) -> Finding:
    """Something that a person must fix."""
    return Finding(grade=Grade.PROBLEM, topic=topic, what=what, fix=fix, code=code)
