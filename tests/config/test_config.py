"""The configuration: Filebeat's words, the guide's keys, every problem at once."""

from pathlib import Path

import pytest

from shipper.catalog import AuditLevel, builtin
from shipper.config import from_mapping, load
from shipper.errors import ConfigError
from shipper.outputs import OUTPUTS
from shipper.yaml.parse import parse

PASTED = """\
filebeat.inputs:
- type: filestream
  id: mcp-audit
  enabled: true
  paths:
    - /var/log/mcp/*.jsonl
  parsers:
    - ndjson:
        target: ""
        overwrite_keys: true
- type: filestream
  id: off
  enabled: false
  paths: ["/dev/null"]

output.logstash:
  hosts: ["logstash-1:5044", "logstash-2:5044"]
  bulk_max_size: 512
  compression_level: 1
  timeout: 45s
  ssl.certificate_authorities: ["/etc/ca.pem"]
  ssl:
    verification_mode: certificate

output.elasticsearch:
  hosts: "https://es:9200"
  api_key: "${ES_KEY}"

path.data: /var/lib/data
"""


def problems(text, tmp_path, **environment):
    path = tmp_path / "c.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, environment)
    return [str(problem).replace(str(path), "c.yml") for problem in caught.value.problems]


def read(text, tmp_path, **environment):
    path = tmp_path / "c.yml"
    path.write_text(text, encoding="utf-8")
    return load(path, environment)


def test_a_pasted_filebeat_section_means_what_it_means_there(tmp_path):
    config = read(PASTED, tmp_path, ES_KEY="id:secret")
    assert [(one.id, one.paths) for one in config.inputs] == [
        ("mcp-audit", ("/var/log/mcp/*.jsonl",))
    ]
    logstash = config.outputs["logstash"]
    assert logstash.hosts == ("logstash-1:5044", "logstash-2:5044")
    assert (logstash.bulk_max_size, logstash.compression_level) == (512, 1)
    assert logstash.timeout_s == 45.0
    assert logstash.ssl.certificate_authorities == ("/etc/ca.pem",)
    assert logstash.ssl.verification_mode == "certificate"
    elasticsearch = config.outputs["elasticsearch"]
    assert elasticsearch.hosts == ("https://es:9200",)
    assert elasticsearch.api_key.reveal() == "id:secret"
    assert config.data == Path("/var/lib/data")


def test_secrets_do_not_show_in_the_configuration(tmp_path):
    assert "id:secret" not in repr(read(PASTED, tmp_path, ES_KEY="id:secret"))
    redis = "output.redis: {hosts: [localhost], password: hunter2}"
    assert "hunter2" not in repr(read(redis, tmp_path))
    address = "output.elasticsearch.hosts: ['https://elastic:hunter2@es:9200']"
    assert "hunter2" not in repr(read(address, tmp_path))


def test_the_keys_of_the_guide_are_accepted_unchanged(tmp_path):
    config = read(
        """\
mcp_audit_level: "enterprise"
compliance_frameworks: ["sox", "gdpr"]
retention_days: 365
elasticsearch_url: "http://localhost:9200"
kibana_url: "http://localhost:5601"
index_prefix: "mcp-audit"
real_time_monitoring: true
mcp_audit_event_types:
  mcp_tool_execution:
    fields: ["timestamp", "user_id", "tool_name", "arguments", "result", "duration_ms", "success"]
    index: "mcp-tools"
    retention_days: 120
  backup_run:
    fields: ["timestamp", "user_id", "success"]
    retention_days: 30
security_monitoring:
  real_time_alerts: ["policy_violation_spikes"]
""",
        tmp_path,
    )
    assert config.scope.level is AuditLevel.ENTERPRISE
    assert config.scope.frameworks == ("sox", "gdpr")
    assert config.outputs["elasticsearch"].hosts == ("http://localhost:9200",)
    assert config.kibana_url == "http://localhost:5601"
    assert config.outputs["alerts"].rules == ("policy_violation_spikes",)
    assert config.catalog.event_types["mcp_tool_execution"].retention_days == 120
    assert config.catalog.event_types["backup_run"].index == "mcp-backup-run"
    assert config.scope.retention_days_of("backup_run", config.catalog) == 2557
    assert config.catalog.event_types["mcp_prompt_request"].index == "mcp-prompts"
    assert any(note.startswith("index_prefix: no effect on data streams") for note in config.notes)


@pytest.mark.parametrize("strategy", ["monthly", "rollover_alias"])
def test_index_prefix_names_the_indices_of_every_type_without_its_own(tmp_path, strategy):
    config = read(
        f"""\
index_strategy: {strategy}
index_prefix: "acme-audit"
elasticsearch_url: "http://localhost:9200"
mcp_audit_event_types:
  mcp_tool_execution: {{index: "mcp-tools"}}
  backup_run: {{retention_days: 30}}
""",
        tmp_path,
    )
    indices = config.outputs["elasticsearch"].indices
    assert indices["mcp.tools"] == "mcp-tools"
    assert indices["mcp.auth"] == "acme-audit-auth"
    assert indices["mcp.backup_run"] == "acme-audit-backup-run"
    assert indices == {row.dataset: row.index for row in config.catalog.event_types.values()}
    assert config.outputs["elasticsearch"].strategy == strategy
    assert config.scope.index_strategy == strategy
    assert config.notes == ()


def test_an_index_prefix_that_makes_no_index_names_is_a_problem_at_its_line(tmp_path):
    (reported, *_) = problems("index_strategy: monthly\nindex_prefix: 'Big Audit'\n", tmp_path)
    assert reported == "c.yml:2 index_prefix: 'Big Audit-tools' is not a valid index"


def test_the_output_takes_filebeats_own_keys(tmp_path):
    config = read(
        """\
output.elasticsearch:
  hosts: [a, b]
  preset: throughput
  loadbalance: false
  headers: {X-Tenant: acme}
  parameters: {refresh: "true"}
  backoff: {init: 2s, max: 5m}
output.logstash:
  hosts: [a]
  loadbalance: true
  workers: 2
  pipelining: 4
  ttl: 5m
  slow_start: true
""",
        tmp_path,
    )
    settings = config.outputs["elasticsearch"]
    assert settings.headers["X-Tenant"].reveal() == "acme"
    assert "acme" not in repr(settings)
    assert settings.parameters == {"refresh": "true"}
    assert (settings.workers, settings.lanes) == (4, 4)
    assert (settings.backoff.init_s, settings.backoff.max_s) == (2, 300)
    assert config.outputs["logstash"].batch_max_lines == 2048 * 8
    assert config.outputs["logstash"].ttl_s == 300


def test_every_problem_is_told_at_once_with_line_key_and_nearest_key(tmp_path):
    reported = problems(
        """\
mcp_audit_levl: basic
compliance_frameworks: [sox, soxx]
retention_days: many
output.logstash:
  hostz: [a]
  timeout: soon
output.pulsar: {}
inputs:
- type: filestrem
  id: a
""",
        tmp_path,
    )
    assert reported == [
        "c.yml:1 mcp_audit_levl: unknown key; did you mean 'mcp_audit_level'?",
        (
            "c.yml:2 compliance_frameworks[1]: 'soxx' is not one of "
            f"{', '.join(builtin().frameworks)}; did you mean 'sox'?"
        ),
        "c.yml:3 retention_days: expected a whole number, found 'many'",
        "c.yml:5 output.logstash.hostz: unknown key; did you mean 'hosts'?",
        "c.yml:6 output.logstash.timeout: expected a duration such as 30s, found 'soon'",
        f"c.yml:7 output.pulsar: unknown key; known here: {', '.join(OUTPUTS)}",
        (
            "c.yml:9 inputs[0].type: 'filestrem' is not one of filestream, container, log, stdin; "
            "did you mean 'filestream'?"
        ),
        "c.yml:9 inputs[0]: paths is required: which files to ship, globs allowed",
    ]


def test_variables_are_expanded_in_values_with_defaults_and_their_own_type(tmp_path):
    text = """\
output.logstash:
  hosts: ["${HOST:localhost}:5044"]
  bulk_max_size: ${SIZE:100}
namespace: "${TENANT}"
"""
    config = read(text, tmp_path, TENANT="acme")
    assert config.outputs["logstash"].hosts == ("localhost:5044",)
    assert config.outputs["logstash"].bulk_max_size == 100
    assert config.namespace == "acme"


def test_a_variable_cannot_smuggle_yaml_in(tmp_path):
    config = read("namespace: '${TENANT}'", tmp_path, TENANT="a_b")
    assert config.namespace == "a_b"
    (reported,) = problems("namespace: ${TENANT}", tmp_path, TENANT="a\noutput: {}")
    assert reported == (
        "c.yml:1 namespace: 'a\\noutput: {}' is not a valid namespace: "
        "use 1 to 100 of a-z, 0-9, _ and ., and begin with a letter or a digit"
    )


def test_a_variable_that_is_not_set_is_reported_with_what_to_do(tmp_path):
    what = "set it, `mcp-shipper keystore add TENANT`, or give a default: ${TENANT:value}"
    assert problems("namespace: ${TENANT}\nkibana_url: ${K:?ask the platform team}", tmp_path) == [
        f"c.yml:1 namespace: ${{TENANT}} is not set; {what}",
        "c.yml:2 kibana_url: ${K} is not set; ask the platform team",
    ]


def test_a_key_given_twice_is_reported_with_both_places(tmp_path):
    assert problems("path.data: /a\npath:\n  data: /b\n", tmp_path) == [
        "c.yml:3 path.data: given twice; first at c.yml:1"
    ]


@pytest.mark.parametrize("text", ["a: [", "- a", "a: b: c", "\t- x"])
def test_text_that_is_not_a_yaml_mapping_is_reported_with_its_line(text, tmp_path):
    assert problems(text, tmp_path)[0].startswith("c.yml:1")


def test_an_own_event_type_with_an_unknown_field_is_reported_where_it_stands(tmp_path):
    reported = problems("x: 1\nmcp_audit_event_types:\n  mine: {fields: [nope]}\n", tmp_path)
    assert reported[1] == (
        "c.yml:3 mcp_audit_event_types.mine.fields: unknown field 'nope': add it under `fields`"
    )


def test_a_missing_file_is_reported_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yml"):
        load(tmp_path / "none.yml")


def test_without_inputs_the_audit_directory_is_shipped():
    config = from_mapping({"path": {"home": "/srv/x"}})
    assert config.inputs[0].paths == ("/srv/x/audit/*.jsonl",)


@pytest.mark.parametrize(
    "text",
    [
        "output.file: {enabled: false}",
        "output.console: {enabled: false, prety: true}",
        "output.elasticsearch: {enabled: false, hosts: ['${NOT_SET}'], index: 'x-%{+yyyy}'}",
    ],
)
def test_an_output_that_is_switched_off_is_left_out_whatever_else_it_says(text, tmp_path):
    assert not read(text, tmp_path).outputs


def test_an_input_that_is_switched_off_is_left_out_whatever_else_it_says(tmp_path):
    text = "inputs: [{enabled: false, pahts: ['${NOT_SET}']}, {id: a, paths: [/x]}]"
    assert [one.id for one in read(text, tmp_path).inputs] == ["a"]


@pytest.mark.parametrize("key", ["exclude_files", "prospector.scanner.include_files"])
def test_an_empty_list_asks_for_nothing(key, tmp_path):
    [one] = read(f"inputs: [{{id: a, paths: [/x], {key}: []}}]", tmp_path).inputs
    assert (one.scanner.exclude_files, one.scanner.include_files) == ((), ())


@pytest.mark.parametrize("value", ["007", "true", "1.10", "0x10", "12:30:00", "null", "~", "[a]"])
def test_a_password_is_the_text_as_it_was_written(value, tmp_path):
    text = "output.elasticsearch.hosts: [a]\noutput.elasticsearch.password: ${PW}"
    config = read(text, tmp_path, PW=value)
    assert config.outputs["elasticsearch"].password.reveal() == value
    if value not in {"null", "~", "[a]"}:
        written = read(text.replace("${PW}", value), tmp_path)
        assert written.outputs["elasticsearch"].password.reveal() == value


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('${NOPE:"API-Gateway"}', "API-Gateway"),
        ("${NOPE:'logstash:5043'}", "logstash:5043"),
        ("${NOPE:${ALSO_NOPE:inner}}", "inner"),
        ("${NOPE:${X}-${X}}", "x-x"),
        ("a${NOPE:}b", "ab"),
    ],
)
def test_a_default_is_read_as_in_filebeat(value, found, tmp_path):
    config = read(f"index_prefix: {value}", tmp_path, X="x")
    assert config.index_prefix == found


def test_a_variable_may_hold_a_list(tmp_path):
    text = "output.logstash.hosts: ${LS}"
    for hosts in ('["a:1", "b:2"]', "a:1,b:2"):
        config = read(text, tmp_path, LS=hosts)
        assert config.outputs["logstash"].hosts == ("a:1", "b:2")


def test_times_and_what_is_no_number_are_texts():
    tree, _ = parse("{starts: 12:30:00, none: .nan, most: -.inf, count: 12, share: 0.5}", "x")
    expected = {"starts": "12:30:00", "none": ".nan", "most": "-.inf", "count": 12, "share": 0.5}
    assert tree.plain() == expected


def test_a_variable_in_a_section_without_effect_does_not_stop_the_start(tmp_path):
    assert read("monitoring: {elasticsearch: {hosts: ['${NOT_SET}']}}", tmp_path)


def test_unset_variables_and_other_problems_are_reported_at_once(tmp_path):
    text = "namespace: _x\noutput.logstash:\n  hosts: ['${A_HOST}']\n  worker: ${COUNT}"
    found = problems(text, tmp_path)
    assert len(found) == 3
    assert "${A_HOST} is not set" in found[1]
    assert "${COUNT} is not set" in found[2]


@pytest.mark.parametrize("key", ["catalog: {fields: ", "catalog.fields: "])
def test_an_operators_field_is_named_by_its_complete_path(tmp_path, key):
    path = tmp_path / "c.yml"
    end = "}\n" if key.startswith("catalog:") else "\n"
    path.write_text(f"{key}{{acme.order.id: {{type: keyword, meaning: The order.}}}}{end}")
    assert load(path).catalog.fields["acme.order.id"].type == "keyword"


def test_an_unknown_value_is_reported_before_it_is_used(tmp_path):
    (reported,) = problems("output.elasticsearch.preset: quick\n", tmp_path)
    assert reported.startswith(
        "c.yml:1 output.elasticsearch.preset: 'quick' is not one of balanced"
    )


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("output.logstash.compression_level: 99", "expected 0 to 9, found 99"),
        ("output.elasticsearch.compression_level: 10", "expected 0 to 9, found 10"),
        ("output.elasticsearch.workers: 0", "expected 1 to 64, found 0"),
        ("output.console.bulk_max_size: 0", "expected 1 or more, found 0"),
        ("output.file: {path: /x, bulk_max_size: 0}", "expected 1 or more, found 0"),
        ("output.file: {path: /x, rotate_every_kb: 0}", "expected 1 or more, found 0"),
        ("output.kafka.max_message_bytes: 0", "expected 1 or more, found 0"),
        ("output.redis.workers: 9999", "expected 1 to 64, found 9999"),
        ("output.redis.timeout: 0", "expected 1ms or more, found 0"),
        ("output.logstash.backoff.init: 0s", "expected 1ms or more, found '0s'"),
        ("cloud.id: é", "is not a cloud id; copy it from the deployment's page"),
        ("http.port: 99999", "expected 0 to 65535, found 99999"),
        ("logging.files.rotateeverybytes: 0", "expected 1 or more, found 0"),
    ],
)
def test_a_number_out_of_its_bounds_is_a_problem_at_its_place(text, reported, tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert problem.what == reported
    assert problem.where.startswith(f"{path}:1 ")


@pytest.mark.parametrize("key", ["kibana_url", "elasticsearch_url"])
def test_an_invalid_address_is_reported_without_the_password_in_it(key):
    with pytest.raises(ConfigError, match="begins with http:// or https://") as caught:
        from_mapping({key: "elastic:hunter2@es:9200"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "where", ["kibana_url: https://{}", "setup.kibana.host: https://{}", "setup.kibana.host: '{}'"]
)
def test_an_address_of_kibana_has_no_credentials_that_a_message_could_show(where, tmp_path):
    with pytest.raises(ConfigError, match=r"credentials of output\.elasticsearch") as caught:
        read(where.format("elastic:hunter2@kb:5601"), tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("250ms", 0.25), ("1m30s", 90), ("1.5h", 5400), ("1d12h", 129_600)],
)
def test_a_duration_is_written_as_in_go(text, seconds):
    config = from_mapping({"shutdown_timeout": text})
    assert config.operation.shutdown_timeout_s == seconds


@pytest.mark.parametrize("text", ["s", "1x", "1m 30s", "", "-5s", "1ms5"])
def test_an_invalid_duration_is_reported(text):
    with pytest.raises(ConfigError, match="expected a duration such as 30s"):
        from_mapping({"shutdown_timeout": text})


def test_a_problem_of_a_catalog_overlay_has_its_file_and_line(tmp_path):
    reported = problems(
        """\
catalog:
  event_types:
    orders:
      dataset: _orders
      level: everything
      retention_days: 0
      colour: red
    returns:
      fields:
        - order_id
  fields:
    acme.order.id: {type: text}
  frameworks:
    acme_7:
      requires: [mcp_tools]
mcp_audit_event_types:
  refunds: 5
""",
        tmp_path,
    )
    rule = "use 1 to 100 of a-z, 0-9, _ and ., and begin with a letter or a digit"
    assert [one for one in reported if "c.yml:12" not in one] == [
        f"c.yml:4 catalog.event_types.orders.dataset: '_orders' is not a valid dataset: {rule}",
        (
            "c.yml:5 catalog.event_types.orders.level: 'everything' is not one of "
            "basic, standard, enterprise"
        ),
        "c.yml:6 catalog.event_types.orders.retention_days: expected 1 or more, found 0",
        (
            "c.yml:7 catalog.event_types.orders.colour: unknown key; known here: dataset, index, "
            "retention_days, classification, level, kind, category, type, action, fields, "
            "meaning, on_failure"
        ),
        (
            "c.yml:9 catalog.event_types.returns.fields: "
            "unknown field 'order_id': add it under `fields`"
        ),
        "c.yml:14 catalog.frameworks.acme_7: retention_days is required",
        "c.yml:17 mcp_audit_event_types.refunds: expected a mapping, found 5",
    ]
    (of_the_field,) = [one for one in reported if "c.yml:12" in one]
    assert of_the_field.startswith("c.yml:12 catalog.fields.acme.order.id.type: 'text' is not one")


def test_a_problem_of_an_overlay_is_reported_once_under_an_index_prefix(tmp_path):
    text = "index_strategy: monthly\nindex_prefix: acme\ncatalog.event_types: {mine: 5}\n"
    assert problems(text, tmp_path) == [
        "c.yml:3 catalog.event_types.mine: expected a mapping, found 5"
    ]
