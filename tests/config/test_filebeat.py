"""Filebeat configurations as people have them: what works, what is reported, what is refused."""

import base64

import pytest

from shipper.config import from_mapping, load
from shipper.config.filebeat import ACCEPTED, REFUSED
from shipper.errors import ConfigError
from tests.config.page import PAGE, page

STOCK = """\
filebeat.inputs:
- type: filestream
  id: my-files
  enabled: false
  paths:
    - /var/log/*.log
filebeat.config.modules:
  path: ${path.config}/modules.d/*.yml
  reload.enabled: false
setup.template.settings:
  index.number_of_shards: 1
setup.kibana:
output.elasticsearch:
  hosts: ["localhost:9200"]
  #preset: balanced
"""

TO_LOGSTASH = """\
max_procs: 2
queue.mem:
  events: 4096
  flush.min_events: 512
  flush.timeout: 5s
filebeat:
  shutdown_timeout: 10s
  registry.path: registry
  registry.flush: 1s
  inputs:
  - type: filestream
    id: app
    paths: ["/srv/app/log/*.ndjson"]
    parsers:
    - ndjson:
        target: ""
    close.on_state_change.inactive: 10m
    file_identity.fingerprint: ~
    prospector.scanner:
      check_interval: 5s
      fingerprint.enabled: true
      symlinks: true
output.logstash:
  hosts: ["ls-1:5044", "ls-2:5044"]
  loadbalance: true
  max_retries: 3
  ssl.certificate_authorities: ["/etc/pki/ca.pem"]
logging:
  level: warning
  to_files: true
  files:
    path: /var/log/filebeat
    keepfiles: 3
    rotateeverybytes: 1048576
    permissions: 0640
  metrics.period: 60s
http.enabled: true
http.port: 5067
monitoring.enabled: true
"""

CLOUD_ID = "prod:" + base64.b64encode(b"eu.cloud.example:9243$es123$kb456").decode()

IN_CLOUD = """\
cloud.id: "${CLOUD_ID}"
cloud.auth: "${CLOUD_AUTH}"
filebeat.inputs:
- type: filestream
  id: a
  paths: ["/var/log/mcp/*.jsonl"]
output.elasticsearch:
  hosts: ["http://ignored:9200"]
  bulk_max_size: 100
"""


def read(text, tmp_path, **environment):
    path = tmp_path / "filebeat.yml"
    path.write_text(text, encoding="utf-8")
    return load(path, environment)


def problems(text, tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(text, tmp_path)
    return [str(one).replace(f"{tmp_path}/", "") for one in caught.value.problems]


def noted(config):
    """The keys that have no effect."""
    return [note.split(" ")[1].rstrip(":") for note in config.notes]


def test_filebeats_stock_configuration_is_accepted_and_keys_without_effect_are_reported(tmp_path):
    config = read(STOCK, tmp_path)
    assert config.outputs["elasticsearch"].hosts == ("localhost:9200",)
    assert noted(config) == ["filebeat.config.modules", "setup.template", "none"]


def test_modules_that_are_switched_on_are_refused_by_name(tmp_path):
    (tmp_path / "modules.d").mkdir()
    (tmp_path / "modules.d" / "nginx.yml").touch()
    (reported,) = problems(STOCK, tmp_path)
    assert reported.startswith(
        "filebeat.yml:7 filebeat.config.modules: modules.d/nginx.yml: modules"
    )


def test_inputs_in_other_files_are_refused_by_name(tmp_path):
    (tmp_path / "more.yml").touch()
    text = "filebeat.config.inputs: {enabled: true, path: '*.yml'}\noutput.console: {}\n"
    assert "more.yml: are not read" in problems(text, tmp_path)[0]
    assert read(text.replace("true", "false"), tmp_path).notes == ()


def test_a_configuration_for_logstash_means_what_it_means_there(tmp_path):
    config = read(TO_LOGSTASH, tmp_path)
    assert config.operation.shutdown_timeout_s == 10
    assert config.operation.http.port == 5067
    log = config.operation.logging
    assert (log.level, log.to_files, log.metrics.period_s) == ("warning", True, 60)
    assert (log.files.path, log.files.keepfiles, log.files.permissions) == (
        "/var/log/filebeat",
        3,
        0o640,
    )
    assert config.outputs["logstash"].loadbalance
    assert noted(config) == [
        "max_procs",
        "queue",
        "monitoring",
        "filebeat.registry",
        "output.logstash.max_retries",
        "filebeat.inputs[0].close",
        "filebeat.inputs[0].file_identity",
        "filebeat.inputs[0].prospector.scanner.fingerprint",
    ]


def test_a_cloud_id_and_its_credentials_apply_to_elasticsearch_and_kibana(tmp_path):
    config = read(IN_CLOUD, tmp_path, CLOUD_ID=CLOUD_ID, CLOUD_AUTH="elastic:se:cret")
    settings = config.outputs["elasticsearch"]
    assert settings.hosts == ("https://es123.eu.cloud.example:9243",)
    assert (settings.username, settings.password.reveal()) == ("elastic", "se:cret")
    assert settings.bulk_max_size == 100
    assert config.kibana_url == "https://kb456.eu.cloud.example:9243"
    assert "se:cret" not in repr(config)


@pytest.mark.parametrize("bad", ["nonsense", "a:b64", "prod:"])
def test_an_invalid_cloud_id_is_reported(bad, tmp_path):
    assert problems(f"cloud.id: '{bad}'", tmp_path) == [
        "filebeat.yml:1 cloud.id: is not a cloud id; copy it from the deployment's page"
    ]


@pytest.mark.parametrize(
    ("host", "url"),
    [("localhost:5601", "http://localhost:5601"), ("https://kb:5601", "https://kb:5601")],
)
def test_setup_uses_the_kibana_of_filebeats_setup_section(host, url, tmp_path):
    assert read(f"setup.kibana.host: '{host}'", tmp_path).kibana_url == url


def nested(row):
    """A configuration with only that key of Filebeat."""
    keys = row.replace("*", "console").split(".")
    value = 1
    for key in reversed(keys):
        value = {key: [value] if key in {"inputs", "processors"} else value}
    if "inputs" in value:
        value["inputs"][0] |= {"paths": ["/x"], "type": "log"}
    return value


@pytest.mark.parametrize(("row", "why"), ACCEPTED.items())
def test_a_key_without_meaning_here_is_accepted_with_the_reason(row, why):
    assert any(f"no effect: {why}" in note for note in from_mapping(nested(row)).notes)


@pytest.mark.parametrize(("row", "why"), REFUSED.items())
def test_a_key_that_would_change_what_is_shipped_is_refused_with_the_reason(row, why):
    with pytest.raises(ConfigError) as caught:
        from_mapping(nested(row))
    assert any(why in problem.what for problem in caught.value.problems)


def test_a_refused_section_that_is_switched_off_is_not_a_problem(tmp_path):
    read("filebeat.autodiscover: {enabled: false, providers: []}", tmp_path)


def test_a_key_that_nobody_knows_in_a_section_that_filebeat_has_is_a_problem(tmp_path):
    assert problems("logging.metrics.perriod: 3s\noutput.console: {}", tmp_path) == [
        "filebeat.yml:1 logging.metrics.perriod: unknown key; did you mean 'period'?"
    ]
    assert problems("filebeat.regstry: {}", tmp_path)[0].startswith("filebeat.yml:1 filebeat.reg")


def test_the_page_for_users_of_filebeat_agrees_with_the_tables():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make assets"


DAEMONSET = """\
filebeat.inputs:
- type: filestream
  id: kubernetes-container-logs
  paths: ["/var/log/containers/*.log"]
  parsers:
  - container: ~
  prospector:
    scanner:
      fingerprint.enabled: true
      symlinks: true
  file_identity.fingerprint: ~
processors:
- add_cloud_metadata:
- add_host_metadata:
- add_kubernetes_metadata: %s
output.elasticsearch:
  hosts: ['${ELASTICSEARCH_HOST:elasticsearch}:${ELASTICSEARCH_PORT:9200}']
  username: "${USER_NAME:elastic}"
  password: "${PASSWORD:changeme}"
"""
_MATCHERS = "{host: node-1, matchers: [{logs_path: {logs_path: /var/log/containers/}}]}"


def test_a_daemonset_for_container_logs_is_accepted(tmp_path):
    config = read(DAEMONSET % _MATCHERS, tmp_path)
    assert any("the name of a container's log states its pod" in one for one in config.notes)
    assert any("only the names of logs are known" in one for one in config.notes)
    assert config.outputs["elasticsearch"].hosts == ("elasticsearch:9200",)
    assert config.inputs[0].paths == ("/var/log/containers/*.log",)
    assert any("processors[0].add_cloud_metadata" in note for note in config.notes)


def test_the_old_types_of_inputs_are_accepted(tmp_path):
    text = "filebeat.inputs:\n- {type: log, paths: [/a]}\n- {type: container, paths: [/b]}\n"
    assert len(read(text, tmp_path).inputs) == 2


OFFICIAL_OUTPUTS = """\
output.elasticsearch:
  hosts: ["localhost:9200"]
  preset: balanced
  protocol: "https"
  worker: 2
  pipeline: ""
  headers:
  proxy_url:
  proxy_disable: true
  timeout: 90
  ssl.enabled: true
  ssl.verification_mode: strict
  ssl.supported_protocols: [TLSv1.1, TLSv1.2, TLSv1.3]
  ssl.key_passphrase: ''
  ssl.cipher_suites: []
  ssl.curve_types: []
  ssl.renegotiation: never
  ssl.ca_sha256: ""
  ssl.ca_trusted_fingerprint: ""
  ssl.restart_on_cert_change.enabled: false
  kerberos.enabled: false
output.logstash:
  worker: 1
  ssl: {enabled: false, certificate_authorities: [/x]}
  proxy_use_local_resolver: false
output.kafka:
  key: ''
  partition.round_robin: {reachable_only: false}
  username: ''
  password: ''
  sasl.mechanism: ''
  version: '2.1.0'
  codec.json: {pretty: false, escape_html: false}
  metadata: {retry.max: 3, full: false}
  bulk_flush_frequency: 0s
  broker_timeout: 10s
  channel_buffer_size: 256
  keep_alive: 0
  compression_level: 4
output.redis:
  password:
  worker: 1
output.file:
  path: /tmp/filebeat
  rotate_on_startup: true
output.console:
path.home:
cloud.id: ${CLOUD_ID:}
cloud.auth:
filebeat.modules: []
xpack.monitoring.enabled: false
"""


def test_the_outputs_of_the_reference_file_are_taken(tmp_path):
    outputs = read(OFFICIAL_OUTPUTS, tmp_path).outputs
    assert list(outputs) == ["elasticsearch", "logstash", "kafka", "redis", "file", "console"]
    assert (outputs["elasticsearch"].protocol, outputs["elasticsearch"].workers) == ("https", 1)
    assert outputs["elasticsearch"].ssl.verification_mode == "strict"
    assert outputs["logstash"].ssl is None
    assert outputs["redis"].password is None


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("inputs: [{paths: [/x], tail_files: true}]", "would leave lines out"),
        ("output.kafka: {hosts: [k], proxy_url: http://proxy:3128}", "librdkafka"),
        ("output.elasticsearch.ssl.cipher_suites: [RSA-AES-128-CBC-SHA]", "OpenSSL's"),
        ("output.elasticsearch.ssl.ca_sha256: abc", "ca_trusted_fingerprint"),
        ("output.elasticsearch.kerberos: {enabled: true}", "is not supported"),
        ("output.elasticsearch.index: 'a-%{+qqq}'", "qqq is not a part of a date"),
        ("output.elasticsearch.indices: [{when.equals.a: b}]", "index is required"),
        ("output.kafka.topic: '%{fields.topic}'", "write %{[field]}"),
        ("output.kafka.key: fixed", "is not one of stream, none"),
        ("output.logstash.index: '%{[x]}'", "%{…} in a name is not filled in"),
        ("processors: [{decode_cef: {field: x}}]", "ingest pipeline"),
        ("processors: [{script: {lang: javascript, source: x}}]", "rename, convert, replace"),
        ("processors: [{add_id: ~}]", "an id of its own"),
        ("inputs: [{paths: [/x], line_terminator: null_terminator}]", "ends with a newline"),
        ("inputs: [{paths: [/x], json: {}, parsers: [{ndjson: }]}]", "`parsers: [{ndjson: …}]`"),
        ("inputs: [{type: journald}]", "inputs of the type 'journald' are not supported"),
    ],
)
def test_what_cannot_be_done_is_told_once_with_the_reason(text, reported, tmp_path):
    (problem,) = problems(f"{text}\n", tmp_path)
    assert reported in problem


@pytest.mark.parametrize(
    "text",
    [
        "inputs: [{paths: [/x], tail_files: false, pipeline: '', index: '', compression: none}]",
        "inputs: [{paths: [/x], line_terminator: auto}]",
        "filebeat.modules: []\nfilebeat.autodiscover:\nfilebeat.inputs: []",
        "inputs: [{type: syslog, enabled: false, protocol.udp.host: 'x:1'}]",
        "inputs: [{paths: [/x], parsers: [{ndjson: {keys_under_root: true, message_key: }}]}]",
        "inputs: [{paths: [/x], processors: [{add_docker_metadata: ~}]}]",
        "processors: [{if: {has_fields: [a]}, then: [{add_cloud_metadata: ~}]}]",
        "inputs: [{paths: [/x], fields: , tags: , ignore_inactive: '', clean_inactive: 0}]",
    ],
)
def test_a_key_that_requests_nothing_is_not_a_problem(text, tmp_path):
    read(f"{text}\n", tmp_path)


def test_a_configuration_without_an_enabled_input_is_reported(tmp_path):
    (note,) = read("inputs: [{paths: [/x], enabled: false}]", tmp_path).notes
    assert note.startswith("inputs: none is enabled; ")


def test_paths_are_named_in_other_values(tmp_path):
    text = """\
path.data: ${path.home}/data-syslog
path.home: /srv/${NAME:x}
path.logs: ${path.data}/logs
inputs: [{paths: ["${path.home}/a.log", "${path.config}/*.log"]}]
"""
    config = read(text, tmp_path)
    assert (str(config.data), str(config.logs)) == ("/srv/x/data-syslog", "/srv/x/data-syslog/logs")
    assert config.inputs[0].paths == ("/srv/x/a.log", f"{tmp_path}/*.log")


def test_the_scanner_of_the_older_types_is_obeyed(tmp_path):
    text = "inputs: [{type: log, paths: [/x], symlinks: false, scan_frequency: 7s}]"
    scanner = read(text, tmp_path).inputs[0].scanner
    assert (scanner.symlinks, scanner.check_interval_s) == (False, 7)


def test_the_use_of_the_shortest_interval_is_reported(tmp_path):
    one, two = (f"{{paths: [/{n}], prospector.scanner.check_interval: {n}s}}" for n in (2, 30))
    (note,) = read(f"inputs: [{one}, {two}]", tmp_path).notes
    assert note.startswith("inputs: all are checked at the shortest check_interval, 2s")


def test_hosts_of_a_variable_are_separated_at_commas(tmp_path):
    text = "output.logstash.hosts: '${HOSTS}'\noutput.elasticsearch.hosts: ['${HOSTS}', 'c:1']"
    outputs = read(text, tmp_path, HOSTS="a:5044, b:5044").outputs
    assert outputs["logstash"].hosts == ("a:5044", "b:5044")
    assert outputs["elasticsearch"].hosts == ("a:5044", "b:5044", "c:1")
