"""The kinds of secret that their form reveals: a row each, whatever finds and renders them.

A row has a gate, a literal in lower case that every text with the secret contains. One search
finds all gates; a pattern runs only where its gate stands.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from shipper.secrets.entropy import looks_random
from shipper.secrets.forms import example_of, head_of, length_of, pattern_of
from shipper.secrets.headless import TAILED, WEAK
from shipper.secrets.vendors import TOKENS

#: Whether the text of a match is a secret of the kind.
Check = Callable[[str], bool]


class Kind(NamedTuple):
    """One kind of secret.

    `pattern` matches from `back` characters before the gate, or from the gate; a group `s` in it is
    the secret, otherwise the whole match is. A secret is counted and replaced by its group.
    """

    name: str
    gates: tuple[str, ...]
    pattern: str
    source: str
    #: Texts that hold one, with `~` where a scanner of code would take it for live.
    hits: tuple[str, ...]
    misses: tuple[str, ...] = ()
    group: str = "token"
    back: int = 0
    check: Check | None = None
    #: Runs before the values of secret names are masked, and is kept within them.
    is_specific: bool = True
    #: The pattern that Ruby and Java get, if it is not the same.
    rendered: str = ""
    #: The published form of a vendor's token.
    form: str = ""

    @property
    def usual(self) -> int:
        """The usual length of a vendor's token."""
        return length_of(self.form)

    @property
    def examples(self) -> tuple[str, ...]:
        """Texts that hold one: those of the row, and one that is made of the form."""
        return (*self.hits, example_of(self.form)) if self.form else self.hits


def password(
    name: str, gates: str, pattern: str, hit: str, *, back: int = 0, check: Check | None = None
) -> Kind:
    """A kind of password; `gates` are separated by `|`."""
    return Kind(name, tuple(gates.split("|")), pattern, "", (hit,), (), "password", back, check)


#: No part of a longer word: `task-1` is no `sk-1`.
_BOUND = "(?<![A-Za-z0-9])"
_FIRM = 4


def _is_random_tail(text: str) -> bool:
    return looks_random(re.split("[_-]", text, maxsplit=1)[-1])


def _tokens() -> Iterator[Kind]:
    for line in TOKENS.strip().splitlines():
        name, form, source = line.split()
        head = head_of(form)
        is_firm = len(head) >= _FIRM and not head.isalnum()
        pattern = ("" if is_firm else _BOUND) + pattern_of(form)
        yield Kind(name, (head,), pattern, source, (), (head + "x.",), form=form)
    for line in TAILED.strip().splitlines():
        name, gate, back, form, source = line.split()
        pattern = _BOUND + pattern_of(form)
        gates = tuple(gate.split(","))
        yield Kind(name, gates, pattern, source, (), (gates[0] + "x",), back=int(back))
    for line in WEAK.strip().splitlines():
        name, form, source = line.split()
        head = head_of(form)
        pattern = f"{_BOUND}{pattern_of(form)}(?![A-Za-z0-9_])"
        yield Kind(
            name, (head,), pattern, source, (), (head + "x.",), check=_is_random_tail, form=form
        )


VENDOR_KINDS = tuple(_tokens())
