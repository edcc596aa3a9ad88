"""One rule for a namespace and a dataset, wherever one is given or read."""

import json
import re

import pytest

from shipper import AuditHandler
from shipper.assets.generate.files import build
from shipper.catalog import Scope, builtin, overlaid
from shipper.config import from_mapping
from shipper.errors import BadInput
from shipper.wire.bulk import ActionEncoder

REFUSED = ["_prod", ".prod", "", "Prod", "a-b", "a" * 101, "a\n"]
ACCEPTED = ["prod", "0", "a_b.c", "a" * 100]
RULE = "use 1 to 100 of a-z, 0-9, _ and ., and begin with a letter or a digit"


def in_the_configuration(tmp_path, name):
    return from_mapping({"namespace": name}).namespace


def in_the_handler(tmp_path, name):
    handler = AuditHandler(tmp_path, namespace=name)
    handler.close()
    return name


def in_the_catalog(tmp_path, name):
    return overlaid({"event_types": {"orders": {"dataset": name}}}).event_types["orders"].dataset


SETTINGS = [in_the_configuration, in_the_handler, in_the_catalog]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("given", SETTINGS)
def test_a_setting_is_refused_with_the_rule(given, name, tmp_path):
    with pytest.raises(BadInput, match=re.escape(RULE)):
        given(tmp_path, name)


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("given", SETTINGS)
def test_a_setting_is_accepted(given, name, tmp_path):
    assert given(tmp_path, name) == name


@pytest.mark.parametrize("name", [*REFUSED, *ACCEPTED])
def test_the_bulk_output_routes_by_exactly_the_names_that_a_setting_may_have(name):
    line = json.dumps({"data_stream": {"dataset": "mcp.tools", "namespace": name}}).encode()
    (action,) = ActionEncoder("logs-generic-default").actions(line + b"\n")
    assert (f'"logs-mcp.tools-{name}"'.encode() in action) == (name in ACCEPTED)


@pytest.mark.parametrize("name", [*REFUSED, *ACCEPTED])
def test_the_logstash_pipeline_routes_by_exactly_the_names_that_a_setting_may_have(name):
    files = {path.name: text for path, text in build(builtin(), Scope()).items()}
    pipeline = files["mcp-classify.conf"].decode()
    patterns = re.findall(r"\[data_stream\]\[(?!type)\w+\] =~ /\\A(.*?)\\z/", pipeline)
    assert len(patterns) == 2
    assert all(bool(re.fullmatch(one, name)) == (name in ACCEPTED) for one in patterns)
