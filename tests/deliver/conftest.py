import pytest


@pytest.fixture
def logs(tmp_path):
    """The directory whose files are followed."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder
