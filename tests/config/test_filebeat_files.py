"""Whole files as people have them, by kind: what is taken, and what the rest is answered with.

Each of tests/filebeat_files says in its second line what becomes of it.
"""

import json
from pathlib import Path

import pytest

from shipper.cli import main
from shipper.config import load
from shipper.errors import ConfigError
from shipper.forms.base import Block
from shipper.run.service import Service
from tests.fakes import FakeElasticsearch, FakeLogstash

FOLDER = Path(__file__).parents[1] / "filebeat_files"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yml"))}
VERDICTS = {name: text.splitlines()[1].removeprefix("# ") for name, text in FILES.items()}
TAKEN = [name for name, verdict in VERDICTS.items() if verdict == "taken"]


def test_forty_three_of_the_fifty_kinds_are_taken():
    assert (len(TAKEN), len(FILES)) == (43, 50)


@pytest.mark.parametrize("name", TAKEN)
def test_a_file_is_taken_as_it_stands(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "filebeat.yml"
    path.write_text(FILES[name], encoding="utf-8")
    code = main(["test", "config", "-c", str(path), "-E", f"path.home={tmp_path}"])
    assert code == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", sorted({*FILES} - {*TAKEN}))
def test_a_refused_file_is_answered_with_a_way_forward(name, tmp_path):
    path = tmp_path / "filebeat.yml"
    path.write_text(FILES[name], encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert all(
        VERDICTS[name].removeprefix("refused: ") in one.what for one in caught.value.problems
    )


def ship(tmp_path, name, logs, *replacements):
    """Run the file once, with its logs below `tmp_path`."""
    text = FILES[name]
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    for root in {path.split("/")[1] for path in logs}:
        text = text.replace(f"/{root}/", f"{tmp_path}/{root}/")
    for path, content in logs.items():
        place = tmp_path / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    config = tmp_path / "filebeat.yml"
    config.write_text(f"{text}\npath.home: {tmp_path}/home\nself_audit.enabled: false\n")
    Service(load(config, {})).drain()


def to_logstash(tmp_path, name, logs, *replacements):
    """The events that Logstash gets."""
    with FakeLogstash() as server:
        ship(tmp_path, name, logs, *replacements, ("logstash:5044", server.address))
        return sorted(server.events, key=lambda event: event["log"]["offset"])


def to_elasticsearch(tmp_path, name, logs, *replacements):
    """The documents that Elasticsearch gets, each with its index."""
    with FakeElasticsearch() as server:
        ship(tmp_path, name, logs, *((old, server.url) for old in replacements))
        found = [(key[0], json.loads(line)) for key, line in server.documents.items()]
        return sorted(found, key=lambda row: row[0])


def cri(*texts):
    return "".join(f"2026-11-30T10:00:0{n}.5Z stdout F {text}\n" for n, text in enumerate(texts))


ID, OTHER = "ab" * 32, "cd" * 32


def container(folder, identity, name, image, labels, *texts):
    """The log and the description of a container, as Docker keeps them."""
    rows = [
        {"log": f"{one}\n", "stream": "stdout", "time": "2026-11-30T10:00:00Z"} for one in texts
    ]
    config = {"ID": identity, "Name": f"/{name}", "Config": {"Image": image, "Labels": labels}}
    return {
        f"{folder}/{identity}/{identity}-json.log": "".join(f"{json.dumps(one)}\n" for one in rows),
        f"{folder}/{identity}/config.v2.json": json.dumps(config),
    }


DOCKER = "/var/lib/docker/containers"


def test_an_index_of_each_day_and_tag(tmp_path):
    logs = {"/var/log/nginx/access.log": "GET /\n", "/srv/java/a.log": "2026-11-30 x\n at y\n"}
    found = to_elasticsearch(tmp_path, "indices_by_tag", logs, "http://elasticsearch:9200")
    assert [index[:9] for index, _ in found] == ["java-java", "nginx-202"]
    assert found[0][1]["message"] == "2026-11-30 x\n at y"


def test_prospectors_of_filebeat_1_with_their_type(tmp_path):
    found = to_logstash(
        tmp_path,
        "shipper_of_one",
        {"/var/log/auth.log": "sshd\n"},
        ("elk:5044", "logstash:5044"),
        ("    tls:\n", "    tls:\n      disabled: true\n"),
    )
    (event,) = found
    assert (event["type"], event["tags"], event["message"]) == ("syslog", ["web"], "sshd")


def read(tmp_path, name, environment=None):
    path = tmp_path / "filebeat.yml"
    path.write_text(FILES[name])
    return load(path, environment or {})


def test_a_redis_of_old_words_with_its_port_and_key(tmp_path):
    redis = read(tmp_path, "redis_with_port").outputs["redis"]
    assert (redis.hosts, redis.key) == (("10.0.0.6:6380",), "shop-slow")


def test_inputs_with_options_that_they_share(tmp_path):
    config = read(tmp_path, "shared_options")
    assert [(one.paths, one.ignore_older_s) for one in config.inputs] == [
        (("/srv/web/*.log",), 48 * 3600),
        (("/srv/db/*.log",), 24 * 3600),
    ]
    assert [*config.outputs] == ["logstash"]
    both = {"TO_LOGSTASH": "false", "TO_KAFKA": "true"}
    assert [*read(tmp_path, "shared_options", both).outputs] == ["kafka"]


def test_containers_of_the_old_docker_input(tmp_path):
    folder = "/usr/share/dockerlogs/data"
    logs = container(folder, ID, "web", "shop:1", {"a.b": "c"}, '{"level":"warn"}', "plain")
    first, second = to_logstash(tmp_path, "docker_input", logs)
    assert (first["message"], first["json"]) == ('{"level":"warn"}', {"level": "warn"})
    assert first["container"]["name"] == "web"
    assert first["container"]["labels"] == {"a_b": "c"}
    assert second["message"] == "plain"


def test_docker_containers_by_image(tmp_path):
    logs = {
        **container(DOCKER, ID, "web", "shop:1", {}, "shipped", "  |_ left out"),
        **container(DOCKER, OTHER, "db", "db:1", {}, "another's"),
    }
    (event,) = to_logstash(tmp_path, "autodiscover_docker_template", logs)
    assert (event["message"], event["fields"]) == ("shipped", {"app": "shop"})


def through(tmp_path, name, message, **containers):
    """What becomes of a message of each container, which has these labels."""
    config = tmp_path / "filebeat.yml"
    config.write_text(FILES[name])
    (found,) = load(config, {}).inputs
    events = {}
    for container_name, labels in containers.items():
        logs = container("", ID, container_name, "x", labels)
        place = tmp_path / container_name / ID
        place.mkdir(parents=True)
        (place / "config.v2.json").write_text(logs[f"/{ID}/config.v2.json"])
        row = {"log": f"{message}\n", "stream": "stdout", "time": "2026-11-30T10:00:00Z"}
        block = Block(json.dumps(row).encode() + b"\n", 0, f"{place}/x.log", 1 << 20)
        lines = [*found.form_of(block.path).sift(block).lines]
        events[container_name] = json.loads(lines[0]) if lines else None
    return events


def test_docker_containers_with_processors_of_their_own(tmp_path):
    labels = {"web": {}, "a": {"team": "a"}, "z": {}}
    events = through(tmp_path, "autodiscover_docker_templates", '{"n":1}', **labels)
    assert events["web"]["n"] == 1
    assert events["a"]["tags"] == ["db"]
    assert events["z"] is None


def test_docker_containers_by_hints(tmp_path):
    quiet = {"co.elastic.logs/enabled": "false"}
    events = through(tmp_path, "autodiscover_docker_hints", "x", web={}, db=quiet)
    assert events["web"]["message"] == "x"
    assert events["db"] is None


def test_pods_of_one_namespace(tmp_path):
    logs = {
        f"/var/log/containers/web-1_shop_mcp-{ID}.log": cri("one", " two"),
        f"/var/log/containers/web-2_other_mcp-{OTHER}.log": cri("another's"),
    }
    name = "autodiscover_kubernetes_namespace"
    kafka = 'output.kafka:\n  hosts: ["kafka:9092"]\n'
    topic = "  topic: 'logs-%{[kubernetes.namespace]}'\n"
    here = (kafka + topic, 'output.logstash.hosts: ["logstash:5044"]\n')
    (event,) = to_logstash(tmp_path, name, logs, here)
    assert event["message"] == "one\n two"
    assert event["kubernetes"]["pod"] == {"name": "web-1"}


def test_pods_that_write_json(tmp_path):
    logs = {
        f"/var/log/containers/a_shop_mcp-x-{ID}.log": cri('{"level":"info"}'),
        f"/var/log/containers/b_shop_web-{OTHER}.log": cri("no"),
    }
    (event,) = to_logstash(tmp_path, "autodiscover_kubernetes_containers", logs)
    assert event["level"] == "info"


def test_fields_and_time_out_of_an_access_log(tmp_path, capsys):
    line = '10.0.0.7 - anna [30/Nov/2026:10:00:00 +0100] "GET /a HTTP/1.1" 200 17\n'
    logs = {"/var/log/nginx/access.log": line}
    to_console = ("output.console: ~", 'output.logstash.hosts: ["logstash:5044"]')
    (event,) = to_logstash(tmp_path, "dissect_and_timestamp", logs, to_console)
    assert event["@timestamp"] == "2026-11-30T09:00:00.000Z"
    assert event["source"] == {"ip": "10.0.0.7"}
    assert (event["http"]["status"], event["http"]["url"]) == (200, "/a")


def test_rows_of_a_table(tmp_path):
    logs = {"/data/a.csv": "id;name\n7;Anna\n"}
    ((index, event),) = to_elasticsearch(tmp_path, "csv", logs, "es:9200")
    assert (index, event["id"], event["name"]) == ("rows", "7", "Anna")


def test_branches_by_what_a_line_is(tmp_path):
    logs = {"/srv/a.log": '{"a":1}\nINFO card 1234567890123456\n\n'}
    first, second = to_logstash(tmp_path, "conditional_processing", logs)
    assert first["app"] == {"a": 1}
    assert second["message"] == "INFO card ****"
    assert second["dissect"]["level"] == "INFO"


def test_patterns_of_go(tmp_path):
    pytest.importorskip("re2")
    long = "gatewayproductionfrontendworkergatewayproduction"
    text = f"ERROR a\nERROR {long} ok x\nWARN debug\nÉException\n"
    found = to_logstash(tmp_path, "many_filters", {"/srv/a/b.log": text})
    messages = [event["message"] for event in found]
    assert [one[:7] for one in messages] == ["ERROR a", "ERROR g", "ÉExcept"]


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("{type: nomad}", "only providers of docker and kubernetes"),
        ("{type: docker}", "needs hints.enabled"),
        ("{type: docker, templates: [{config: [{module: nginx}]}]}", "modules are not supported"),
        (
            "{type: docker, templates: [{config: [{processors: [{dissect: {}}]}]}]}",
            "is required",
        ),
        ("{type: docker, templates: [{config: [{tail_files: true}]}]}", "would leave lines out"),
    ],
)
def test_a_provider_that_cannot_be_discovered_is_refused_with_advice(text, reported, tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(f"filebeat.autodiscover.providers: [{text}]\noutput.console: ~\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert any(reported in one.what for one in caught.value.problems)
