"""Whether Kibana answers, is new enough, and has the dashboards and rules."""

import os
from collections.abc import Iterator

from shipper.assets.generate.kibana import saved_objects
from shipper.assets.install.kibana import install_objects
from shipper.assets.install.kibana_api import Kibana
from shipper.config import Config
from shipper.doctor.cluster import compared
from shipper.doctor.finding import Finding, ok, problem
from shipper.errors import Refused, Unavailable
from shipper.outputs.elasticsearch.api import kibana_access
from shipper.outputs.elasticsearch.config import ElasticsearchConfig


def dashboards(config: Config) -> Iterator[Finding]:
    """All findings about the Kibana of `kibana_url`."""
    settings = config.outputs.get("elasticsearch")
    if not config.kibana_url or not isinstance(settings, ElasticsearchConfig):
        return
    kibana = Kibana(config.kibana_url, *kibana_access(settings))
    try:
        yield ok("kibana", f"{config.kibana_url} is Kibana {kibana.check_version()}")
        objects = saved_objects(config.catalog, config.scope)
        yield from compared("dashboards", list(install_objects(kibana, objects, dry_run=True)))
    except Unavailable as error:
        yield problem("kibana", str(error), "start it, or correct kibana_url", os.EX_UNAVAILABLE)
    except Refused as error:
        yield problem("kibana", str(error), "see docs/assets.md", os.EX_NOPERM)
