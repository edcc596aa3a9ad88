"""Programs that the tests of assets need in addition to Python."""

from collections.abc import Iterator

import pytest

from tests.conftest import real
from tests.real.ruby import ruby_path


@pytest.fixture(scope="session")
def ruby() -> Iterator[str]:
    with real(ruby_path) as path:
        yield path
