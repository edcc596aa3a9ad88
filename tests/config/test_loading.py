"""How a configuration is read: once, with variables and paths resolved in the tree."""

import sys
from pathlib import Path

import pytest
import yaml

from shipper.config import load
from shipper.errors import ConfigError
from tests.config.test_config import problems, read


def compositions(do):
    """The number of times that `do` parses a YAML text."""
    count = 0

    def see(frame, event, _):
        nonlocal count
        count += event == "call" and frame.f_code is yaml.compose.__code__

    sys.setprofile(see)
    try:
        do()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture(autouse=True)
def _catalog_is_loaded():
    load(None, {})


@pytest.mark.parametrize("data", ["/srv/data", "${path.home}/data", "${ROOT}/${path.config}"])
def test_a_file_is_parsed_once(data, tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(f"path: {{home: /srv, data: '{data}', audit: '${{path.data}}/audit'}}\n")
    assert compositions(lambda: load(path, {"ROOT": "/mnt"})) == 1


def test_a_setting_of_the_command_line_is_parsed_once(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text("path.home: /srv\n")
    found = compositions(lambda: load(path, {}, settings=["path.data=${path.home}/d"]))
    assert found == 2


def test_each_path_may_name_those_before_it(tmp_path):
    config = read(
        """\
path.logs: ${path.data}/logs
path.audit: ${path.logs}/audit
path.data: ${path.home}/${NAME}
path.home: ${path.config}
""",
        tmp_path,
        NAME="d",
    )
    assert config.data == tmp_path / "d"
    assert config.logs == tmp_path / "d/logs"
    assert config.audit == tmp_path / "d/logs/audit"
    assert config.inputs[0].paths == (f"{tmp_path}/d/logs/audit/*.jsonl",)


def test_the_keystore_of_the_configured_data_is_used_and_has_precedence(tmp_path):
    keystore = tmp_path / "data" / "mcp-shipper.keystore"
    keystore.parent.mkdir()
    keystore.write_text('{"version": 1, "secrets": {"TENANT": "kept"}}')
    keystore.chmod(0o600)
    text = f"path.data: {tmp_path}/data\nnamespace: ${{TENANT}}\n"
    assert read(text, tmp_path, TENANT="from_the_environment").namespace == "kept"


@pytest.mark.parametrize(
    "text", ["[" * 5000, "- " * 5000, "a: &a [*a]\n", "a: " + "{b: " * 600 + "}" * 600]
)
def test_nesting_that_is_too_deep_or_circular_is_a_problem_of_the_file(text, tmp_path):
    assert problems(text, tmp_path)[0].startswith("c.yml")


def test_a_setting_that_is_not_text_in_utf_8_is_a_problem():
    with pytest.raises(ConfigError, match="-E: not YAML"):
        load(None, {}, settings=["namespace=\udcff"])


def test_problems_of_form_and_of_variables_are_reported_together(tmp_path):
    text = "namespace: ${NONE}\npath.data: /a\npath.data: /b\nkibana_url: ${NEITHER:?ask}\n"
    assert [one.split(": ")[0] for one in problems(text, tmp_path)] == [
        "c.yml:1 namespace",
        "c.yml:3 path.data",
        "c.yml:4 kibana_url",
    ]


def test_a_configuration_can_consist_of_settings_only():
    assert load(None, {}, settings=["path.home=/srv"]).data == Path("/srv/data")


def test_a_value_that_yaml_cannot_read_is_a_problem_of_one_line(tmp_path):
    (reported,) = problems("namespace: !!python/name:os.system x\n", tmp_path)
    assert reported.startswith("c.yml:1 namespace: cannot be read: could not determine")
    assert "\n" not in reported


def test_a_value_of_the_wrong_kind_is_reported_once(tmp_path):
    assert problems("namespace: [a]\n", tmp_path) == [
        "c.yml:1 namespace: expected text, found a list"
    ]
