"""The alerts that the shipper raises itself: the guide's section `security_monitoring`."""

from collections.abc import Mapping
from typing import Any

from shipper.catalog import Catalog
from shipper.errors import CatalogError
from shipper.outputs import OUTPUTS
from shipper.outputs.alerts.config import BlockConfig
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into


def read_alerts(reader: Reader, node: YamlNode, catalog: Catalog) -> object | None:
    """The settings of the output `alerts`; None if no alert is named.

    The operator's own rows (`catalog.alerts`) are checked, whether one is named or not.
    """
    given = reader.children(node, ("real_time_alerts", "block"))
    inner = given.get("real_time_alerts")
    if inner is None and catalog.alert_rows is None:
        return None
    known = _known(reader, catalog)
    if inner is None or not known:
        return None
    names = tuple(reader.one_of(item, known) for item in inner.items or [inner])
    block: BlockConfig | None = (
        into(reader, BlockConfig, given["block"]) if "block" in given else None
    )
    for item in given["block"].at("rules").items or () if block else ():
        reader.one_of(item, names)
    found: object = OUTPUTS["alerts"].config(rules=names, alerts=known, block=block)
    return found


def check_revoking(reader: Reader, rules: YamlNode, catalog: Catalog) -> None:
    """Note the names of no alert: a misspelt one would end no session."""
    known = _known(reader, catalog) if rules.items else {}
    for item in (rules.items or ()) if known else ():
        reader.one_of(item, known)


def _known(reader: Reader, catalog: Catalog) -> Mapping[str, Any]:
    from shipper.catalog.alerts import alerts_of  # takes 20 ms, and few configurations name any

    try:
        return alerts_of(catalog)
    except CatalogError as error:
        reader.problems += error.problems
        return {}
