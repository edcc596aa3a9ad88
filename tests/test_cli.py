"""The command line as a person meets it: words, exit codes, what goes where."""

import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from shipper.cli import main
from shipper.cli.commands import Commands

ROOT = Path(__file__).parent.parent
REQUEST = {"operation": "log_audit_event", "event_type": "mcp_tool_execution", "user_id": "ada"}


def run(*arguments, stdin=""):
    return subprocess.run(
        [sys.executable, "-m", "shipper", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(
        f"path.home: {tmp_path}\noutput.file: {{path: {tmp_path}/out}}\nself_audit.enabled: false\n"
    )
    return path


#: A command in a console, or in code within a sentence.
_COMMAND = r"(?:^\$ |(?<!`)`)mcp-shipper ([^`\n]*)"
#: The commands on the pages, as they stand there.
SHOWN = {
    match[1]
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    for match in re.finditer(_COMMAND, page.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("shown", sorted(SHOWN))
def test_every_command_on_the_pages_is_there_with_its_options(shown, capsys):
    words = [*takewhile(lambda word: word != "--", shlex.split(shown, comments=True))]
    names = [*takewhile(lambda word: word[0] != "-", words)]
    with pytest.raises(SystemExit) as ended:  # help comes before the values, which may be DAYS
        main([*names, "--help"] if names else [*words, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert [word for word in words if word.startswith("-") and word not in said] == []


@pytest.fixture
def named(monkeypatch):
    """The names of the functions of all commands, as they are added."""
    names = []
    add = Commands.add

    def noted(self, name, command, text):
        names.append(command)
        return add(self, name, command, text)

    monkeypatch.setattr(Commands, "add", noted)
    with suppress(SystemExit):
        main(["--help"])
    return names


def test_every_command_names_a_function_that_exists(named):
    assert len(named) > 30
    for name in named:
        module, _, function = name.partition(":")
        assert callable(getattr(import_module(f"shipper.cli.{module}"), function)), name


def test_a_closed_pipe_ends_the_command_quietly(config):
    """Like `mcp-shipper export dashboard | head -1`, with more than a pipe holds, and with less."""
    for words in (["export", "dashboard"], ["version"]):
        reading, writing = os.pipe()
        os.close(reading)
        command = [sys.executable, "-m", "shipper", *words, "-c", config]
        done = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (1, b"")


def test_the_configuration_may_be_named_before_or_after_the_command(config, capsys):
    assert main(["-c", str(config), "test", "config"]) == 0
    assert main(["test", "config", "-c", str(config)]) == 0
    assert "outputs: file" in capsys.readouterr().out


def test_test_config_reports_every_problem_and_exits_with_78(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text("mcp_audit_level: most\noutput.files: {}\n")
    done = run("test", "config", "-c", path)
    assert done.returncode == os.EX_CONFIG
    what = "mcp_audit_level: 'most' is not one of basic, standard, enterprise"
    assert f"{path}:1 {what}" in done.stderr
    assert f"{path}:2 output.files: unknown key; did you mean 'file'?" in done.stderr


def test_run_without_an_output_says_what_can_be_configured(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\n")
    done = run("run", "-c", path)
    assert done.returncode == os.EX_CONFIG
    assert "elasticsearch" in done.stderr


def test_an_event_logged_by_process_is_shipped_and_shown_in_status(config, tmp_path):
    answer = run("process", "-c", config, stdin=json.dumps(REQUEST))
    assert json.loads(answer.stdout)["status"] == "logged"
    assert run("run", "--once", "-c", config).returncode == 0
    (out,) = (tmp_path / "out").iterdir()
    assert '"user":{"id":"ada","name":"ada"}' in out.read_text(encoding="utf-8")
    (status,) = json.loads(run("status", "--json", "-c", config).stdout)["outputs"]
    assert (status["output"], status["behind_bytes"]) == ("file", 0)


@pytest.mark.parametrize("stdin", ["", "[1]", "{", "null"])
def test_process_answers_bad_input_in_json(stdin, config):
    answer = run("process", "-c", config, stdin=stdin)
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["success"] is False


def test_the_version_is_an_option_and_a_command(capsys):
    assert main(["version"]) == 0
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_export_prints_one_policy_as_json(capsys):
    assert main(["export", "ilm-policy", "logs-mcp.tools"]) == 0
    policy = json.loads(capsys.readouterr().out)
    assert policy["policy"]["phases"]["delete"]["min_age"] == "90d"


def test_export_follows_the_configuration(tmp_path, capsys):
    path = tmp_path / "c.yml"
    path.write_text("compliance_frameworks: [sox]\n")
    assert main(["export", "ilm-policy", "logs-mcp.tools", "-c", str(path)]) == 0
    policy = json.loads(capsys.readouterr().out)
    assert policy["policy"]["phases"]["delete"]["min_age"] == "2557d"


def test_export_of_an_unknown_name_lists_the_known_ones(capsys):
    assert main(["export", "ilm-policy", "nope"]) == 1
    assert "logs-mcp.tools" in capsys.readouterr().err


def test_export_config_prints_the_effective_values_without_secrets(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PASSPHRASE", "fourth")
    path = tmp_path / "c.yml"
    path.write_text(
        "filebeat.inputs: [{type: filestream, id: a, paths: [/x/*], exclude_files: [gz$]}]\n"
        "output.elasticsearch:\n"
        "  hosts: ['https://ada:first@es:9200']\n"
        "  api_key: 'id:second'\n"
        "  headers: {X-Auth: third}\n"
        "output.redis: {hosts: [localhost], password: '${PASSPHRASE}'}\n"
    )
    assert main(["export", "config", "-c", str(path)]) == 0
    printed = capsys.readouterr().out
    shown = yaml.safe_load(printed)
    assert shown["outputs"]["elasticsearch"]["hosts"] == ["https://<hidden>@es:9200"]
    assert shown["outputs"]["elasticsearch"]["timeout_s"] == 90.0
    assert shown["outputs"]["redis"]["password"] == "<hidden>"
    assert shown["scope"]["index_strategy"] == "data_stream"
    for secret in ("first", "second", "third", "fourth"):
        assert secret not in printed


def test_the_committed_assets_are_what_the_catalog_gives(capsys):
    assert main(["export", "assets", "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_setup_without_elasticsearch_says_what_it_needs(config):
    done = run("setup", "-c", config)
    assert done.returncode == os.EX_CONFIG
    assert "output.elasticsearch" in done.stderr


@pytest.mark.parametrize("folder", ["ilm", "logstash", "kibana"])
def test_validate_finds_nothing_wrong_with_the_committed_assets(folder, capsys):
    assert main(["validate", str(ROOT / folder)]) == 0
    assert capsys.readouterr().out == f"{ROOT / folder}: no problem found\n"


def test_validate_reports_the_fault_of_an_edited_file_and_its_place(tmp_path, capsys):
    policy = json.loads((ROOT / "ilm/policies/logs-mcp.tools.json").read_text(encoding="utf-8"))
    policy["policy"]["phases"]["delete"]["actions"]["rollover"] = {"max_age": "1d"}
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(policy))
    assert main(["validate", str(edited)]) == os.EX_DATAERR
    assert str(edited) in capsys.readouterr().out.replace("\n", "")


def test_validate_reports_a_missing_file(tmp_path):
    assert main(["validate", str(tmp_path / "nothing")]) == os.EX_CONFIG


@pytest.mark.parametrize("planted", ["nothing", "dangling link", "FIFO"])
def test_verify_reports_a_path_that_it_cannot_read(planted, tmp_path, capsys):
    path = tmp_path / "a-000001.jsonl"
    if planted == "dangling link":
        path.symlink_to("nowhere")
    elif planted == "FIFO":
        os.mkfifo(path)
    assert main(["verify", str(path)]) == os.EX_IOERR
    assert str(path) in capsys.readouterr().err


def test_replay_reports_a_directory_in_the_place_of_the_dead_letters(tmp_path, capsys):
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\noutput.file: {{path: {tmp_path}/out}}\n")
    place = tmp_path / "data" / "dead-letters" / "file.ndjson"
    place.mkdir(parents=True, mode=0o700)
    assert main(["replay", "-c", str(path)]) == os.EX_IOERR
    assert f"{place}: Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["-1", "0", "99999999999"])
def test_a_sample_of_days_that_nobody_can_keep_is_a_wrong_use(days, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sample", "--days", days, str(tmp_path)])
    assert ended.value.code == 2
    assert f"expected 1 to 3650, found {days}" in capsys.readouterr().err


def test_sample_writes_days_of_a_record_whose_lines_are_shipped(config, tmp_path):
    assert run("sample", "--days", 1, tmp_path / "audit").returncode == 0
    assert run("run", "--once", "-c", config).returncode == 0
    (out,) = (tmp_path / "out").iterdir()
    recorded = sum(len(p.read_bytes().splitlines()) for p in (tmp_path / "audit").iterdir())
    assert len(out.read_bytes().splitlines()) == recorded > 100


@pytest.mark.parametrize(
    "absent", ["rich", "shipper.assets.generate", "shipper.api.operations", "elasticsearch"]
)
def test_run_loads_nothing_that_it_does_not_use(absent, config):
    program = (
        "import sys; from shipper.cli import main; "
        f"main(['run', '--once', '-c', {str(config)!r}]); sys.exit({absent!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_test_config_reports_what_an_output_would_refuse_at_the_start(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text("output.kafka.topic: a b\noutput.redis.hosts: ['redis://:hidden@r:6379']\n")
    done = run("test", "config", "-c", path)
    assert done.returncode == os.EX_CONFIG
    assert "output.kafka.topic: 'a b' is not a topic's name" in done.stderr
    assert "output.redis.hosts: each is host or host:port" in done.stderr
    assert "hidden" not in done.stderr


def test_test_config_says_that_nothing_would_be_shipped(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\n")
    done = run("test", "config", "-c", path)
    assert (done.returncode, "output: none is configured" in done.stdout) == (0, True)


def test_test_config_says_which_paths_name_no_file(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").touch()
    path = tmp_path / "c.yml"
    names = [f"{tmp_path}/logs", f"{tmp_path}/logs/*.log", f"{tmp_path}/log/*.log"]
    path.write_text(json.dumps({"inputs": {"id": "x", "paths": names}}))
    said = run("test", "config", "-c", path).stdout
    assert f"input 'x': {names[0]} is a directory; for the files in it use {names[0]}/*" in said
    assert f"input 'x': {names[2]} names no file now" in said
    assert "logs/*.log names" not in said


def test_a_setting_of_the_command_line_has_precedence(tmp_path, capsys):
    path = tmp_path / "c.yml"
    path.write_text("output.file: {path: /x, filename: a}\npath.home: /nowhere\n")
    words = ["-E", "output.file.path=/y", "export", "config", "-c", str(path)]
    assert main([*words, "-E", f"path.home={tmp_path}", "-E", "inputs=[{paths: [/a, /b]}]"]) == 0
    said = yaml.safe_load(capsys.readouterr().out)
    assert (said["outputs"]["file"]["path"], said["outputs"]["file"]["filename"]) == ("/y", "a")
    assert said["data"] == f"{tmp_path}/data"
    assert said["inputs"][0]["paths"] == ["/a", "/b"]


def test_settings_of_the_command_line_need_no_file_and_are_checked_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("test", "config", "-E", "output.console.pretty=true").returncode == 0
    done = run("test", "config", "-E", "output.consle.pretty=true")
    assert done.returncode == os.EX_CONFIG
    assert "-E:1 output.consle: unknown key; did you mean 'console'?" in done.stderr
    assert "-E nothing: expected KEY=VALUE" in run("test", "config", "-E", "nothing").stderr


def test_with_e_the_log_is_on_standard_error(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\nlogging.to_files: true\noutput.console: {{}}\n")
    assert "stopped" in run("run", "--once", "-e", "-c", path).stderr
    assert not (tmp_path / "logs").exists()
