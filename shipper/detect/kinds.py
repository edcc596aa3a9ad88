"""The rules about the events of one dataset, laid out so that a usual event costs little."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any

from msgspec import Struct

from shipper.detect.matching import Predicate
from shipper.detect.rates import Rates
from shipper.detect.reading import Reading, getter
from shipper.detect.rules import HEAD, Note, Row, Rule, Values

#: Values and a time: whether counting the event is all there is to do.
_Quick = Callable[[Any, str], bool]
_MAX_LEFT = 10_000


class Kind:
    """What decodes the wanted fields of an event, and the rules that may match it."""

    def __init__(self, rules: Iterable[Rule], *more: str) -> None:
        chosen = sorted(rules, key=lambda rule: rule.fields)
        paths = [*dict.fromkeys((*HEAD, *(path for rule in chosen for path in rule.fields)))]
        wanted = {*paths, *more, *(path for rule in chosen for path in rule.paths)}
        self.decode: Callable[[bytes], Any] = Reading(sorted(wanted)).decode
        self.row_of: Callable[[Any], Row] = getter(*paths)
        self.notes = tuple(rule.note_of(_picked(paths, rule.fields)) for rule in chosen)
        #: Counts a usual event by these values, for all hourly rules that group by their fields.
        self.quick, fields = _quick_of(chosen)
        self.values = _picked(paths, fields)
        # A group of the same fields, or of fewer, had an event in that hour as well.
        others = [r for r in chosen if not (fields and r.is_hourly and {*r.fields} <= {*fields})]
        #: The rules that are then left.
        self.others = tuple(rule.note_of(_picked(paths, rule.fields)) for rule in others)
        self._asked = [_Asked.of(rule, fields, _picked(paths, rule.fields)) for rule in others]
        #: Those of them that the values do not exclude.
        self.left: dict[Any, tuple[Note, ...]] = {}

    def learn(self, event: Any, values: Any) -> None:
        """Find out which rules are left for events with these values."""
        with suppress(TypeError):  # a list
            if values in self.left:
                return
            if len(self.left) >= _MAX_LEFT:
                self.left.clear()
            self.left[values] = tuple(one.note for one in self._asked if one.may_match(event))


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


def _quick_of(rules: Iterable[Rule]) -> tuple[_Quick | None, tuple[str, ...]]:
    """What counts a usual event for all hourly rules that group by the same fields, and these.

    It is a rate that was counted in its hour since the last batch. The other rules saw the group
    then, and only ask whether it comes in an hour.
    """
    for rule in rules:
        if rule.is_hourly and isinstance(rule.memory, Rates):
            return rule.memory.quick, rule.fields
    return None, ()
