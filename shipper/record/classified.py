"""A classified event, as it goes from `classify` to `redact`, `encode` and `append`."""

from collections.abc import Mapping

from msgspec import Struct


class Variant(Struct, frozen=True, eq=False):
    """One type, outcome and level of events, with the fields that they decide."""

    type: str
    constants: Mapping[str, object]


class Classified(Struct, frozen=True):
    """An event as ECS fields by path: the constants of its variant, and `values`, which win."""

    variant: Variant
    values: Mapping[str, object]
