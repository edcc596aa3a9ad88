"""Names of files and directories as patterns, with the meaning that they have in Filebeat (Go)."""

import fnmatch
import re

_CLASS = re.compile(r"\[(\^?)(\]?[^\]]*\])")


def expression(pattern: str) -> str:
    """A regular expression for the names that match; `[^a]` and `[!a]` are any character but a."""
    return fnmatch.translate(_CLASS.sub(_in_python, pattern))


def _in_python(found: re.Match[str]) -> str:
    return f"[{'!' if found[1] else ''}{found[2]}"
