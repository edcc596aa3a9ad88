"""The outputs: Filebeat's sections `output` and `cloud`, and the guide's short form."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from shipper.catalog import Catalog, IndexStrategy
from shipper.config.cloud import Cloud, read_cloud
from shipper.config.names import take_names, with_names
from shipper.config.read import is_foreign
from shipper.errors import ConfigError
from shipper.outputs import OUTPUTS
from shipper.outputs.http import parse_url
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into


def read_outputs(
    reader: Reader, nodes: Mapping[str, YamlNode]
) -> tuple[dict[str, object], str | None]:
    """The enabled outputs by name, and the address of Kibana."""
    found: dict[str, object] = {}
    if node := nodes.get("output"):
        for name, child in reader.sections(node, OUTPUTS).items():
            if value := _output(reader, name, child):
                found[name] = value
    if (url := nodes.get("elasticsearch_url")) and "elasticsearch" not in found:
        found["elasticsearch"] = OUTPUTS["elasticsearch"].config(hosts=(_read_url(reader, url),))
    cloud = read_cloud(reader, nodes["cloud"]) if "cloud" in nodes else Cloud()
    if cloud.elasticsearch or cloud.username:
        found["elasticsearch"] = _in_cloud(found.get("elasticsearch"), cloud)
    return found, _kibana(reader, nodes) or cloud.kibana


def placed(
    outputs: dict[str, object], catalog: Catalog, strategy: IndexStrategy
) -> dict[str, object]:
    """The outputs; Elasticsearch gets the names of the catalog's indices if it needs them."""
    settings: Any = outputs.get("elasticsearch")
    if settings is None or strategy is IndexStrategy.DATA_STREAM:
        return outputs
    indices = {row.dataset: row.index for row in catalog.event_types.values()}
    return {**outputs, "elasticsearch": replace(settings, strategy=str(strategy), indices=indices)}


def _output(reader: Reader, name: str, node: YamlNode) -> object | None:
    """The settings; None if the output is switched off, whatever else its section says."""
    options = dict(node.children or {})
    enabled = options.pop("enabled", None)
    if enabled and not enabled.is_unset and not reader.truth(enabled):
        reader.ignored.append(node.path)
        return None
    if "worker" in options:  # Filebeat has both names
        options.setdefault("workers", options.pop("worker"))
    _take_codec(reader, options)
    rules = take_names(reader, name, options)
    if (hosts := options.get("hosts")) and not hosts.is_unset:
        options["hosts"] = replace(hosts, scalar=None, items=[*_hosts(hosts)])
    bare = replace(node, children=options) if node.children is not None else node
    value: object = with_names(into(reader, OUTPUTS[name].config, bare), rules)
    if name == "elasticsearch":
        return _with_preset(reader, value, options)
    return value


def _take_codec(reader: Reader, options: dict[str, YamlNode]) -> None:
    """Explain a codec in Filebeat's form, a section with the codec's name; ours is a word."""
    if (codec := options.get("codec")) and codec.children:
        del options["codec"]
        for child in codec.children.values():
            if not is_foreign(reader, child):
                reader.note(child, "unknown key")


def _with_preset(reader: Reader, settings: Any, given: Mapping[str, YamlNode]) -> object:
    """The settings of a preset override the given ones, with a remark, as in Filebeat."""
    for name, value in settings.of_preset.items():
        if name in given and getattr(settings, name) != value and not given[name].is_unset:
            what = f"no effect: preset {settings.preset} sets it to {value}"
            reader.remarks.append(str(given[name].problem(what)))
    return replace(settings, **settings.of_preset)


def _hosts(node: YamlNode) -> Iterator[YamlNode]:
    """Each host; a variable may hold several, as in Filebeat (and a password may hold a comma)."""
    for item in [node] if node.items is None else node.items:
        if isinstance(item.scalar, str) and "@" not in item.scalar:
            yield from (
                replace(item, scalar=text.strip(), written=None) for text in item.scalar.split(",")
            )
        else:
            yield item


def _in_cloud(settings: Any, cloud: Cloud) -> object:
    """`cloud` has precedence over the section, as in Filebeat."""
    changes: dict[str, Any] = {}
    if cloud.elasticsearch:
        changes["hosts"] = (cloud.elasticsearch,)
    if cloud.username:
        changes |= {"username": cloud.username, "password": cloud.password, "api_key": None}
    return replace(settings or OUTPUTS["elasticsearch"].config(), **changes)


def _kibana(reader: Reader, nodes: Mapping[str, YamlNode]) -> str | None:
    """`kibana_url`, else Filebeat's `setup.kibana.host`."""
    if node := nodes.get("kibana_url"):
        return _anonymous(reader, node, _read_url(reader, node))
    setup = reader.children(nodes["setup"], ("kibana",)) if "setup" in nodes else {}
    keys = reader.children(setup["kibana"], ("host", "protocol")) if "kibana" in setup else {}
    if "host" not in keys:
        return None
    host = reader.text(keys["host"])
    scheme = reader.text(keys["protocol"]) if "protocol" in keys else "http"
    return _anonymous(reader, keys["host"], host if "://" in host else f"{scheme}://{host}")


def _anonymous(reader: Reader, node: YamlNode, url: str) -> str:
    """The address, which must not contain credentials: it appears in messages."""
    if "@" in url:
        what = "contains a user name; Kibana gets the credentials of output.elasticsearch"
        reader.note(node, what)
        return url
    try:
        parse_url(url, default_port=5601, is_tls=False)
    except ConfigError:
        reader.note(node, "is not an address such as https://kibana.example:5601")
    return url


def _read_url(reader: Reader, node: YamlNode) -> str:
    text = reader.text(node)
    if not text.startswith(("http://", "https://")):
        # The message does not quote the text: it may hold a password.
        reader.note(node, "expected an address that begins with http:// or https://")
    return text
