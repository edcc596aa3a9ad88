"""A change from Filebeat sends nothing twice and skips nothing."""

import hashlib
import json
import random

import pytest

from shipper.cli import main
from shipper.config import load
from shipper.deliver.filebeat import read_states
from shipper.errors import RegistryError
from shipper.run.service import Service


def native(file):
    status = file.stat()
    return f"native::{status.st_ino}-{status.st_dev}"


def filestream(file, offset, identity=None, updated=1):
    """Key and value as the input `filestream` of Filebeat 8 and 9 has them."""
    kind = (identity or native(file)).split("::")[0]
    value = {
        "ttl": 1800000000000,
        "updated": [280445103831836, updated],
        "cursor": {"offset": offset} if offset is not None else None,
        "meta": {"source": str(file), "identifier_name": kind},
    }
    return f"filestream::my::id::{identity or native(file)}", value


def log(file, offset, updated=1):
    """Key and value as the inputs `log` and `container` have them."""
    status = file.stat()
    value = {
        "id": native(file),
        "prev_id": "",
        "source": str(file),
        "offset": offset,
        "timestamp": [449154083, updated],
        "ttl": -1,
        "type": "log",
        "meta": None,
        "FileStateOS": {"inode": status.st_ino, "device": status.st_dev},
        "identifier_name": "native",
    }
    return f"filebeat::logs::{native(file)}", value


def registry(folder, checkpoint, operations, *, number=40, torn=b""):
    """A registry of Filebeat: a checkpoint, and operations before and behind it."""
    home = folder / "registry" / "filebeat"
    home.mkdir(parents=True)
    (home / "meta.json").write_text('{"version":"1"}')
    (home / "active.dat").write_text(f"{home}/{number}.json")
    rows = ",\n".join(json.dumps({"_key": key, **value}) for key, value in checkpoint)
    (home / f"{number}.json").write_text(f"[{rows}\n]")
    lines = []
    for at, (op, key, value) in enumerate(operations, start=number - 1):
        body = {"k": key, "v": value} if op == "set" else {"k": key}
        lines += [json.dumps({"op": op, "id": at}), json.dumps(body)]
    (home / "log.json").write_bytes("".join(f"{one}\n" for one in lines).encode() + torn)
    return folder


def config(tmp_path, **more):
    path = tmp_path / "c.yml"
    settings = {
        "path.home": str(tmp_path / "home"),
        "filebeat.inputs": [{"type": "filestream", "paths": [f"{tmp_path}/logs/*"]}],
        "output.file": {"path": str(tmp_path), "filename": "out"},
        "self_audit.enabled": False,
        **more,
    }
    path.write_text(json.dumps(settings))
    return path


def shipped(tmp_path, path):
    Service(load(path, {})).drain()
    out = tmp_path / "out.ndjson"
    lines = out.read_bytes().splitlines() if out.exists() else []
    return [json.loads(line)["n"] for line in lines]


def numbered(file, numbers):
    """A file with a line of JSON for each number, and the offset behind each line."""
    file.parent.mkdir(exist_ok=True)
    lines = [b'{"n":%d}\n' % number for number in numbers]
    file.write_bytes(b"".join(lines))
    return [sum(map(len, lines[:at])) for at in range(len(lines) + 1)]


def test_a_thousand_random_positions_send_nothing_twice_and_skip_nothing(tmp_path):
    draw = random.Random(17)
    checkpoint, operations, wanted = [], [("remove", "old", None), ("remove", "old", None)], []
    for number in range(1000):
        file = tmp_path / "logs" / f"{number:04}.log"
        numbers = range(number * 1000, number * 1000 + draw.randrange(1, 200))
        offsets = numbered(file, numbers)
        at = draw.randrange(len(offsets))
        wanted += numbers[at:]
        digest = f"fingerprint::{hashlib.sha256(file.read_bytes()[:1024]).hexdigest()}"
        is_long = file.stat().st_size >= 1024
        made = draw.choice([filestream, log])
        entry = made(file, offsets[at])
        if made is filestream and is_long and draw.random() < 0.5:
            entry = filestream(file, offsets[at], digest)
        if draw.random() < 0.5:
            checkpoint.append(entry)
        else:
            checkpoint.append(made(file, 0))
            operations.append(("set", *entry))
    home = registry(tmp_path / "filebeat", checkpoint, operations, torn=b'{"op":"set","id":9')
    path = config(tmp_path)
    assert main(["import-registry", str(home), "-c", str(path)]) == 0
    assert sorted(shipped(tmp_path, path)) == wanted


def test_lines_that_come_later_are_sent_once(tmp_path):
    file = tmp_path / "logs" / "a.log"
    offsets = numbered(file, range(10))
    home = registry(tmp_path / "filebeat", [filestream(file, offsets[-1])], [])
    path = config(tmp_path)
    assert main(["import-registry", str(home), "-c", str(path)]) == 0
    assert shipped(tmp_path, path) == []
    with file.open("ab") as end:
        end.write(b'{"n":10}\n')
    assert shipped(tmp_path, path) == [10]


def test_a_rotated_file_is_found_by_its_inode_and_a_new_one_is_sent(tmp_path):
    old, new = tmp_path / "logs" / "a.log", tmp_path / "logs" / "a.log.1"
    offsets = numbered(old, range(10))
    entry = filestream(old, offsets[7])
    old.rename(new)
    numbered(old, [90])
    home = registry(tmp_path / "filebeat", [entry], [])
    path = config(tmp_path)
    assert main(["import-registry", str(home), "-c", str(path)]) == 0
    assert sorted(shipped(tmp_path, path)) == [7, 8, 9, 90]


def test_operations_older_than_the_checkpoint_do_not_count(tmp_path):
    file = tmp_path / "logs" / "a.log"
    offsets = numbered(file, range(10))
    key, value = filestream(file, offsets[8])
    stale = ("set", *filestream(file, offsets[2]))
    (state,) = read_states(registry(tmp_path / "filebeat", [(key, value)], [stale, stale]))
    assert state.offset == offsets[8]


def test_the_newest_state_of_a_file_counts_and_half_a_line_is_never_sent(tmp_path):
    file = tmp_path / "logs" / "a.log"
    offsets = numbered(file, range(10))
    entries = [filestream(file, offsets[5] + 3, updated=2), log(file, offsets[9], updated=1)]
    home = registry(tmp_path / "filebeat", entries, [])
    path = config(tmp_path)
    assert main(["import-registry", str(home), "-c", str(path)]) == 0
    assert shipped(tmp_path, path) == [5, 6, 7, 8, 9]


def test_the_command_says_what_becomes_of_each_position(tmp_path, capsys):
    file, cut = tmp_path / "logs" / "a.log", tmp_path / "logs" / "cut.log"
    offsets = numbered(file, range(3))
    numbered(cut, [1])
    gone = filestream(file, 5, "native::1-1")
    entries = [log(file, offsets[2]), log(cut, 999), gone, filestream(cut, None, "path::/x")]
    home = registry(tmp_path / "filebeat", entries, [])
    path = config(tmp_path)
    assert main(["import-registry", str(home), "--dry-run", "-c", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"{file}: from byte {offsets[2]}" in said
    assert f"{cut}: shorter" in said
    assert "no input names this file now" in said
    assert "1 positions would be taken over for file" in said
    assert sorted(shipped(tmp_path, path)) == [0, 1, 1, 2]


def test_positions_that_are_there_already_are_not_replaced(tmp_path, capsys):
    file = tmp_path / "logs" / "a.log"
    offsets = numbered(file, range(3))
    path = config(tmp_path)
    shipped(tmp_path, path)
    home = registry(tmp_path / "filebeat", [filestream(file, offsets[1])], [])
    assert main(["import-registry", str(home), "-c", str(path)]) != 0
    assert "has positions already" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[", "{}", "[1]", '["', '{"a":1}'])
def test_a_damaged_checkpoint_is_reported(content, tmp_path):
    (tmp_path / "7.json").write_text(content)
    with pytest.raises(RegistryError, match="is damaged"):
        read_states(tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        {"k": "filestream::a", "v": []},
        {"k": "filestream::a::native::1-2", "v": {"cursor": {"offset": "9"}}},
        {"k": "filebeat::logs::native::1-2", "v": {"offset": 2**70, "source": 1}},
        {"k": 7, "v": {"offset": 1, "source": "/a", "FileStateOS": []}},
        {"v": None},
        {},
    ],
)
def test_an_unreadable_state_is_left_out(row, tmp_path):
    line = {"op": "set", "id": 1}
    (tmp_path / "log.json").write_text(f"{json.dumps(line)}\n{json.dumps(row)}\n")
    assert read_states(tmp_path) == []


def test_the_registry_of_older_filebeats_is_a_list(tmp_path):
    file = tmp_path / "logs" / "a.log"
    numbered(file, range(3))
    (tmp_path / "registry").write_text(json.dumps([log(file, 9)[1]]))
    (state,) = read_states(tmp_path / "registry")
    assert (state.source, state.offset, f"native::{state.identity[1]}") == (
        *(str(file), 9),
        native(file),
    )


def test_a_folder_without_a_registry_is_reported(tmp_path):
    with pytest.raises(RegistryError, match=r"log\.json"):
        read_states(tmp_path)
