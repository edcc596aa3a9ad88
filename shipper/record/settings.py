"""The settings of an `AuditHandler`, all checked before the first event."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from shipper.catalog import AuditLevel, Catalog, Scope
from shipper.errors import BadInput, Problem
from shipper.names import fault_of
from shipper.record.format import valid
from shipper.record.policy import (
    MAX_SEGMENT_AGE_S,
    MAX_SEGMENT_BYTES,
    Durability,
    SegmentPolicy,
)


class Settings(Struct, frozen=True, kw_only=True):
    """The handler's arguments, as given."""

    audit_level: str = "standard"
    compliance_frameworks: Iterable[str] = ()
    retention_days: int | None = None
    namespace: str = "default"
    service: Mapping[str, object] = {}
    max_bytes: int = MAX_SEGMENT_BYTES
    max_age_s: float = MAX_SEGMENT_AGE_S
    durability: str = "flush"

    def check(self, catalog: Catalog) -> None:
        """Raise `BadInput` with every setting that is not valid."""
        if problems := [*self._choices(catalog), *self._forms(catalog), *self._numbers()]:
            raise BadInput(problems)

    @property
    def scope(self) -> Scope:
        return Scope(
            level=AuditLevel(self.audit_level),
            frameworks=tuple(self.compliance_frameworks),
            retention_days=self.retention_days,
        )

    @property
    def policy(self) -> SegmentPolicy:
        return SegmentPolicy(
            max_bytes=self.max_bytes,
            max_age_s=self.max_age_s,
            durability=Durability(self.durability),
        )

    @property
    def constants(self) -> dict[str, object]:
        """The fields of every event that follow from the settings."""
        service = {f"service.{key}": valid(str(value)) for key, value in self.service.items()}
        return {**service, "data_stream.namespace": self.namespace}

    def _choices(self, catalog: Catalog) -> Iterator[Problem]:
        yield from _unknown("audit_level", [self.audit_level], AuditLevel)
        yield from _unknown("durability", [self.durability], Durability)
        if isinstance(self.compliance_frameworks, str):
            yield Problem("compliance_frameworks", "expected a list of names")
        else:
            yield from _unknown(
                "compliance_frameworks", self.compliance_frameworks, catalog.frameworks
            )

    def _forms(self, catalog: Catalog) -> Iterator[Problem]:
        if what := fault_of("namespace", str(self.namespace)):
            yield Problem("namespace", what)
        prefix = "service."
        known = [path.removeprefix(prefix) for path in catalog.fields if path.startswith(prefix)]
        yield from _unknown("service", self.service, known)

    def _numbers(self) -> Iterator[Problem]:
        yield from _too_small("max_bytes", self.max_bytes)
        yield from _too_small("max_age_s", self.max_age_s)
        if self.retention_days is not None:
            yield from _too_small("retention_days", self.retention_days)


def _too_small(where: str, value: object) -> Iterator[Problem]:
    if not isinstance(value, int | float) or not value > 0:
        yield Problem(where, f"{value!r} is not a number above 0")


def _unknown(where: str, names: Iterable[object], known: Iterable[str]) -> Iterator[Problem]:
    choices = list(known)
    for name in names:
        if name not in choices:
            yield Problem(where, f"{name!r} is none of {', '.join(choices)}")
