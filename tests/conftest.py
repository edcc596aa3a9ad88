"""Real servers for the tests, and what a run says where one of them cannot be had."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings

from shipper.catalog.methods import methods
from tests.real import Missing
from tests.real.elasticsearch import Elasticsearch
from tests.real.kafka import Kafka
from tests.real.lumberjack import LumberjackSink
from tests.real.redis import RedisServer
from tests.users import open_directory

Server = TypeVar("Server")
NOT_HERE = "no real server: "

# As on most servers: what a test writes must not be writable by a group, or it is refused.
os.umask(0o022)
# An agent may run the tests: events must not carry its conversation.
for host in methods().hosts.values():
    for variable in host.environment:
        os.environ.pop(variable, None)

# Time is no property of the code under test: two busy cores would make it one.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("ours"), max_examples=10_000)
#: For mutants: the same examples in each run, and the first that fails is enough.
settings.register_profile(
    "quick", settings.get_profile("ours"), derandomize=True, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("ours")


@contextmanager
def real(start: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    """A started server; without it the test fails under CI, and is left out elsewhere."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start())
        except Missing as missing:
            reason = f"{NOT_HERE}{missing}"
        else:
            yield server
            return
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[Elasticsearch]:
    """One node for all tests of the run: a test uses names of its own, or clears up."""
    with real(Elasticsearch) as server:
        yield server


@pytest.fixture(scope="session")
def secured_elasticsearch() -> Iterator[Elasticsearch]:
    """One node with security for all tests of the run."""
    with real(partial(Elasticsearch, secured=True)) as server:
        yield server


@pytest.fixture(scope="session")
def lumberjack() -> Iterator[LumberjackSink]:
    """One plain Lumberjack server for all tests of the run."""
    with real(LumberjackSink) as server:
        yield server


@pytest.fixture
def new_lumberjack() -> Iterator[Callable[..., LumberjackSink]]:
    """Starts Lumberjack servers of the test's own, with LumberjackSink's options."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(real(partial(LumberjackSink, **options)))


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One broker for all tests of the run: each test makes topics of its own."""
    with real(Kafka) as server:
        yield server


@pytest.fixture
def new_redis() -> Iterator[Callable[..., RedisServer]]:
    """Starts Redis servers of the test's own, with settings of redis.conf."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(real(partial(RedisServer, **settings)))


@pytest.fixture
def redis(new_redis: Callable[..., RedisServer]) -> RedisServer:
    """A plain Redis server of the test's own; it takes a moment to start."""
    return new_redis()


@pytest.fixture
def systemd_analyze() -> Iterator[str]:
    """The checker of units that systemd brings."""
    with real(lambda: _found("systemd-analyze", "which checks the unit", "systemd")) as path:
        yield path


@pytest.fixture(scope="session")
def logrotate() -> Iterator[str]:
    """What rotates logs on most systems."""
    sbin = f"{os.environ['PATH']}:/usr/sbin"  # an ordinary user's path may lack it
    with real(lambda: _found("logrotate", "which rotates files", "logrotate", sbin)) as path:
        yield path


def _found(
    name: str, purpose: str, package: str, where: str | None = None
) -> AbstractContextManager[str]:
    path = shutil.which(name, path=where)
    if path is None:
        raise Missing(f"{name}, {purpose}: apt-get install {package}")
    return nullcontext(path)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the same server go to the same worker, so that one run starts it once."""
    for item in items:
        servers = {"elasticsearch", "secured_elasticsearch", "kafka"}
        for name in servers.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each server that tests were left out for."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())}
    for reason in sorted(reasons):
        terminalreporter.write_line(reason.removeprefix("Skipped: "), yellow=True)


@pytest.fixture
def open_home():
    """A directory that belongs to the user nobody, for `as_nobody`."""
    path = open_directory()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def logs(tmp_path):
    """The directory whose files are followed."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder
