"""A server of each test's own."""

import pytest

from tests.api.serving import configured, running


@pytest.fixture
def port(tmp_path):
    with running(configured(tmp_path)) as port:
        yield port
