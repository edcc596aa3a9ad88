"""Elastic Cloud: the addresses that a cloud id holds, and the login."""

import base64

from msgspec import Struct

from shipper.outputs.secret import Secret
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader

_PORT = "443"


class Cloud(Struct, frozen=True):
    """A deployment, as far as it is configured."""

    elasticsearch: str | None = None
    kibana: str | None = None
    username: str | None = None
    password: Secret | None = None


def read_cloud(reader: Reader, node: YamlNode) -> Cloud:
    """`cloud.id` and `cloud.auth`."""
    keys = reader.children(node, ("id", "auth"))
    elasticsearch = kibana = username = password = None
    if "id" in keys and keys["id"].scalar:
        elasticsearch, kibana = _addresses(reader, keys["id"])
    if "auth" in keys and keys["auth"].scalar:
        username, colon, secret = reader.text(keys["auth"]).partition(":")
        password = Secret(secret)
        if not colon:
            reader.note(keys["auth"], "expected <user>:<password>")
    return Cloud(elasticsearch, kibana, username, password)


def _addresses(reader: Reader, node: YamlNode) -> tuple[str | None, str | None]:
    """`<name>:<base64 of host$elasticsearch$kibana>`; each part may end in a port of its own."""
    encoded = reader.text(node).rpartition(":")[2]
    try:
        host, *parts = base64.b64decode(encoded, validate=True).decode("ascii").split("$")
    except ValueError:  # not base64, or not ASCII
        host, parts = "", []
    if not host or not parts or not parts[0]:
        reader.note(node, "is not a cloud id; copy it from the deployment's page")
        return None, None
    domain, _, port = host.partition(":")
    found = [_address(part, domain, port or _PORT) for part in parts[:2] if part]
    return found[0], found[1] if len(found) > 1 else None


def _address(part: str, domain: str, port: str) -> str:
    name, _, own = part.partition(":")
    return f"https://{name}.{domain}:{own or port}"
