"""Objects with dotted keys: `{"a.b": 1}` becomes `{"a": {"b": 1}}`."""

from typing import Any

from shipper.processors.event import Event, Misfit


def expanded(members: Event) -> Event:
    """The object with its dotted keys expanded, at every depth.

    Raises `Misfit` if two of its keys take the same place: one of the values would be lost.
    """
    into: Event = {}
    for key, value in members.items():
        names = key.split(".")
        inner = expanded(value) if type(value) is dict else value
        _merge(into, names if all(names) else [key], inner)
    return into


def _merge(into: Event, names: list[str], value: Any) -> None:
    *parents, last = names
    for name in parents:
        into = into.setdefault(name, {})
        if type(into) is not dict:
            raise Misfit(f"its keys conflict at {name!r}")
    if last not in into:
        into[last] = value
    elif type(value) is dict and type(into[last]) is dict:
        for name, one in value.items():
            _merge(into[last], [name], one)
    else:
        raise Misfit(f"its keys conflict at {last!r}")
