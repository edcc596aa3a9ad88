"""Configurations that are hostile, or hold secrets where none belongs: problems, and no leak."""

import io
import json
import os
import socket
import subprocess
import threading
import time
from contextlib import redirect_stderr, redirect_stdout

import pytest

from shipper.cli import main
from shipper.config import from_mapping, load
from shipper.errors import ConfigError
from tests.integration.line import SHIPPER, shipping
from tests.real.processes import free_ports, wait_until

SECRET = "S3CRETvalue99"

LAUGHS = (
    "fields: {"
    + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10) if n else 'x, x'}], " for n in range(12)
    )
    + "}"
)


def read(text, home, environment=None):
    path = home / "c.yml"
    path.write_text(text)
    return load(path, environment or {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fields: &a {b: *a}", "contains itself"),
        ("fields: &a [[*a]]", "contains itself"),
        ("fields: " + "[" * 3000 + "]" * 3000, "levels deep|nesting depth"),
        ("fields: " + "[" * 300_000, "levels deep|nesting depth"),
        ("fields: " + "{a: " * 900 + "1" + "}" * 900, "levels deep|nesting depth"),
        ("\n".join(f"{' ' * n}a:" for n in range(900)), "levels deep|nesting depth"),
        (LAUGHS, "with its aliases"),
        (f"processors: [{{add_fields: {{fields: {{{LAUGHS}}}}}}}]", "with its aliases"),
        ("#" * (30 << 20), "is larger than"),
        ('path.home: "a\\0b"', "contains a NUL"),
        ('inputs: [{paths: ["a\\0b"]}]', "contains a NUL"),
    ],
    ids=range(11),
)
def test_yaml_that_is_too_much_is_a_problem_and_soon(text, said, tmp_path):
    begin = time.monotonic()
    with pytest.raises(ConfigError, match=said):
        read(text, tmp_path)
    assert time.monotonic() - begin < 10


def test_aliases_within_bounds_are_taken(tmp_path):
    text = "inputs: [{paths: &p [/a, /b], tags: *p}]\noutput.console: {}"
    assert read(text, tmp_path).inputs[0].paths == ("/a", "/b")


def test_an_object_that_contains_itself_is_a_problem():
    values = {"fields": {}}
    values["fields"]["again"] = values
    with pytest.raises(ConfigError, match="contains itself"):
        from_mapping(values)


@pytest.mark.parametrize(
    "bad",
    ["fields: &a {b: *a}", "fields: " + "[" * 3000 + "]" * 3000, "path.data: /dev/null/x"],
    ids=range(3),
)
def test_no_reload_ends_a_run(bad, tmp_path):
    source = tmp_path / "a.ndjson"
    source.write_bytes(b'{"n":1}\n')
    good = (
        f"path.home: {tmp_path}\nself_audit.enabled: false\ninputs: [{{paths: [{source}]}}]\n"
        f"output.file: {{path: {tmp_path}/out, filename: e}}\n"
    )
    config, log = tmp_path / "c.yml", tmp_path / "log"
    config.write_text(good)
    out = tmp_path / "out" / "e.ndjson"
    with shipping(config, log) as process:
        wait_until(lambda: out.exists() and out.read_bytes(), 20, "the first line")
        config.write_text(good + bad + "\n")
        process.send_signal(1)
        wait_until(
            lambda: "keeping the old one" in log.read_text() or process.poll(), 20, "the problem"
        )
        with source.open("ab") as file:
            file.write(b'{"n":2}\n')
        wait_until(lambda: out.read_bytes().count(b"\n") == 2, 20, "the second line")


# --- secrets

ES = "output.elasticsearch: {hosts: ['http://h:9200'], "
PEM = f"-----BEGIN PRIVATE KEY-----\\n{SECRET}\\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        f'output.logstash: {{hosts: ["h:5044"], ssl: {{certificate: c, key: "{PEM}"}}}}',
        f'output.kafka: {{hosts: ["h:9092"], ssl: {{certificate: "{PEM}"}}}}',
        f'output.logstash.hosts: ["u:{SECRET}@h:5044"]',
        f'output.kafka.hosts: ["sasl://u:{SECRET}@h:9092"]',
        f'output.redis.hosts: ["redis://:{SECRET}@h:6379"]',
        f'output.logstash.hosts: ["h:{SECRET}"]',
        f'output.elasticsearch.hosts: ["http://u:S@h:{SECRET}"]',
        f'output.elasticsearch.hosts: ["http://u:a/{SECRET}@h:9200"]',
        f"output.redis: {{hosts: [h], password: *{SECRET}}}",
        f"output.redis: {{hosts: [h], password: !{SECRET} x}}",
        f"output.redis: {{hosts: [h], password: !!int {SECRET}}}",
        f"output.redis: {{hosts: [h], password: 'a}}\n{SECRET}",
        f"output.redis: {{hosts: [h], db: {SECRET}}}",
        f"output.redis: {{hosts: [h], datatype: {SECRET}}}",
        f"output.redis: {{hosts: [h], timeout: {SECRET}}}",
        f"output.redis: {SECRET}",
        f"output.redis: {SECRET}\noutput.redis.db: 1",
        "output.redis: {hosts: [h], db: '${TOK}'}",
        "output.redis: {hosts: [h], db: '${TOK}'}\nmcp_audit_level: ${WORD}",
        "http.enabled: ${TOK}",
        f"{ES}headers: {{Authorization: 'Bearer ${{TOK}}\n\n'}}}}",
        f'{ES}headers: {{"X-A\\n": {SECRET}}}}}',
        f'{ES}headers: {{X-A: "{SECRET}\\0"}}}}',
        f'{ES}headers: {{X-A: "{SECRET}\\u20ac"}}}}',
        f'{ES}api_key: "{SECRET}\\n"}}',
        f"{ES}parameters: {{key: {SECRET}}}}}",
        f"{ES}path: '/es?key={SECRET}'}}",
    ],
)
def test_no_printed_form_shows_a_secret(text, tmp_path, monkeypatch):
    monkeypatch.setenv("TOK", SECRET)
    monkeypatch.setenv("WORD", "correcthorse")
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\n{text}\n")
    for words in (["test", "config"], ["export", "config"], ["test", "output"]):
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            main([*words, "-c", str(path)])
        assert SECRET not in printed.getvalue()
        assert "correcthorse" not in printed.getvalue()
        if words[0] == "export":
            assert ":S@" not in printed.getvalue()


@pytest.mark.parametrize(
    "option",
    [
        r'headers: {Authorization: "Bearer x\n"}',
        r'headers: {"A:b": x}',
        r'headers: {"": x}',
        r'headers: {X: "a\r\nY: b"}',
        r'api_key: "abc=\n"',
        r'path: "/a b"',
        r'path: "/\u00e4"',
    ],
)
def test_a_header_or_path_that_cannot_be_sent_is_a_problem_of_the_configuration(option, tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\noutput.elasticsearch: {{{option}}}\n")
    printed = io.StringIO()
    with redirect_stderr(printed):
        assert main(["test", "config", "-c", str(path)]) == os.EX_CONFIG
    assert "output.elasticsearch." in printed.getvalue()
    assert "Bearer" not in printed.getvalue()


def test_a_value_of_a_variable_is_named_by_the_variable(tmp_path):
    with pytest.raises(ConfigError, match=r"found the value of \$\{DB\}"):
        read("output.redis: {hosts: [h], db: '${DB}'}", tmp_path, {"DB": "many"})


@pytest.mark.parametrize(
    "content", ['{"version":1,"secrets":"b"}', "[]", "[" * 100_000], ids=range(3)
)
def test_an_odd_keystore_is_a_problem(content, tmp_path):
    (tmp_path / "data").mkdir()
    store = tmp_path / "data" / "mcp-shipper.keystore"
    store.write_text(content)
    store.chmod(0o600)
    with pytest.raises(ConfigError, match="is not a keystore"):
        read(f"path.home: {tmp_path}\noutput.console: {{}}", tmp_path)


# --- values that end a run later


ARABIC = "\u0665\u0660\u0664\u0664"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("output.redis: {timeout: 99999999999999999999h}", "expected at most 36600 days"),
        ("output.console: ~\nshutdown_timeout: 1e400h", "expected a duration"),
        ("inputs: [{paths: [/x], ignore_older: 99999999999999h}]", "expected at most 36600 days"),
        (f"output.redis: {{db: 0x{'f' * 20_000}}}", "more than 64 bits"),
        (f"output.redis: {{bulk_max_size: {10**17}}}", "expected a smaller number, found a number"),
        (f"fields: {{a: {2**64}}}", "more than 64 bits"),
        ("inputs: [{paths: [~]}]", "expected text, found no value"),
        ("output.redis: {hosts: [~]}", "expected text, found no value"),
        (f"fields: {{a: '{'${A:' * 3000}x{'}' * 3000}'}}", "levels deep"),
        (f"fields: {{a: '{'${A:' * 30_000}'}}", "levels deep"),
        ("? {password: S3CRET}\n: c", "a key must be a text"),
        ("fields: {? [[[a]]] : b}", "a key must be a text"),
        ("inputs: [{<<: x, paths: [/x]}]", "`<<` takes a mapping"),
        ("inputs: [{<<: [[a]], paths: [/x]}]", "`<<` takes a mapping"),
        ("fields: &a {<<: *a}", "contains itself"),
    ],
    ids=range(15),
)
def test_a_value_that_nothing_can_use_is_a_problem(text, said, tmp_path):
    with pytest.raises(ConfigError, match=said) as caught:
        read(text, tmp_path)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        "output.logstash.hosts: ['a..b:5044']",
        f"output.logstash.hosts: ['{'a' * 64}:5044']",
        "output.logstash.hosts: ['h:99999']",
        f"output.logstash.hosts: ['h:{ARABIC}']",
        "output.redis.hosts: ['h:99999999999999999999']",
        "output.redis.hosts: ['.h']",
        "output.syslog.hosts: ['h:99999']",
        "output.kafka.hosts: []",
        "output.kafka.hosts: ['']",
        "output.kafka.hosts: ['h:99999']",
        "output.elasticsearch.hosts: ['http://a..b:9200']",
        f"output.elasticsearch.hosts: ['http://{'a' * 64}:9200']",
        'output.elasticsearch.hosts: ["http://h\\n:9200"]',
        'output.elasticsearch.hosts: ["http://h/a b"]',
        'output.webhook: {url: "http://h\\n/x"}',
        'output.logstash: {hosts: [h], proxy_url: "http://p\\n:1"}',
        "output.logstash: {hosts: [h], proxy_url: 'http://a..b:1'}",
        "output.console: ~\nkibana_url: 'http://h:99999'",
        'output.console: ~\nkibana_url: "http://h\\n:5601"',
        "output.console: ~\nkibana_url: 'http://a..b:5601'",
        "output.console: ~\nsetup.kibana.host: 'a..b:5601'",
    ],
)
def test_a_host_that_cannot_be_looked_up_is_a_problem_of_the_configuration(option, tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\n{option}\n")
    printed = io.StringIO()
    with redirect_stderr(printed):
        assert main(["test", "config", "-c", str(path)]) == os.EX_CONFIG
    assert "Cannot continue" in printed.getvalue()


# --- what a review asks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "output.elasticsearch: {hosts: ['http://h:9200'], api_key: 'a:b'}",
            "sent without encryption",
        ),
        (
            "output.elasticsearch: {hosts: ['http://u:p@h:9200']}",
            "sent without encryption",
        ),
        ("output.redis: {hosts: [h], password: p}", "sent without encryption"),
        (
            "output.kafka: {hosts: [h], ssl: {verification_mode: none}}",
            "verification_mode: none: the server is not verified",
        ),
        (
            "output.logstash: {hosts: [h], ssl: {certificate: KEY, key: KEY}}",
            "others can read or write KEY (mode 666): chmod 600 KEY",
        ),
        (
            "output.elasticsearch: {hosts: ['https://h'], api_key: 'a:b'}\nkibana_url: http://k",
            "kibana_url: `setup` sends the credentials there without encryption",
        ),
        ("output.elasticsearch: {hosts: ['https://h:9200'], api_key: 'a:b'}", ""),
        ("output.elasticsearch: {hosts: ['http://h:9200']}", ""),
        ("output.logstash: {hosts: [h], ssl: {verification_mode: certificate}}", ""),
    ],
)
def test_a_risk_is_a_note_of_test_config_and_a_warning_in_the_log(text, said, tmp_path):
    key = tmp_path / "key.pem"
    key.touch()
    key.chmod(0o666)
    text, said = (one.replace("KEY", str(key)) for one in (text, said))
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\nself_audit.enabled: false\n{text}\n")
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert main(["test", "config", "-c", str(path)]) == 0
    notes = [one for one in printed.getvalue().splitlines() if "note: input" not in one]
    assert (said in printed.getvalue()) if said else [one[:4] for one in notes] != ["note"]
    if said:
        words = [*SHIPPER, "run", "--once", "-c", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        logged = [json.loads(one) for one in done.stderr.splitlines() if one.startswith("{")]
        levels = {one["log"]["level"] for one in logged if said in one["message"]}
        assert levels == {"warning"}


def test_setup_asks_no_proxy_of_the_environment(tmp_path):
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def listen():
            try:
                while True:
                    link, _ = proxy.accept()
                    heard.append(link.recv(1 << 16))
                    link.close()
            except OSError:
                pass

        threading.Thread(target=listen, daemon=True).start()
        port = proxy.getsockname()[1]
        (dead,) = free_ports(1)
        path = tmp_path / "c.yml"
        path.write_text(
            f"path.home: {tmp_path}\nkibana_url: http://kibana.invalid:5601\n"
            f"output.elasticsearch: {{hosts: ['http://127.0.0.1:{dead}'], api_key: 'a:{SECRET}'}}\n"
        )
        url = f"http://127.0.0.1:{port}"
        names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        environment = {**os.environ, **dict.fromkeys(names, url), "no_proxy": ""}
        for parts in ([], ["--index-management"]):
            words = [*SHIPPER, "setup", "--dry-run", *parts, "-c", str(path)]
            done = subprocess.run(
                words, capture_output=True, timeout=60, check=False, env=environment
            )
            assert done.returncode == os.EX_UNAVAILABLE, done.stderr
        proxy.shutdown(socket.SHUT_RDWR)
    assert heard == []
