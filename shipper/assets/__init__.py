"""From the catalog: Elasticsearch's templates and policies, Logstash's pipeline, the docs."""

from shipper.assets.files import GENERATORS, Generator, build, stale, write
from shipper.assets.install import Action, Step, install, remove

__all__ = [
    "GENERATORS",
    "Action",
    "Generator",
    "Step",
    "build",
    "install",
    "remove",
    "stale",
    "write",
]
