"""Many files are synced with their file system, few of them one by one."""

import os

import pytest

from shipper.durable import sync_files


@pytest.mark.skipif(not os.uname().sysname.startswith("Linux"), reason="only Linux has syncfs")
def test_many_files_wait_for_their_own_file_system_and_not_for_the_machine(tmp_path, monkeypatch):
    monkeypatch.delattr("os.sync")
    paths = [str(tmp_path / str(number)) for number in range(100)]
    for path in paths:
        with open(path, "wb") as file:  # noqa: PTH123 - strings, as the caller has them
            file.write(b"x")
    assert sync_files(paths)
    assert not sync_files(paths[:3])


def test_a_file_that_cannot_be_synced_is_an_error(tmp_path):
    for count in (1, 100):
        with pytest.raises(FileNotFoundError):
            sync_files([str(tmp_path / "gone")] * count)
