"""What a request that failed really failed of: exits, groups, refusals that hide."""

import asyncio
import logging

import anyio
import fastmcp
import pytest
from fastmcp.exceptions import AuthorizationError
from mcp.server import MCPServer

from shipper.capture import instrument
from tests.capture.stacks import ERAS, OutOfStock, connect, run, swallow

BOTH = pytest.mark.parametrize("make", [MCPServer, fastmcp.FastMCP], ids=["sdk", "fastmcp"])
BOTH_ERAS = pytest.mark.parametrize("era", ERAS)
MODERN = ERAS[1]
EXITS = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError]


def with_tool(make, function):
    server = make("shop")
    server.tool()(function)
    return instrument(server)


def end_of_a_call(server, era, events):
    """Call `fail`, until it has its event: some clients wait for ever for a server that is gone."""

    async def main():
        async with connect(server, era) as client, anyio.create_task_group() as group:
            group.start_soon(swallow, client.session.call_tool("fail", {}))
            with anyio.fail_after(10):
                while not events.of("tools/call"):
                    await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    try:
        anyio.run(main)
    except BaseException as error:  # noqa: BLE001 - what an exit does to the loop is not ours
        logging.getLogger(__name__).info("the loop ended: %r", error)
    return events.only("tools/call")


@BOTH
@BOTH_ERAS
@pytest.mark.parametrize("kind", EXITS)
def test_a_tool_that_exits_is_a_failure_with_its_class(make, era, kind, events):
    async def fail() -> str:
        raise kind("3")

    fields = end_of_a_call(with_tool(make, fail), era, events)
    assert fields["success"] is False
    assert fields["error.type"] == kind.__name__
    assert "event.reason" not in fields


@BOTH
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, StopIteration])
def test_a_tool_that_exits_on_a_thread_is_a_failure_with_its_class(make, kind, events):
    def fail() -> str:
        raise kind("3")

    fields = end_of_a_call(with_tool(make, fail), MODERN, events)
    assert (fields["success"], fields["error.type"]) == (False, kind.__name__)


@BOTH
def test_a_tool_whose_own_helper_was_cancelled_is_a_failure(make, events):
    async def fail() -> str:
        helper = asyncio.ensure_future(asyncio.sleep(60))
        helper.cancel()
        await helper

    fields = end_of_a_call(with_tool(make, fail), MODERN, events)
    assert (fields["success"], fields["error.type"]) == (False, "CancelledError")


@BOTH
def test_the_exit_is_the_failure_not_what_a_nested_call_raised_before(make, events):
    server = make("shop")

    @server.tool()
    def broken() -> str:
        raise OutOfStock("none")

    @server.tool()
    async def fail() -> str:
        await swallow(server.call_tool("broken", {}))
        raise SystemExit(3)

    assert end_of_a_call(instrument(server), MODERN, events)["error.type"] == "SystemExit"


async def later(error):
    raise error


def failing_in_groups(*errors):
    async def fail() -> str:
        async with anyio.create_task_group() as outer, anyio.create_task_group() as group:
            del outer
            for error in errors:
                group.start_soon(later, error)

    return fail


@BOTH
@BOTH_ERAS
def test_one_failure_in_a_group_is_the_failure(make, era, events):
    server = with_tool(make, failing_in_groups(OutOfStock("no page left")))
    run(server, era, lambda client: client.session.call_tool("fail", {}))
    fields = events.only("tools/call")
    assert (fields["error.type"], fields["error.message"]) == ("OutOfStock", "no page left")


@BOTH
def test_several_failures_in_a_group_are_all_named(make, events):
    server = with_tool(make, failing_in_groups(OutOfStock("no page left"), ValueError("odd")))
    run(server, MODERN, lambda client: client.session.call_tool("fail", {}))
    fields = events.only("tools/call")
    assert fields["error.type"] == "ExceptionGroup"
    assert fields["error.message"] == "OutOfStock: no page left; ValueError: odd"


@BOTH
def test_a_group_of_thousands_stays_short(make, events):
    async def fail() -> str:
        raise ExceptionGroup("many", [ValueError(str(i)) for i in range(5000)])

    run(with_tool(make, fail), MODERN, lambda client: client.session.call_tool("fail", {}))
    message = events.only("tools/call")["error.message"]
    assert message.endswith("and 4990 more")


@BOTH
def test_a_group_as_deep_as_recursion_allows_is_a_failure(make, events):
    async def fail() -> str:
        error = OutOfStock("deep")
        for _ in range(5000):
            error = ExceptionGroup("one", [error])
        raise error

    run(with_tool(make, fail), MODERN, lambda client: client.session.call_tool("fail", {}))
    assert events.only("tools/call")["success"] is False


class NotYours(AuthorizationError):
    """A refusal of the application's own."""


@BOTH
@pytest.mark.parametrize("error", [PermissionError("not yours"), NotYours("not yours")])
def test_a_tool_that_denies_is_a_denial(make, error, events):
    server = with_tool(make, failing_in_groups(error))
    run(server, MODERN, lambda client: client.session.call_tool("fail", {}))
    fields = events.only("tools/call")
    assert fields["event.reason"] == "denied"
    assert fields["event.type"] == ["access", "denied"]
    assert fields["error.type"] == type(error).__name__


@BOTH
def test_a_file_that_the_server_may_not_read_is_no_denial_of_the_caller(make, events):
    server = with_tool(make, failing_in_groups(PermissionError(13, "Permission denied")))
    run(server, MODERN, lambda client: client.session.call_tool("fail", {}))
    fields = events.only("tools/call")
    assert fields["error.type"] == "PermissionError"
    assert "event.reason" not in fields
