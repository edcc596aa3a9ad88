"""Every body for Elasticsearch, checked against Elastic's own types of its API.

The types are those of Elastic's JavaScript client, with three of them closed, for they let callers
write what they like: privileges, index settings, times.
"""

import json
import re

import pytest

from shipper.assets.generate.bodies import first_indices
from shipper.assets.generate.files import build
from shipper.catalog import IndexStrategy, Scope, builtin, overlaid
from tests.assets.overlay import OVERLAY
from tests.conftest import real
from tests.real.typescript import compiler, errors_in

#: The request that takes the files of a folder.
REQUESTS = {
    "ilm/policies": "IlmPutLifecycleRequest",
    "ilm/overlays/cold_and_frozen": "IlmPutLifecycleRequest",
    "ilm/index_templates": "IndicesPutIndexTemplateRequest",
    "ilm/component_templates": "ClusterPutComponentTemplateRequest",
    "ilm/overlays": "ClusterPutComponentTemplateRequest",
    "ilm/ingest_pipelines": "IngestPutPipelineRequest",
    "ilm/security/roles": "SecurityPutRoleRequest",
    "ilm/security/api_keys": "SecurityCreateApiKeyRequest",
}
SCOPES = {
    **{str(strategy): Scope(index_strategy=strategy) for strategy in IndexStrategy},
    "all frameworks": Scope(frameworks=("sox", "gdpr", "hipaa"), retention_days=3000),
}
POLICY = "ilm/policies/logs-mcp.tools.json"
TEMPLATE = "ilm/index_templates/logs-mcp.tools.json"
MAPPINGS = "ilm/component_templates/mcp@mappings.json"
SETTINGS = "ilm/component_templates/mcp@settings.json"
FAILURES = "ilm/overlays/mcp@failures.json"
INGEST = "ilm/ingest_pipelines/mcp-normalise.json"
WRITER = "ilm/security/roles/mcp_writer.json"
TENANT = "ilm/security/roles/mcp_tenant.json"
KEY = "ilm/security/api_keys/mcp-shipper-writer.json"

#: A fault in a generated body: its place, and the wrong value. A check of the keys alone would find
#: none of them; Elasticsearch would refuse each, or take it without effect.
SEEDS = [
    (POLICY, "policy.phases.cool", {"actions": {}}),
    (POLICY, "policy.phases.hot.actions.rollover.max_agee", "1d"),
    (POLICY, "policy.phases.hot.actions.rolover", {}),
    (POLICY, "policy.phases.delete.min_age", "7y"),
    (POLICY, "policy.phases.warm.actions.forcemerge", {}),
    (POLICY, "policy.phases.warm.actions.set_priority.priority", "high"),
    (POLICY, "phases", {}),
    (TEMPLATE, "index_pattern", "logs-*"),
    (TEMPLATE, "priority", "high"),
    (TEMPLATE, "composed_of", "mcp@mappings"),
    (TEMPLATE, "data_stream.hiden", True),
    (TEMPLATE, "template.settings.index.lifecycle.nam", "x"),
    (TEMPLATE, "template.lifecycle", {"data_retention": "90 days"}),
    (MAPPINGS, "template.mappings.properties.message.type", "match_only_txt"),
    (MAPPINGS, "template.mappings.properties.message.ignore_above", "many"),
    (MAPPINGS, "template.mappings.dynamc", False),
    (SETTINGS, "template.settings.index.codecs", "best_compression"),
    (SETTINGS, "template.settings.index.mapping.source.mode", "kept"),
    (FAILURES, "template.data_stream_options.failure_store.enable", True),
    (INGEST, "processors.0.script.langu", "painless"),
    (INGEST, "processors.0", {"scrpt": {"source": "x"}}),
    (INGEST, "on_failure.1.set.field", None),
    (WRITER, "indices.0.privileges", ["create_docs"]),
    (WRITER, "cluster", ["monitoring"]),
    (TENANT, "indices.0.queries", "x"),
    (TENANT, "applications.0.resource", ["*"]),
    (KEY, "role_descriptors.mcp_writer.indices.0.privileges", ["append"]),
    (KEY, "expiration", "a year"),
]


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """The numbers of the (request, body) pairs that the compiler refuses, with its messages."""
    with real(compiler) as folder:
        yield lambda pairs: refused(folder, tmp_path_factory.mktemp("types"), pairs)


def refused(folder, here, pairs):
    head = f'import type * as es from "{folder}/types";\n'
    head += 'type Body<T> = Omit<T, "body" | "querystring" | "refresh">;\n'
    lines = [
        f"export const a{at}: Partial<Body<es.{request}>> = {json.dumps(body)};\n"
        for at, (request, body) in enumerate(pairs)
    ]
    said = errors_in(folder, {here / "bodies.ts": head + "".join(lines)})
    before = head.count("\n") + 1
    return {int(re.search(r"\((\d+),", line)[1]) - before: line for line in said}


def bodies(catalog, scope):
    """Every JSON file under ilm/, with its request; the space is Kibana's."""
    for path, content in build(catalog, scope).items():
        folder = str(path.parent)
        if path.parts[0] == "ilm" and path.parent.name != "spaces":
            yield str(path), (REQUESTS[folder], json.loads(content))
    for name, body in first_indices(catalog, scope).items():
        yield name, ("IndicesCreateRequest", body)


@pytest.mark.parametrize("catalog", [builtin(), overlaid(OVERLAY)], ids=["ours", "an overlay"])
def test_every_body_is_what_the_api_takes_under_each_strategy(check, catalog):
    named = [(name, *row) for scope in SCOPES.values() for name, row in bodies(catalog, scope)]
    found = check([(request, body) for _, request, body in named])
    assert {named[at][0]: said for at, said in found.items()} == {}
    assert len(named) > 4 * 30


def test_each_seeded_fault_is_caught(check):
    ours = dict(bodies(builtin(), Scope()))
    pairs = [(ours[name][0], seeded(ours[name][1], path, value)) for name, path, value in SEEDS]
    found = check(pairs)
    assert [SEEDS[at] for at in range(len(SEEDS)) if at not in found] == []


def seeded(body, path, value):
    copy = json.loads(json.dumps(body))
    *outer, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    node = copy
    for part in outer:
        node = node[part] if isinstance(node, list) else node.setdefault(part, {})
    node[last] = value
    return copy
