"""The rules about the events of one dataset, laid out so that a usual event costs little."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from msgspec import Struct

from shipper.detect.firsts import Firsts
from shipper.detect.hours import Hours
from shipper.detect.matching import Predicate
from shipper.detect.rates import Rates
from shipper.detect.reading import Reading, getter
from shipper.detect.rules import HEAD, Note, Row, Rule, Values

#: Values and a time: what is left to do about the event; None if that is everything.
_Quick = Callable[[Any, str], tuple[Note, ...] | None]


class Kind:
    """What decodes the wanted fields of an event, and the rules that may match it."""

    def __init__(self, rules: Iterable[Rule], *more: str) -> None:
        chosen = sorted(rules, key=lambda rule: rule.fields)
        paths = [*dict.fromkeys((*HEAD, *(path for rule in chosen for path in rule.fields)))]
        wanted = {*paths, *more, *(path for rule in chosen for path in rule.paths)}
        self.decode: Callable[[bytes], Any] = Reading(sorted(wanted)).decode
        self.row_of: Callable[[Any], Row] = getter(*paths)
        self.notes = tuple(rule.note_of(_picked(paths, rule.fields)) for rule in chosen)
        rate = next((rule for rule in chosen if _is_rate(rule)), None)
        fields = rate.fields if rate else ()
        self._rates = rate.memory if rate and isinstance(rate.memory, Rates) else None
        #: Counts a usual event by these values; the rules that are then left.
        self.quick: _Quick | None = self._rates.quick if self._rates else None
        self.values = _picked(paths, fields)
        self._asked = [
            _Asked.of(rule, fields, _picked(paths, rule.fields))
            for rule in chosen
            if rule is not rate and not _is_implied(rule, fields)
        ]

    def learn(self, event: Any, values: Any) -> None:
        """Find out which rules are left for usual events with these values."""
        if self._rates:
            self._rates.attach(
                values, lambda: tuple(one.note for one in self._asked if one.may_match(event))
            )


def _is_rate(rule: Rule) -> bool:
    return rule.matches is None and isinstance(rule.memory, Rates)


def _is_implied(rule: Rule, fields: Sequence[str]) -> bool:
    """Whether a rate of these fields that was counted in an hour leaves nothing to note in it.

    The group had an event in that hour, and the rule only asks whether it has.
    """
    only_asks = rule.matches is None and isinstance(rule.memory, Firsts | Hours)
    return only_asks and {*rule.fields} <= {*fields}


class _Asked(Struct, frozen=True):
    """A rule that is left, and what excludes it by the values alone."""

    may_match: Predicate
    note: Note

    @classmethod
    def of(cls, rule: Rule, fields: Sequence[str], values: Values) -> "_Asked":
        if rule.matches and rule.checked <= {*fields}:
            return cls(rule.matches, rule.note_of(values, is_checked=True))
        return cls(lambda _event: True, rule.note_of(values))


def _picked(paths: Sequence[str], fields: Sequence[str]) -> Values:
    """What takes the values of these fields from a row."""
    at = [paths.index(path) for path in fields]
    begin = at[0] if at else 0
    if at == [*range(begin, begin + len(at))]:
        return itemgetter(slice(begin, begin + len(at)))
    return itemgetter(*at)
