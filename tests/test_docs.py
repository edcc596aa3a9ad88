"""The documentation: it builds as a site, its reference is the code's, and its blocks are true."""

import json
import logging.config
import os
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

import shipper
from shipper.config import load
from tests.reference import FOLDER, PAGES
from tests.test_deploy import ENVIRONMENT

ROOT = Path(__file__).parent.parent
TEXTS = {
    path.relative_to(ROOT): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"))
}


def blocks(language):
    """Each fenced block of a language, by its page and place."""
    for page, text in TEXTS.items():
        found = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for number, block in enumerate(found, 1):
            yield pytest.param(block, id=f"{page}-{number}")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_matches_the_code(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run make assets"


def test_the_site_builds_with_every_page_and_every_link(tmp_path):
    done = subprocess.run(
        [Path(sys.executable).parent / "mkdocs", "build", "-q", "--strict", "-d", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "troubleshooting" / "index.html").exists()


@pytest.mark.parametrize("block", [*blocks("yaml")])
def test_a_configuration_on_a_page_is_accepted(block, tmp_path):
    tree = yaml.safe_load(block)
    if isinstance(tree, dict) and "handlers" in tree:
        configure_logging(tree, tmp_path)
        return
    if isinstance(tree, list) and "pipeline.id" in tree[0]:  # Logstash's pipelines.yml
        assert all({"pipeline.id", "path.config"} <= row.keys() for row in tree)
        return
    if isinstance(tree, dict) and tree.keys() <= {"env", "volumeMounts", "volumes"}:
        kubernetes_validate.validate(a_pod(tree), "1.31", strict=True)
        return
    path = tmp_path / "c.yml"
    path.write_text(as_configuration(block, tree), encoding="utf-8")
    tokens = {name: name.center(40, "x") for name in re.findall(r"\$\{(\w+_TOKEN)\}", block)}
    hook = "https://hook.example/x"
    load(path, {**ENVIRONMENT, **tokens, "SETUP_API_KEY": "id:key", "HOOK_URL": hook})


def a_pod(tree):
    """The pod that has this part of a container, and these volumes."""
    mine = {name: tree[name] for name in ("env", "volumeMounts") if name in tree}
    spec = {"containers": [{"name": "shipper", "image": "x", **mine}]}
    spec |= {"volumes": tree["volumes"]} if "volumes" in tree else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}


def as_configuration(block, tree):
    """The block as a complete file: a part of an input is put where it belongs."""
    if isinstance(tree, list):
        return f"inputs:\n{block}"
    if tree.keys() == {"parsers"}:
        return f"inputs:\n- paths: [/x]\n{re.sub('^', '  ', block, flags=re.MULTILINE)}"
    return block


def configure_logging(tree, folder):
    for handler in tree["handlers"].values():
        handler["directory"] = str(folder)
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, **tree})


@pytest.mark.parametrize("block", [one for one in blocks("python") if FOLDER.name not in one.id])
def test_a_program_on_a_page_compiles_and_uses_public_names(block):
    compile(block, "page", "exec")
    used = set(re.findall(r"\bshipper\.(\w+)", block))
    assert used <= {*shipper.__all__, "auto"}


@pytest.mark.parametrize("block", [*blocks("json")])
def test_json_on_a_page_is_json(block):
    try:
        json.loads(block)
    except ValueError:  # an object on each line
        for line in block.splitlines():
            json.loads(line)


def commands():
    """Every line of a console that a person would type, without our own command."""
    for page, text in TEXTS.items():
        for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
            for line in re.findall(r"^[$#] (?!mcp-shipper)(.+)$", block, re.MULTILINE):
                yield pytest.param(line, id=f"{page}: {line[:60]}")


TARGETS = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("command", [*commands()])
def test_a_command_on_a_page_is_shell_and_names_targets_and_files_that_exist(command):
    done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
    is_continued = command.count("(") > command.count(")") or command.count("'") % 2
    assert done.returncode == 0 or is_continued, done.stderr
    for target in re.findall(r"\bmake (\w+)", command):
        assert target in TARGETS
    for name in re.findall(r"(?<![\w/.])(?:deploy|examples|kibana|bench)/[\w./-]+", command):
        assert (ROOT / name).exists(), name
    for module in re.findall(r"python -m ([\w.]+)", command):
        assert (ROOT / module.replace(".", "/")).exists() or (
            ROOT / f"{module.replace('.', '/')}.py"
        ).exists()
