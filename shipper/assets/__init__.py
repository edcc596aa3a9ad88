"""From the catalog: Elasticsearch's templates and policies, Logstash's pipeline, the docs."""

from shipper.assets.generate.files import GENERATORS, Generator, build, stale, write
from shipper.assets.install.elasticsearch import install, remove
from shipper.assets.install.steps import USUAL, Action, Part, Step

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
