"""An application asks before a call whether an alert blocks it."""

import os
import shutil
import time

import pytest

from shipper import Blocks
from shipper.config import from_mapping
from shipper.detect.blocks import Block, BlockFile
from shipper.errors import ConfigError
from shipper.lines import Lines
from shipper.outputs import OUTPUTS
from tests.detect.events import START_S, failed_login
from tests.users import NOBODY, as_nobody, needs_root, open_directory


def block(name="a", fields=None, *, for_s=60.0):
    wanted = {"user.id": "amara"} if fields is None else fields
    return Block("rule", name, wanted, time.time() + for_s)


def test_a_call_with_the_values_of_a_block_is_refused_until_the_block_is_over(
    tmp_path, monkeypatch
):
    file = BlockFile(tmp_path / "blocks.json")
    file.add([block(fields={"user.id": "amara", "gen_ai.tool.name": "pay"})])
    blocks = Blocks(tmp_path / "blocks.json", fails="open")
    assert blocks.reason({"user.id": "amara", "gen_ai.tool.name": "pay"}) == (
        "blocked by the alert rule (a)"
    )
    assert blocks.reason({"user.id": "amara"}) is None
    assert blocks.reason({"user.id": "bob", "gen_ai.tool.name": "pay"}) is None
    file.add([block("b")])
    assert blocks.reason({"user.id": "amara"}) == "blocked by the alert rule (b)"
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s + 61)
    assert blocks.reason({"user.id": "amara"}) is None
    file.add([block("c", {"user.id": "bob"})])
    assert len((tmp_path / "blocks.json").read_bytes().split(b"user.id")) == 2  # the old are gone


def test_an_alert_without_a_group_blocks_nobody(tmp_path):
    BlockFile(tmp_path / "b").add([block(fields={})])
    assert Blocks(tmp_path / "b", fails="open").reason({"user.id": "amara"}) is None


@pytest.mark.parametrize("content", [None, b"[{"])
def test_without_a_readable_file_the_application_decides(tmp_path, content):
    path = tmp_path / "blocks.json"
    if content:
        path.write_bytes(content)
    assert Blocks(path, fails="open").reason({"user.id": "x"}) is None
    assert "cannot be read" in str(Blocks(path, fails="closed").reason({"user.id": "x"}))


@pytest.fixture
def shared():
    """A file in a folder of root, which the group of nobody can enter."""
    folder = open_directory()
    os.chown(folder, 0, NOBODY)
    folder.chmod(0o2750)
    before = os.umask(0o077)  # as in the unit
    yield folder / "blocks.json"
    os.umask(before)
    shutil.rmtree(folder)


@needs_root
def test_the_group_of_the_folder_can_ask_and_change_nothing(shared):
    def ask():
        blocks = Blocks(shared, fails="closed")
        assert blocks.reason({"user.id": "bob"}) is None
        os.write(1, str(blocks.reason({"user.id": "amara"})).encode())
        return 0

    def change():
        for work in (lambda: shared.write_bytes(b"[]"), shared.unlink, (shared.parent / "x").touch):
            with pytest.raises(PermissionError):
                work()
        return 0

    BlockFile(shared).add([block()])
    BlockFile(shared).add([block("b", {"user.id": "eve"})])
    assert as_nobody(ask) == (0, "blocked by the alert rule (a)")
    assert as_nobody(change) == (0, "")


@needs_root
def test_other_users_cannot_read_whom_an_alert_blocks(shared):
    BlockFile(shared).add([block()])
    os.chown(shared.parent, 0, 0)
    shared.parent.chmod(0o755)
    os.chown(shared, 0, 0)
    code, output = as_nobody(lambda: len(shared.read_bytes()))
    assert code == 99
    assert "PermissionError" in output


def test_an_alert_that_blocks_is_in_the_file(tmp_path, monkeypatch):
    settings = {
        "path": {"home": str(tmp_path)},
        "security_monitoring": {
            "real_time_alerts": ["multiple_authentication_failures"],
            "block": {"rules": ["multiple_authentication_failures"], "minutes": 5},
        },
    }
    config = from_mapping(settings)
    config.data.mkdir(parents=True)
    monkeypatch.setattr(time, "time", lambda: START_S + 10)
    output = OUTPUTS["alerts"].create(config.outputs["alerts"])
    output.send(Lines.of([failed_login(n, n) for n in range(1, 9)]))
    output.close()
    blocks = Blocks(config.data / "blocks.json", fails="closed")
    assert "multiple_authentication_failures" in str(blocks.reason({"source.ip": "203.0.113.9"}))
    assert blocks.reason({"source.ip": "203.0.113.8"}) is None
    monkeypatch.setattr(time, "time", lambda: START_S + 400)
    assert blocks.reason({"source.ip": "203.0.113.9"}) is None


def test_a_block_names_alerts_that_are_raised():
    settings = {
        "real_time_alerts": ["high_confidence_threats"],
        "block": {"rules": ["high_confidence_threat"]},
    }
    with pytest.raises(ConfigError, match="did you mean 'high_confidence_threats'"):
        from_mapping({"security_monitoring": settings})
