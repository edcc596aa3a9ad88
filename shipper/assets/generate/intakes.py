"""Where Logstash takes lines in: a pipeline for each way, all to the one that works on them.

TLS of the Beats input changed the names of its options in 8.9: there is a file for each.
"""

from string import Template

_BEATS = """
# Lines from mcp-shipper, Filebeat or any Beat. Runs on Logstash $since and later.
#
# From the environment or the Logstash keystore:
#   MCP_BEATS_HOST, MCP_BEATS_PORT      where to listen$hint$names

input {
  beats {
    id => "mcp_beats"
    host => "$${MCP_BEATS_HOST:0.0.0.0}"
    port => "$${MCP_BEATS_PORT:5044}"
    ecs_compatibility => v8
    # The two together keep `event.original` and a tag of the codec out of the document. Later
    # versions have `enrich` for it, which 8.3 does not know.
    codec => plain {
      id => "mcp_beats_plain"
      ecs_compatibility => disabled
    }
    include_codec_tag => false$tls
  }
}
$onward"""
_TLS_NAMES = """
#   MCP_BEATS_CERTIFICATE, MCP_BEATS_KEY   PEM; the key as PKCS 8
#   MCP_BEATS_CLIENT_AUTHORITY             who signs the certificates that shippers must show"""
_TLS = """
    ssl_enabled => true
    ssl_certificate => "${MCP_BEATS_CERTIFICATE:/etc/logstash/beats.crt}"
    ssl_key => "${MCP_BEATS_KEY:/etc/logstash/beats.key}"
    ssl_certificate_authorities => ["${MCP_BEATS_CLIENT_AUTHORITY:/etc/logstash/shippers-ca.crt}"]
    ssl_client_authentication => required"""
_TLS_BEFORE = _TLS.replace("ssl_enabled", "ssl").replace(
    "ssl_client_authentication => required", "ssl_verify_mode => force_peer"
)
_HTTP = """
# Lines by HTTP: a POST with one JSON object a line. For gateways that have a webhook.
#
#   MCP_HTTP_HOST, MCP_HTTP_PORT          where to listen; put TLS before it where not on this host
#   MCP_HTTP_USER, MCP_HTTP_PASSWORD      what callers must say, once the signs are taken off

input {
  http {
    id => "mcp_http"
    host => "${MCP_HTTP_HOST:127.0.0.1}"
    port => "${MCP_HTTP_PORT:8080}"
    # user => "${MCP_HTTP_USER}"
    # password => "${MCP_HTTP_PASSWORD}"
    ecs_compatibility => v8
    # By its content type a body would be decoded whole: it is lines, whatever it is called.
    additional_codecs => {}
    codec => line {
      id => "mcp_http_line"
      ecs_compatibility => disabled
    }
  }
}

filter {
  # All but the line tells of the request that brought it, not of the event.
  mutate {
    id => "mcp_http_only_the_line"
    remove_field => ["http", "url", "user_agent", "host", "event"]
  }
}
"""
_FILE = """
# Lines of files on this host; mcp-shipper or Filebeat on the host that writes them is better.
#
#   MCP_FILE_PATHS      absolute, with `*` and `**`

input {
  file {
    id => "mcp_file"
    path => "${MCP_FILE_PATHS:/var/log/mcp/*.jsonl}"
    start_position => "beginning"
    sincedb_path => "${MCP_FILE_POSITIONS:/var/lib/logstash/mcp-file.sincedb}"
    ecs_compatibility => v8
    codec => plain {
      id => "mcp_file_plain"
      ecs_compatibility => disabled
    }
  }
}
"""
_KAFKA = """
# Lines from Kafka, as mcp-shipper's output.kafka writes them.

input {
  kafka {
    id => "mcp_kafka"
    bootstrap_servers => "${MCP_KAFKA_SERVERS:localhost:9092}"
    topics => ["${MCP_KAFKA_TOPIC:mcp-audit}"]
    group_id => "${MCP_KAFKA_GROUP:mcp-logstash}"
    auto_offset_reset => "earliest"
    codec => plain {
      id => "mcp_kafka_plain"
      ecs_compatibility => disabled
    }
  }
}
"""
_REDIS = """
# Lines from a Redis list, as mcp-shipper's output.redis writes them. What is taken from the list is
# gone from it before it is stored: keep the persistent queue on.

input {
  redis {
    id => "mcp_redis"
    host => "${MCP_REDIS_HOST:127.0.0.1}"
    port => "${MCP_REDIS_PORT:6379}"
    data_type => "list"
    key => "${MCP_REDIS_KEY:mcp-audit}"
    codec => plain {
      id => "mcp_redis_plain"
      ecs_compatibility => disabled
    }
  }
}
"""
_ONWARD = """
output {
  pipeline {
    id => "$id"
    send_to => ["mcp_classify"]
  }
}
"""


def _onward(name: str) -> str:
    return Template(_ONWARD).substitute(id=f"{name.replace('-', '_')}_out")


def _beats(since: str, tls: str) -> str:
    hint = "" if tls else "; without TLS better 127.0.0.1"
    names = _TLS_NAMES if tls else ""
    return Template(_BEATS).substitute(
        since=since, hint=hint, names=names, tls=tls, onward=_onward("mcp-beats")
    )


#: By name of the file.
INTAKES = {
    "mcp-beats": _beats("8.3", ""),
    "mcp-beats-tls": _beats("8.9", _TLS),
    "mcp-beats-tls-before-8.9": _beats("8.3, up to 8.x,", _TLS_BEFORE),
    "mcp-http": _HTTP + _onward("mcp-http"),
    "mcp-file": _FILE + _onward("mcp-file"),
    "mcp-kafka": _KAFKA + _onward("mcp-kafka"),
    "mcp-redis": _REDIS + _onward("mcp-redis"),
}
