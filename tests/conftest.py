"""Real servers for the tests, and what a run says where one of them cannot be had."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

import pytest

from tests.real import Missing
from tests.real.elasticsearch import Elasticsearch

Server = TypeVar("Server")
NOT_HERE = "no real server: "


@contextmanager
def real(start: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    """A started server; without it the test fails under CI, and is left out elsewhere."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start())
        except Missing as missing:
            if os.environ.get("CI"):
                pytest.fail(f"{NOT_HERE}{missing}", pytrace=False)
            pytest.skip(f"{NOT_HERE}{missing}")
        yield server


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[Elasticsearch]:
    """One node for all tests of the run: a test uses names of its own, or clears up."""
    with real(Elasticsearch) as server:
        yield server


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the same server go to the same worker, so that one run starts it once."""
    for item in items:
        if "elasticsearch" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("elasticsearch"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each server that tests were left out for."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())}
    for reason in sorted(reasons):
        terminalreporter.write_line(reason.removeprefix("Skipped: "), yellow=True)
