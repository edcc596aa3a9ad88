"""Keys of Filebeat that a pasted configuration may contain, but mcp-shipper does not have.

A key without meaning here is accepted, with the reason. One that would change what is shipped is
refused, with the reason and what to do instead: an accepted configuration is obeyed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Ruling(NamedTuple):
    """The treatment of a key that only Filebeat has."""

    is_accepted: bool
    why: str


_QUEUE = "the file itself is the queue, and nothing waits between it and the output"
_SETUP = "`mcp-shipper setup` installs what the catalog defines"
_MONITORING = "see /metrics, /stats or the log; nothing is shipped to a monitoring cluster"
_PORTABLE = "concerns only Filebeat's own process"
_IDENTITY = "a file is identified by a fingerprint that grows with it, even a small file"
_HANDLES = (
    "files are closed and opened as needed; a renamed or deleted file stays open until it has been "
    "quiet for five minutes"
)
_LOOK = "the kernel reports new lines, and files are checked every check_interval"
_REGISTRY = "they are in path.data/registry; `mcp-shipper import-registry` takes Filebeat's over"
_ARCHIVES = "gzip archives are recognised by their first bytes, and are read"
_OWN_WORD = "a line's own values win"
_KEPT = "a bad line is kept and counted"
_FOR_EVER = "a line is sent until it is accepted or finally refused"
_TLS = "OpenSSL decides"
_PROXY = "is not supported: librdkafka connects straight to the brokers"
_KERBEROS = "is not supported; log in with an API key, a password or a certificate"
_DECODED = "is not supported: use an ingest pipeline (output.elasticsearch.pipeline) or Logstash"
_SCRIPT = (
    "is not supported: no script runs here; rename, convert, replace, dissect, timestamp, "
    "add_fields and drop_event, each with `when`, do most of what scripts do, "
    "an ingest pipeline does the rest"
)
_OWN_ID = "is not supported: each line has an id of its own already (docs/outputs.md)"
_WITH_CONSTANTS = "is not supported: set the fields you need with add_fields"
_LIBRARY = "librdkafka decides"
_LOG_FORM = "the log is ECS lines, or plain text on a terminal"
_METADATA = "would ask a metadata service; set the fields you need with add_fields"
_MODULES = (
    "modules are not supported: ship their files with an input and parse them downstream, with an "
    "ingest pipeline (output.elasticsearch.pipeline) or in Logstash"
)
_KIBANA = "Kibana uses the credentials and TLS settings of output.elasticsearch"
_OF_KIBANA = ("username", "password", "api_key", "path", "headers", "ssl")
#: Processors that only Filebeat has, each with what does its work instead.
_PROCESSORS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("decode_cef", "decode_duration", "decode_xml", "decode_xml_wineventlog"),
            *("decompress_gzip_field", "parse_aws_vpc_flow_log", "registered_domain", "syslog"),
            *("translate_sid", "translate_ldap_attribute", "dns", "community_id"),
            *(
                "detect_mime_type",
                "add_network_direction",
                "cache",
                "now",
                "lowercase",
                "uppercase",
            ),
        ),
        _DECODED,
    ),
    **dict.fromkeys(
        (
            *("add_observer_metadata", "add_cloudfoundry_metadata", "add_nomad_metadata"),
            *("add_process_metadata", "add_session_metadata"),
        ),
        _WITH_CONSTANTS,
    ),
    "script": _SCRIPT,
    "add_id": _OWN_ID,
    "add_formatted_index": "is not supported: output.elasticsearch.index has %{[field]} and dates",
    "append": "is not supported: add_tags appends constants, copy_fields copies a field",
    "move_fields": "is not supported: use rename, with each field",
    "extract_field": "is not supported: use dissect, or extract_array for a list",
    "rate_limit": "would lose lines; no processor drops lines for their number",
}
_ROUTE = "events are routed by their data_stream fields, or by the output's settings"

#: Accepted keys, which have no effect, each with the reason; values may be unchecked.
ACCEPTED: Mapping[str, str] = {
    "queue": _QUEUE,
    "max_procs": "each output has one thread",
    "timestamp.precision": "a line keeps its own time unchanged",
    "name": "no `agent` object is added; to name the shipper use add_fields",
    "keystore.path": "the keystore is path.data/mcp-shipper.keystore",
    "seccomp": _PORTABLE,
    "instrumentation": _PORTABLE,
    "features": _PORTABLE,
    "migration": _PORTABLE,
    "management": _PORTABLE,
    "path.config": "other files are looked up from the configuration's own directory",
    "monitoring": _MONITORING,
    "setup.ilm": _SETUP,
    "setup.template": _SETUP,
    "setup.dashboards": _SETUP,
    "setup.dashboard": f"the key is `dashboards`, and {_SETUP}",
    "setup.dsl": _SETUP,
    "setup.kibana.space.id": "use `mcp-shipper setup --space`",
    **{f"setup.kibana.{key}": _KIBANA for key in _OF_KIBANA},
    "http.named_pipe": "concerns only Windows",
    "http.user": "the socket belongs to the shipper's user",
    "http.pprof": "there is no profiler",
    "logging.json": _LOG_FORM,
    "logging.ecs": _LOG_FORM,
    "logging.files.interval": "only the size of a file decides when a new one starts",
    "logging.files.rotateonstartup": "only the size of a file decides when a new one starts",
    "logging.files.redirect_stderr": "the output of Python itself goes to standard error",
    "logging.selectors": "the level applies to all parts",
    "logging.to_syslog": "under systemd, standard error goes to the journal",
    "logging.to_eventlog": "concerns only Windows",
    "logging.metrics.namespaces": "there is only one set of counters",
    "logging.event_data": "the content of events is never logged",
    "filebeat.registry": _REGISTRY,
    "filebeat.registry_file": _REGISTRY,
    "filebeat.overwrite_pipelines": _SETUP,
    "filebeat.spool_size": _QUEUE,
    "filebeat.idle_timeout": _QUEUE,
    "filebeat.publish_async": _QUEUE,
    "inputs.enable": "the switch is `enabled`, and an input without it is on",
    "inputs.force_close_files": _HANDLES,
    "inputs.close_older": _HANDLES,
    "inputs.combine_partials": "lines that a container's log has in parts are always joined",
    "inputs.cri": "the form of a container's log is recognised",
    "output.elasticsearch.template": _SETUP,
    "output.*.save_topology": "concerns only Filebeat 1",
    "setup.kibana.enabled": "`mcp-shipper setup` uses the address that is there",
    "inputs.file_identity": _IDENTITY,
    "inputs.prospector.scanner.fingerprint": _IDENTITY,
    "inputs.prospector.scanner.recursive_glob": "`**` matches directories",
    "inputs.prospector.scanner.resend_on_touch": _LOOK,
    "inputs.recursive_glob": "`**` matches directories",
    "inputs.backoff": _LOOK,
    "inputs.max_backoff": _LOOK,
    "inputs.backoff_factor": _LOOK,
    "inputs.buffer_size": "files are read in blocks of a megabyte",
    "inputs.harvester_buffer_size": "files are read in blocks of a megabyte",
    "inputs.harvester_limit": "the number of open files is limited, and every file gets its turn",
    "inputs.rotation": "a copy is recognised by its content, whatever its name",
    "inputs.read_until_eof": "a removed file is always read to its end",
    "inputs.close": _HANDLES,
    "inputs.close_inactive": _HANDLES,
    "inputs.close_renamed": _HANDLES,
    "inputs.close_removed": _HANDLES,
    "inputs.close_eof": _HANDLES,
    "inputs.close_timeout": _HANDLES,
    "inputs.take_over": "`mcp-shipper import-registry` takes over Filebeat's positions",
    "inputs.allow_deprecated_use": "`log` is the same as `filestream` here",
    "inputs.scan": "every file gets its turn",
    "inputs.legacy_clean_inactive": _REGISTRY,
    "inputs.keep_null": "a line is shipped unchanged",
    "inputs.publisher_pipeline": "no `host` object is added",
    "output.*.max_retries": _FOR_EVER,
    "output.*.queue": _QUEUE,
    "output.elasticsearch.idle_connection_timeout": "a connection that was idle is opened again",
    "output.kafka.worker": "librdkafka has one connection to each broker",
    "output.*.allow_older_versions": "any version from 8.10 on is supported",
    "output.*.escape_html": "a line is sent unchanged",
    "processors.add_cloud_metadata": _METADATA,
    "output.*.codec.json": "a line is sent unchanged",
    "output.*.ssl.renegotiation": _TLS,
    "output.*.ssl.restart_on_cert_change": "certificate files are read for each connection",
    "output.*.rotate_on_startup": "only the size of a file decides when a new one starts",
    "output.kafka.partition": "`key` decides how lines are spread: `stream` or `none`",
    "output.kafka.version": "the brokers report their version",
    "output.kafka.metadata": _LIBRARY,
    "output.kafka.bulk_flush_frequency": "lines are sent as soon as they are there",
    "output.kafka.broker_timeout": _LIBRARY,
    "output.kafka.channel_buffer_size": _LIBRARY,
    "output.kafka.keep_alive": _LIBRARY,
    "inputs.compression": _ARCHIVES,
    "inputs.gzip_experimental": _ARCHIVES,
    "inputs.json.overwrite_keys": _OWN_WORD,
    "inputs.json.ignore_decoding_error": _KEPT,
    "inputs.parsers.ndjson.overwrite_keys": _OWN_WORD,
    "inputs.parsers.ndjson.ignore_decoding_error": _KEPT,
    "inputs.parsers.ndjson.keys_under_root": "an object is placed at the root, or under `target`",
    "xpack": _MONITORING,
}

#: Refused keys, which would change what is shipped, each with the reason.
REFUSED: Mapping[str, str] = {
    "filebeat.modules": _MODULES,
    "inputs.json.document_id": _OWN_ID,
    **dict.fromkeys(
        ("inputs.include_file_owner_name", "inputs.include_file_owner_group_name"),
        "is not supported: set the fields you need with `fields`",
    ),
    **dict.fromkeys(
        (
            "processors.add_kubernetes_metadata.include_labels",
            "processors.add_kubernetes_metadata.exclude_labels",
        ),
        "is not supported: all labels are added; drop_fields removes some",
    ),
    "output.kafka.enable_krb5_fast": _KERBEROS,
    "output.discard": "would lose all lines; no output of mcp-shipper does",
    "inputs.line_terminator": "only auto is supported: a line ends with a newline",
    "inputs.tail_files": "would leave lines out; every file is shipped from its beginning",
    "inputs.index": f"is not supported: {_ROUTE}",
    "inputs.pipeline": f"is not supported: {_ROUTE}",
    "output.*.non_indexable_policy": "is not supported: refused lines are kept as dead letters",
    "output.*.codec.format": "is not supported: a line is sent unchanged, or as `codec` names",
    "output.kafka.headers": "is not supported: a message consists of its line only",
    "output.*.kerberos": _KERBEROS,
    **{f"output.kafka.{name}": _PROXY for name in ("proxy_url", "proxy_headers")},
    "output.*.ssl.cipher_suites": "is not supported: OpenSSL's own suites are used",
    "output.*.ssl.curve_types": "is not supported: OpenSSL's curves are used",
    "output.*.ssl.ca_sha256": "is not supported; use ca_trusted_fingerprint",
    **{f"processors.{name}": why for name, why in _PROCESSORS.items()},
}

#: Types of inputs that read from sources other than files and standard input.
INPUTS = frozenset(
    (
        *("aws-cloudwatch", "aws-s3", "azure-blob-storage", "azure-eventhub", "cel"),
        *("cloudfoundry", "cometd", "entity-analytics", "etw", "gcp-pubsub", "gcs"),
        *("http_endpoint", "httpjson", "journald", "kafka", "lumberjack", "mqtt", "netflow"),
        *("o365audit", "redis", "salesforce", "streaming", "syslog", "tcp", "udp"),
        *("unified_logs", "unix", "websocket", "winlog"),
    )
)


_NO_INPUT = (
    "are not supported; only files and standard input are read (filestream, container, stdin)"
)
_WRITERS = {"journald": "journald (or `journalctl -f -o json | mcp-shipper run` with stdin)"}


def why_no_input(kind: str) -> str:
    """The reason why an input of that type is refused, and the alternative."""
    if kind in {"syslog", "tcp", "udp", "unix", "journald", "winlog"}:
        return f"{_NO_INPUT}; have {_WRITERS.get(kind, 'rsyslog')} write a file, and ship that"
    return f"{_NO_INPUT}; Logstash has inputs for many sources"


def ruling_on(path: str) -> Ruling | None:
    """The ruling on the key at `path`, or on a section that contains it."""
    parts = _parts(path)
    for is_accepted, table in ((True, ACCEPTED), (False, REFUSED)):
        for row, why in table.items():
            wanted = row.split(".")
            if len(parts) >= len(wanted) and _agree(wanted, parts):
                return Ruling(is_accepted, f"no effect: {why}" if is_accepted else why)
    return None


def knows_below(path: str) -> bool:
    """Whether any key in the section at `path` is known."""
    parts = _parts(path)
    rows = (row.split(".") for row in (*ACCEPTED, *REFUSED))
    # A name in the place of `*` does not count: it is unknown, or this would not be called.
    return any(_agree(row, parts) and row[len(parts) - 1 : len(parts)] != ["*"] for row in rows)


def _parts(path: str) -> list[str]:
    bare = _OF_AN_INPUT.sub("inputs", re.sub(r"\[\d+\]", "", path))
    return _OF_ANY_LIST.sub("processors", bare).split(".")


#: Where inputs stand.
_OF_AN_INPUT = re.compile(
    r"^filebeat\.(?:inputs|prospectors|autodiscover\.providers\."
    r"(?:templates\.config|hints\.default_config))\b"
)
#: An input and the branches of a processor take the same processors as the top level.
_OF_ANY_LIST = re.compile(r"^(inputs\.)?processors(\.(then|else))*")


def _agree(row: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether one is the beginning of the other; `*` is any name."""
    return all(one in {"*", other} for one, other in zip(row, parts, strict=False))
