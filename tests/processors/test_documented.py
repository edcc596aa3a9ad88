"""docs/processors.md knows every processor, option and condition."""

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from shipper.config.conditions import CONDITIONS
from shipper.config.processors import PROCESSORS
from shipper.processors.docker import DockerConfig
from shipper.processors.host import GeoConfig, HostConfig
from shipper.processors.kubernetes import KubernetesConfig
from shipper.processors.network import NAMED
from shipper.processors.redact import Redact
from shipper.processors.texts import Fingerprint, TruncateFields

PAGE = (Path(__file__).parents[2] / "docs/processors.md").read_text(encoding="utf-8")


def row(name):
    """The row of a table that is about `name`."""
    return re.search(rf"^\| `{name}`.*$", PAGE, re.MULTILINE)[0]


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_processor_has_a_row(name):
    assert row(name)


@pytest.mark.parametrize("name", sorted(set(CONDITIONS) - {"or", "not"}))
def test_a_condition_has_a_row(name):
    assert row(name)


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"global_unicast"}))
def test_a_network_is_named(name):
    assert f"`{name}`" in row("network")


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("add_docker_metadata", DockerConfig),
        ("add_host_metadata", HostConfig),
        ("add_kubernetes_metadata", KubernetesConfig),
        ("fingerprint", Fingerprint),
        ("redact", Redact),
        ("truncate_fields", TruncateFields),
    ],
)
def test_an_option_is_in_the_row_of_its_processor(name, config):
    assert [one.name for one in fields(config) if f"`{one.name}" not in row(name)] == []


def test_geo_has_the_options_of_filebeat():
    assert {one.name for one in fields(GeoConfig)} == {
        *("name", "location", "continent_name", "country_name", "country_iso_code"),
        *("region_name", "region_iso_code", "city_name"),
    }
