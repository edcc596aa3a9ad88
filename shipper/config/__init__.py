"""The configuration: YAML in Filebeat's words, and the guide's keys unchanged."""

from shipper.config.load import from_mapping, keystore_of, load
from shipper.config.model import Config

__all__ = ["Config", "from_mapping", "keystore_of", "load"]
