"""Strict permissions: files that others could have written are not obeyed."""

import os

import pytest

from shipper.config import load
from shipper.config.permissions import problem_of
from shipper.errors import ConfigError
from tests.test_cli import run

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(f"path.home: {tmp_path}\noutput.file: {{path: {tmp_path}/out}}\n")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_a_configuration_that_others_can_only_read_is_taken(mode, config):
    config.chmod(mode)
    assert load(config, {}).outputs


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_configuration_that_others_can_write_is_refused_with_what_to_do(mode, config):
    config.chmod(mode)
    with pytest.raises(ConfigError, match=rf"others can write it \(mode {mode:o}\): chmod go-w"):
        load(config, {})


def test_the_check_can_be_switched_off_as_in_filebeat(config):
    config.chmod(0o666)
    reported = run("test", "config", "-c", config)
    assert reported.returncode == os.EX_CONFIG
    assert f"chmod go-w {config}" in reported.stderr
    assert run("test", "config", "--strict.perms=false", "-c", config).returncode == 0
    assert run("--strict.perms=false", "test", "config", "-c", config).returncode == 0


@needs_root
def test_a_file_of_another_user_is_refused(config):
    assert problem_of(config) is None
    os.chown(config, 12345, -1)
    assert "belongs to user 12345" in problem_of(config).what


@pytest.mark.parametrize("folder", ["registry", "dead-letters"])
def test_positions_and_dead_letters_that_others_can_write_stop_the_start(folder, config, tmp_path):
    (tmp_path / "data" / folder).mkdir(parents=True)
    (tmp_path / "data" / folder).chmod(0o777)
    reported = run("run", "--once", "-c", config)
    assert reported.returncode == os.EX_CONFIG
    assert f"chmod go-w {tmp_path}/data/{folder}" in reported.stderr


def test_the_endpoint_never_replaces_an_existing_file(config, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    config.write_text(config.read_text() + f"http: {{enabled: true, host: 'unix://{precious}'}}\n")
    reported = run("run", "--once", "-c", config)
    assert reported.returncode == os.EX_CONFIG
    assert precious.read_text() == "mine"
