"""The parts that setup installs, each with its own switch."""

from enum import StrEnum


class Part(StrEnum):
    """A part; the value is the name of its switch."""

    INDEX_MANAGEMENT = "index-management"
    PIPELINES = "pipelines"
    KIBANA = "kibana"
    RULES = "rules"
    ROLES = "roles"


#: The parts that `setup` installs by default. Roles decide who reads and writes: only on request.
DEFAULT_PARTS = (Part.INDEX_MANAGEMENT, Part.PIPELINES, Part.KIBANA, Part.RULES)
