"""Filebeat's other keys: what a pasted configuration may hold that is no setting here.

A key without meaning here is accepted, with the reason. One that would change what is shipped is
refused, with the reason and what to do instead: a configuration that is taken is obeyed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Verdict(NamedTuple):
    """What becomes of a key that is Filebeat's and not ours."""

    is_accepted: bool
    why: str


_QUEUE = "the file itself is the queue, nothing waits between it and the output"
_SETUP = "`mcp-shipper setup` installs what the catalog says"
_MONITORING = "ask /metrics, /stats or the log; nothing is shipped to a monitoring cluster"
_PORTABLE = "a matter of Filebeat's own process"
_IDENTITY = "a file is known by a fingerprint that grows with it, small files too"
_HANDLES = "a file is closed and opened as needed, and no line depends on it"
_LOOK = "the kernel tells of new lines, and files are looked at every check_interval"
_REGISTRY = "positions are in path.data/registry, on the disk after each batch"
_ARCHIVES = "gzip archives are known by their first bytes, and read"
_OWN_WORD = "what a line says itself counts"
_KEPT = "a bad line is kept and counted"
_FOR_EVER = "a line is sent until it is taken or refused for good"
_TLS = "left to OpenSSL"
_PROXY = "no proxy is used: connections go straight to the hosts (docs/outputs.md)"
_KERBEROS = "is not supported; log in with an API key, a password or a certificate"
_DECODED = "parse the text in Elasticsearch or Logstash"
_LIBRARY = "left to librdkafka"
_LOG_FORM = "the log is ECS lines, plain words on a terminal"
_METADATA = "asks a metadata service; name what you need with add_fields"
_MODULES = "modules are not supported; ship the files and parse them in Elasticsearch or Logstash"
_KIBANA = "credentials and TLS for Kibana are those of output.elasticsearch"
_OF_KIBANA = ("username", "password", "api_key", "path", "headers", "ssl")
_ONE_NAME = "all lines go to one name"
_DECODERS = (
    *("convert", "decode_base64_field", "decode_cef", "decode_csv_fields", "decode_duration"),
    *("decode_xml", "decode_xml_wineventlog", "decompress_gzip_field", "dissect", "extract_array"),
    *("parse_aws_vpc_flow_log", "registered_domain", "replace", "script", "syslog", "timestamp"),
    *("translate_sid", "urldecode"),
)
_ROUTE = "events are routed by their data_stream fields, or by the output's settings"

#: Read, checked or not, and without effect.
ACCEPTED: Mapping[str, str] = {
    "queue": _QUEUE,
    "max_procs": "one thread an output",
    "timestamp.precision": "a line's own time stands as it is",
    "name": "no `agent` object is added; to name the shipper use add_fields",
    "keystore.path": "the keystore is path.data/mcp-shipper.keystore",
    "seccomp": _PORTABLE,
    "instrumentation": _PORTABLE,
    "features": _PORTABLE,
    "migration": _PORTABLE,
    "management": _PORTABLE,
    "path.config": "other files are found from the configuration's own directory",
    "monitoring": _MONITORING,
    "setup.ilm": _SETUP,
    "setup.template": _SETUP,
    "setup.dashboards": _SETUP,
    "setup.dsl": _SETUP,
    "setup.kibana.space.id": "`mcp-shipper setup --space` names one",
    **{f"setup.kibana.{key}": _KIBANA for key in _OF_KIBANA},
    "http.named_pipe": "a matter of Windows",
    "http.user": "the socket belongs to the shipper's user",
    "http.pprof": "there is no profiler to open",
    "logging.json": _LOG_FORM,
    "logging.ecs": _LOG_FORM,
    "logging.files.interval": "a new file begins by size alone",
    "logging.files.rotateonstartup": "a new file begins by size alone",
    "logging.files.redirect_stderr": "what Python itself says is on standard error",
    "logging.selectors": "the level is for all parts",
    "logging.to_syslog": "under systemd the journal has standard error",
    "logging.to_eventlog": "a matter of Windows",
    "logging.metrics.namespaces": "there is one kind of counters",
    "logging.event_data": "content of events is never logged",
    "filebeat.registry": _REGISTRY,
    "filebeat.registry_file": _REGISTRY,
    "filebeat.overwrite_pipelines": _SETUP,
    "inputs.file_identity": _IDENTITY,
    "inputs.prospector.scanner.fingerprint": _IDENTITY,
    "inputs.prospector.scanner.recursive_glob": "`**` stands for directories",
    "inputs.prospector.scanner.resend_on_touch": _LOOK,
    "inputs.recursive_glob": "`**` stands for directories",
    "inputs.backoff": _LOOK,
    "inputs.max_backoff": _LOOK,
    "inputs.backoff_factor": _LOOK,
    "inputs.buffer_size": "blocks of a megabyte are read",
    "inputs.harvester_buffer_size": "blocks of a megabyte are read",
    "inputs.harvester_limit": "handles are bounded, and every file gets its turn",
    "inputs.rotation": "a copy is known by what it holds, whatever it is called",
    "inputs.read_until_eof": "a file that is removed is read to its end anyway",
    "inputs.close": _HANDLES,
    "inputs.close_inactive": _HANDLES,
    "inputs.close_renamed": _HANDLES,
    "inputs.close_removed": _HANDLES,
    "inputs.close_eof": _HANDLES,
    "inputs.close_timeout": _HANDLES,
    "inputs.take_over": "Filebeat's positions are not read; files are shipped anew",
    "inputs.allow_deprecated_use": "`log` is the same as `filestream` here",
    "inputs.keep_null": "a line is shipped as it stands",
    "inputs.publisher_pipeline": "no `host` object is added",
    "output.*.max_retries": _FOR_EVER,
    "output.*.allow_older_versions": "any version from 8.10 on is served",
    "output.*.escape_html": "a line is sent as it stands",
    "processors.add_cloud_metadata": _METADATA,
    "processors.add_docker_metadata": _METADATA,
    "output.*.codec.json": "a line is sent as it stands",
    "output.*.proxy_disable": _PROXY,
    "output.*.proxy_use_local_resolver": _PROXY,
    "output.*.ssl.renegotiation": _TLS,
    "output.*.ssl.restart_on_cert_change": "files are read at each connection",
    "output.*.rotate_on_startup": "a new file begins by size alone",
    "output.kafka.partition": "`key` says how lines are spread, `stream` or `none`",
    "output.kafka.version": "the brokers are asked for it",
    "output.kafka.metadata": _LIBRARY,
    "output.kafka.bulk_flush_frequency": "what is there is sent",
    "output.kafka.broker_timeout": _LIBRARY,
    "output.kafka.channel_buffer_size": _LIBRARY,
    "output.kafka.keep_alive": _LIBRARY,
    "inputs.compression": _ARCHIVES,
    "inputs.gzip_experimental": _ARCHIVES,
    "inputs.json.overwrite_keys": _OWN_WORD,
    "inputs.json.ignore_decoding_error": _KEPT,
    "inputs.parsers.ndjson.overwrite_keys": _OWN_WORD,
    "inputs.parsers.ndjson.ignore_decoding_error": _KEPT,
    "inputs.parsers.ndjson.keys_under_root": "an object goes to the root, or below `target`",
    "xpack": _MONITORING,
}

#: What would change what is shipped, and cannot be done.
REFUSED: Mapping[str, str] = {
    "filebeat.modules": _MODULES,
    "filebeat.prospectors": "became filebeat.inputs, with type for input_type",
    "filebeat.autodiscover": "is not supported; ship /var/log/containers/*.log with an input",
    "output.discard": "would lose what it is given; nothing here does",
    "inputs.line_terminator": "is not supported, but for auto: a line ends with a newline",
    "inputs.tail_files": "would leave lines out; everything is shipped from its beginning",
    "inputs.index": f"is not supported: {_ROUTE}",
    "inputs.pipeline": f"is not supported: {_ROUTE}",
    "output.*.indices": f"is not supported: {_ROUTE}",
    "output.*.pipelines": f"is not supported: {_ROUTE}",
    "output.*.non_indexable_policy": "is not supported: refused lines are kept as dead letters",
    "output.*.codec.format": "is not supported: a line is sent as it stands",
    "output.*.topics": f"is not supported: {_ONE_NAME}",
    "output.*.keys": f"is not supported: {_ONE_NAME}",
    "output.kafka.headers": "is not supported: a message is its line",
    "output.*.kerberos": _KERBEROS,
    "output.*.proxy_url": _PROXY,
    "output.*.proxy_headers": _PROXY,
    "output.*.ssl.cipher_suites": "is not supported: the suites are OpenSSL's, those of TLS 1.2 "
    "and newer",
    "output.*.ssl.curve_types": "is not supported: the curves are OpenSSL's",
    "output.*.ssl.ca_sha256": "is not supported; use ca_trusted_fingerprint",
    "processors.decode_json_fields": "is not supported: where lines are objects, the parser "
    "ndjson reads them (behind container too)",
    **{f"processors.{name}": f"is not supported: {_DECODED}" for name in _DECODERS},
}

#: Types of inputs that read something else than files and standard input.
INPUTS = frozenset(
    (
        *("aws-cloudwatch", "aws-s3", "azure-blob-storage", "azure-eventhub", "cel"),
        *("cloudfoundry", "cometd", "docker", "entity-analytics", "etw", "gcp-pubsub", "gcs"),
        *("http_endpoint", "httpjson", "journald", "kafka", "lumberjack", "mqtt", "netflow"),
        *("o365audit", "redis", "salesforce", "streaming", "syslog", "tcp", "udp"),
        *("unified_logs", "unix", "websocket", "winlog"),
    )
)


def why_no_input(kind: str) -> str:
    """What to do instead of an input of that type."""
    if kind == "docker":
        return "became `container`, with paths: [/var/lib/docker/containers/*/*.log]"
    return "are not supported; files and standard input are read (filestream, container, stdin)"


def verdict(path: str) -> Verdict | None:
    """What is known of the key at `path`, or of a section that it is in."""
    parts = _parts(path)
    for is_accepted, table in ((True, ACCEPTED), (False, REFUSED)):
        for row, why in table.items():
            wanted = row.split(".")
            if len(parts) >= len(wanted) and _agree(wanted, parts):
                return Verdict(is_accepted, f"no effect: {why}" if is_accepted else why)
    return None


def knows_below(path: str) -> bool:
    """Whether the keys in the section at `path` are known, some of them."""
    parts = _parts(path)
    rows = (row.split(".") for row in (*ACCEPTED, *REFUSED))
    # A name in the place of `*` must be one that is known: it is not, or nobody would ask.
    return any(_agree(row, parts) and row[len(parts) - 1 : len(parts)] != ["*"] for row in rows)


def _parts(path: str) -> list[str]:
    bare = re.sub(r"\[\d+\]", "", path).replace("filebeat.inputs", "inputs", 1)
    return _OF_ANY_LIST.sub("processors", bare).split(".")


#: Processors are the same for an input, and in a branch of another one.
_OF_ANY_LIST = re.compile(r"^(inputs\.)?processors(\.(then|else))*")


def _agree(row: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether the one is the beginning of the other; `*` is any name."""
    return all(one in {"*", other} for one, other in zip(row, parts, strict=False))
