"""What a request that failed really failed of: exits, groups, refusals that hide."""

import asyncio
import logging
from contextlib import suppress
from typing import Annotated

import anyio
import fastmcp
import jsonschema
import mcp
import mcp_types as types
import pytest
from fastmcp.exceptions import AuthorizationError, ToolError
from fastmcp.experimental.transforms.code_mode import CodeMode
from fastmcp.server.auth import require_roles, require_scopes, restrict_tag
from fastmcp.server.middleware import AuthMiddleware, Middleware
from fastmcp.server.transforms.search import BM25SearchTransform
from fastmcp.tools import ToolResult
from mcp.server import MCPServer
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import BaseModel

from shipper.capture import instrument
from shipper.capture.call import CANCELLED, Failure
from shipper.capture.causes import Seen
from shipper.capture.failures import ended_by_error, failure_of
from tests.capture.http import SCOPE, Bearer, FastVerifier, app_of, client_of, serving
from tests.capture.stacks import ERAS, OutOfStock, call, connect, run, swallow

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
            with anyio.fail_after(60):
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


class Unreadable(Exception):
    def __str__(self):
        raise LookupError("no text")


@BOTH
@BOTH_ERAS
def test_an_exception_that_cannot_be_read_is_a_failure_with_its_class(make, era, events):
    async def fail() -> str:
        raise Unreadable

    fields = end_of_a_call(with_tool(make, fail), era, events)
    assert fields["success"] is False
    assert fields["error.type"] in {"Unreadable", "LookupError"}  # FastMCP reads it as well


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


def guarded_shop():
    """A server whose parts need a scope that no token has; `gone` is switched off."""
    server = fastmcp.FastMCP("shop", auth=FastVerifier(required_scopes=[SCOPE]))

    @server.tool(auth=require_scopes("admin"))
    def delete() -> str:
        return "deleted"

    @server.tool(tags={"dangerous"}, auth=[restrict_tag("dangerous", scopes=["root", "admin"])])
    def purge() -> str:
        return "purged"

    @server.tool(auth=require_roles("chief", extract=lambda claims: claims["roles"]))
    def hire() -> str:
        return "hired"

    @server.tool(auth=require_scopes("admin"))
    def gone() -> str:
        return "never"

    @server.resource("file:///salaries", auth=require_scopes("admin"))
    def salaries() -> str:
        return "1"

    @server.resource("file:///salaries/{name}", auth=require_scopes("admin"))
    def salary(name: str) -> str:
        return name

    @server.prompt(auth=require_scopes("admin"))
    def fire() -> str:
        return "fire"

    server.disable(names={"gone"})
    return server


def talk(server, era, *steps):
    """Do the steps over HTTP, as `ada` with the scope of the shop."""

    async def main(url):
        async with client_of(url, era, Bearer("ada-1")) as client:
            for step in steps:
                await swallow(step(client))

    with serving(app_of(instrument(server))) as url:
        anyio.run(main, url)


@BOTH_ERAS
@pytest.mark.parametrize(
    ("method", "step", "reason", "required"),
    [
        ("tools/call", call("delete"), "insufficient_scope", ["admin"]),
        ("tools/call", call("purge"), "insufficient_scope", ["admin", "root"]),
        ("tools/call", call("hire"), "denied", None),
        (
            "resources/read",
            lambda client: client.read_resource("file:///salaries"),
            "insufficient_scope",
            ["admin"],
        ),
        (
            "resources/read",
            lambda client: client.read_resource("file:///salaries/ada"),
            "insufficient_scope",
            ["admin"],
        ),
        ("prompts/get", lambda client: client.get_prompt("fire"), "insufficient_scope", ["admin"]),
    ],
)
def test_what_a_scope_hides_is_a_denied_authorization(era, method, step, reason, required, events):
    talk(guarded_shop(), era, step)
    (event,) = events.of(method)
    assert event.type == "mcp_authorization_decisions"
    assert event.fields["success"] is False
    assert event.fields["event.reason"] == reason
    assert event.fields["event.type"] == ["access", "denied"]
    assert event.fields["mcp.authz.decision"] == "deny"
    assert event.fields.get("mcp.oauth.scopes.required") == required
    assert event.fields["mcp.oauth.scopes.granted"] == [SCOPE]
    assert event.fields["user_id"] == "ada"
    if method == "tools/call":
        assert event.fields["gen_ai.tool.name"]


@pytest.mark.parametrize("tool", ["gone", "never_was"])
def test_a_tool_that_is_off_or_was_never_there_is_no_denial(tool, events):
    talk(guarded_shop(), MODERN, call(tool))
    (event,) = events.of("tools/call")
    assert event.type == "mcp_tool_execution"
    assert "event.reason" not in event.fields


def test_a_denial_behind_a_mounted_server_is_one(events):
    mall = fastmcp.FastMCP("mall", auth=FastVerifier(required_scopes=[SCOPE]))
    mall.mount(guarded_shop(), namespace="shop")
    talk(mall, MODERN, call("shop_delete"))
    (event,) = events.of("tools/call")
    assert event.type == "mcp_authorization_decisions"
    assert event.fields["gen_ai.tool.name"] == "shop_delete"


def test_a_denial_behind_a_meta_tool_is_one(events):
    server = guarded_shop()
    server.add_transform(BM25SearchTransform())
    talk(server, MODERN, call("call_tool", name="delete", arguments={}))
    (event,) = events.of("tools/call")
    assert event.type == "mcp_authorization_decisions"
    assert event.fields["mcp.oauth.scopes.required"] == ["admin"]
    assert "delete" in event.fields["error.message"]


def test_a_scope_that_the_middleware_of_all_tools_requires_is_a_denied_authorization(events):
    server = fastmcp.FastMCP("shop", auth=FastVerifier(required_scopes=[SCOPE]))
    server.tool(later_named("add"))
    server.add_middleware(AuthMiddleware(auth=require_scopes("admin")))
    talk(server, MODERN, call("add"))
    (event,) = events.of("tools/call")
    assert event.type == "mcp_authorization_decisions"
    assert event.fields["mcp.oauth.scopes.required"] == ["admin"]


def later_named(name):
    def tool() -> str:
        return "ok"

    tool.__name__ = name
    return tool


def shop_of_two():
    server = fastmcp.FastMCP("shop")
    for name in ("read_db", "delete_db"):
        server.tool(later_named(name))
    return server


@BOTH_ERAS
def test_a_tool_that_is_called_through_a_search_is_named(era, events):
    server = shop_of_two()
    server.add_transform(BM25SearchTransform())
    run(server, era, call("call_tool", name="delete_db", arguments={}))
    fields = events.only("tools/call")
    assert fields["gen_ai.tool.name"] == "call_tool"
    assert fields["mcp.tool.nested"] == ["delete_db"]
    (ran,) = events.within(fields)
    assert (ran["gen_ai.tool.name"], ran["success"]) == ("delete_db", True)


class Sandbox:
    """Runs a program as CodeMode's own sandbox does, in this interpreter."""

    async def run(self, code, *, inputs=None, external_functions=None):
        tool = external_functions["call_tool"]
        await tool("read_db", {})
        await tool("delete_db", {})
        return await tool("read_db", {})


def test_the_tools_that_a_program_calls_are_named(events):
    server = shop_of_two()
    server.add_transform(CodeMode(sandbox_provider=Sandbox()))
    run(server, MODERN, call("execute", code="..."))
    fields = events.only("tools/call")
    assert (fields["gen_ai.tool.name"], fields["success"]) == ("execute", True)
    assert fields["mcp.tool.nested"] == ["read_db", "delete_db"]
    ran = [one["gen_ai.tool.name"] for one in events.within(fields)]
    assert ran == ["read_db", "delete_db", "read_db"]


@BOTH
def test_a_plain_call_names_no_nested_tool(make, events):
    run(with_tool(make, later_named("add")), MODERN, call("add"))
    assert "mcp.tool.nested" not in events.only("tools/call")


@BOTH
def test_a_tool_that_a_tool_calls_is_an_event_below_the_request(make, events):
    server = make("shop")

    @server.tool()
    def inner(item: str) -> str:
        if item == "gun":
            raise OutOfStock("none")
        return f"sold {item}"

    @server.tool()
    async def outer() -> str:
        await server.call_tool("inner", {"item": "tea"})
        await swallow(server.call_tool("inner", {"item": "gun"}))
        return "done"

    run(server, MODERN, call("outer"))
    fields = events.only("tools/call")
    assert (fields["mcp.tool.nested"], fields["success"]) == (["inner"], True)
    sold, refused = events.within(fields)
    assert (sold["gen_ai.tool.name"], sold["success"]) == ("inner", True)
    assert sold["gen_ai.tool.call.arguments"] == {"item": "tea"}
    assert sold["mcp.tool.result.text"] == "sold tea"
    assert sold["mcp.request.id"] == fields["mcp.request.id"]
    assert (refused["error.type"], refused["success"]) == ("OutOfStock", False)


@pytest.mark.parametrize("is_hooked", [False, True])
def test_a_tool_of_a_mounted_server_is_no_call_within_a_call(is_hooked, events):
    child, parent = fastmcp.FastMCP("shop"), fastmcp.FastMCP("mall")
    child.tool()(later_named("add"))
    parent.mount(instrument(child) if is_hooked else child, namespace="shop")
    run(parent, MODERN, call("shop_add"))
    assert "mcp.tool.nested" not in events.only("tools/call")
    assert events.actions().count("tool-call") == 1


class Sure(BaseModel):
    """What the user is asked."""

    ok: bool


async def ask() -> Elicit[Sure]:
    return Elicit("Delete it?", Sure)


def careful_shop():
    server = MCPServer("shop")

    @server.tool()
    async def delete(sure: Annotated[Sure, Resolve(ask)]) -> str:
        return "deleted"

    return server


def answering(action):
    async def answer(_context, _params):
        return types.ElicitResult(action=action, content={"ok": True})

    return answer


@pytest.mark.parametrize(
    ("action", "outcomes", "reason"),
    [
        ("accept", [None, True], None),
        ("decline", [None, False], "declined"),
        ("cancel", [None, False], "dismissed"),
    ],
)
def test_a_question_is_no_success_and_a_refusal_is_a_denial(action, outcomes, reason, events):
    async def main():
        server = instrument(careful_shop())
        async with mcp.Client(
            server, mode=MODERN, elicitation_callback=answering(action)
        ) as client:
            await swallow(client.call_tool("delete", {}))

    anyio.run(main)
    asked, answered = [event.fields for event in events.of("tools/call")]
    assert [asked.get("success"), answered.get("success")] == outcomes
    assert asked["event.reason"] == "input_required"
    assert answered.get("event.reason") == reason
    assert ("denied" in answered["event.type"]) is (reason is not None)
    assert asked["mcp.call.id"] == answered["mcp.call.id"]
    assert [asked["mcp.call.round"], answered["mcp.call.round"]] == [1, 2]


@pytest.mark.parametrize(
    ("action", "success", "reason"),
    [("accept", True, None), ("decline", False, "declined"), ("cancel", False, "dismissed")],
)
def test_a_refusal_within_a_call_of_the_older_protocol_is_a_denial(action, success, reason, events):
    async def main():
        server = instrument(careful_shop())
        async with mcp.Client(
            server, mode="legacy", elicitation_callback=answering(action)
        ) as client:
            await swallow(client.call_tool("delete", {}))

    anyio.run(main)
    fields = events.only("tools/call")
    assert (fields["success"], fields.get("event.reason")) == (success, reason)


@pytest.mark.parametrize(
    ("is_asked", "expected"),
    [
        (True, CANCELLED),
        (False, Failure("BaseExceptionGroup", "CancelledError; CancelledError")),
    ],
)
def test_a_cancellation_that_comes_as_a_group_is_one(is_asked, expected):
    ended = []

    async def main():
        group = BaseExceptionGroup("two", [asyncio.CancelledError(), asyncio.CancelledError()])
        if is_asked:
            asyncio.current_task().cancel()
        ended.append(ended_by_error(group, Seen()))

    with suppress(asyncio.CancelledError):
        asyncio.run(main())
    assert ended == [expected]


def test_the_message_of_a_failed_schema_has_no_value_of_the_caller():
    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.validate({"a": "hunter2"}, {"properties": {"a": {"type": "integer"}}})
    failure = failure_of(caught.value)
    assert (failure.type, failure.message) == ("ValidationError", "$.a: type 'integer'")


class Swallows(Middleware):
    async def on_call_tool(self, context, call_next):
        with suppress(ToolError):
            return await call_next(context)
        return ToolResult(structured_content={"result": "fine"})


class Rewrites(Middleware):
    async def on_call_tool(self, context, call_next):
        try:
            return await call_next(context)
        except ToolError:
            raise ToolError("something went wrong") from None


class Redirects(Middleware):
    async def on_call_tool(self, context, call_next):
        message = context.message.model_copy(update={"name": "delete_db"})
        return await call_next(context.copy(message=message))


class Retries(Middleware):
    async def on_call_tool(self, context, call_next):
        with suppress(ToolError):
            return await call_next(context)
        return await call_next(context)


def behind(middleware, function):
    server = with_tool(fastmcp.FastMCP, function)
    server.add_middleware(middleware)
    return server


def not_for_you() -> str:
    raise PermissionError("not for you")


def test_an_error_in_whose_place_a_middleware_answers_is_in_the_event(events):
    run(behind(Swallows(), not_for_you), MODERN, call("not_for_you"))
    fields = events.only("tools/call")
    assert fields["success"] is True
    assert (fields["error.type"], fields["error.message"]) == ("PermissionError", "not for you")


def test_an_error_that_a_middleware_rewrites_is_recorded_as_it_was(events):
    run(behind(Rewrites(), not_for_you), MODERN, call("not_for_you"))
    fields = events.only("tools/call")
    assert (fields["success"], fields["event.reason"]) == (False, "denied")
    assert (fields["error.type"], fields["error.message"]) == ("PermissionError", "not for you")


def test_a_tool_that_succeeds_when_tried_again_has_no_error(events):
    tries = iter([OutOfStock("first"), None])

    def flaky() -> str:
        if error := next(tries):
            raise error
        return "done"

    run(behind(Retries(), flaky), MODERN, call("flaky"))
    fields = events.only("tools/call")
    assert fields["success"] is True
    assert "error.type" not in fields


def test_a_tool_that_a_middleware_calls_in_the_place_of_another_is_named(events):
    server = shop_of_two()
    server.add_middleware(Redirects())
    run(server, MODERN, call("read_db"))
    fields = events.only("tools/call")
    assert fields["gen_ai.tool.name"] == "read_db"
    assert fields["mcp.tool.nested"] == ["delete_db"]
