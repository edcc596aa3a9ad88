"""From the catalog: Elasticsearch's templates and policies, Logstash's pipeline, the docs."""

from shipper.assets.files import GENERATORS, Generator, build, stale, write
from shipper.assets.install import install, remove
from shipper.assets.steps import USUAL, Action, Part, Step

__all__ = [
    "GENERATORS",
    "USUAL",
    "Action",
    "Generator",
    "Part",
    "Step",
    "build",
    "install",
    "remove",
    "stale",
    "write",
]
