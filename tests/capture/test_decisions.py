"""Decisions of an application on a call are events, bound to the arguments by their digest."""

import logging

import anyio
import fastmcp
import pytest
from fastmcp.server.auth import require_scopes
from fastmcp.server.context import reset_transport, set_transport
from fastmcp.server.middleware import AuthMiddleware, Middleware
from mcp.server import MCPServer

import shipper
from shipper.capture import instrument
from tests.capture.http import SCOPE, FastVerifier
from tests.capture.stacks import call, connect, run
from tests.capture.test_causes import MODERN, later_named, talk
from tests.record.recorder import Recorder


def of_decisions(events):
    return [e.fields for e in events if e.fields["event.action"] == "authz-decision"]


def of_calls(events):
    return [e.fields for e in events if e.fields["event.action"] == "tool-call"]


def test_a_decision_in_a_tool_is_about_its_call(events):
    server = MCPServer("shop")

    @server.tool()
    def delete(name: str) -> str:
        shipper.audit_decision("allow", approver="eve", engine="desk", reason="ticket 17")
        return "deleted"

    run(server, MODERN, call("delete", name="db"))
    (decided,), (called,) = of_decisions(events), of_calls(events)
    same = ("gen_ai.tool.name", "gen_ai.tool.call.arguments", "mcp.request.id", "user_id")
    assert [decided[name] for name in same] == [called[name] for name in same]
    assert (decided["mcp.authz.decision"], decided["success"]) == ("allow", True)
    assert decided["mcp.authz.approval.approver"] == "eve"
    assert decided["event.type"] == ["access", "allowed"]


def test_a_decision_has_the_digest_of_the_arguments_that_the_call_has(tmp_path):
    arguments = {"name": "db", "password": "hunter2"}
    audit, recorder = logging.getLogger("mcp.audit"), Recorder(tmp_path)
    audit.addHandler(recorder.handler)
    shipper.audit_decision("deny", "delete", arguments, reason="not on Sundays")
    shipper.audit_decision("allow", "delete", {**arguments, "name": "other"})
    audit.removeHandler(recorder.handler)
    recorder.log(shipper.create_tool_execution_event("ada", "delete", arguments))
    written = recorder.events()
    denied, other, called = (event["mcp"]["tool"]["arguments"]["hash"] for event in written)
    assert denied == called != other
    assert "hunter2" not in str(written)
    recorder.close()


def test_an_unknown_decision_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="allow, deny, ask"):
        shipper.audit_decision("maybe")


class Curfew(Middleware):
    """An application's own policy."""

    async def on_call_tool(self, context, call_next):
        if context.message.name == "delete":
            raise PermissionError("not on Sundays")
        return await call_next(context)


def test_a_middleware_leaves_what_it_allows_and_its_refusal_is_in_the_request(events):
    server = fastmcp.FastMCP("shop")
    server.tool(later_named("add"))
    server.tool(later_named("delete"))
    server.add_middleware(shipper.audit_auth(Curfew()))
    run(server, MODERN, call("add"), call("delete"))
    (allowed,) = of_decisions(events)
    assert (allowed["gen_ai.tool.name"], allowed["mcp.authz.engine"]) == ("add", "Curfew")
    added, refused = of_calls(events)
    assert added["success"] is True
    assert refused["event.reason"] == "denied"


@pytest.mark.parametrize(("needed", "allowed"), [(SCOPE, ["allow"]), ("admin", [])])
def test_fastmcps_own_middleware_decides_by_the_scopes_of_the_token(needed, allowed, events):
    server = fastmcp.FastMCP("shop", auth=FastVerifier(required_scopes=[SCOPE]))
    server.tool(later_named("add"))
    server.add_middleware(shipper.audit_auth(AuthMiddleware(auth=require_scopes(needed))))
    talk(server, MODERN, call("add"))
    decided = of_decisions(events)
    assert [one["mcp.authz.decision"] for one in decided] == allowed
    assert all(one["mcp.oauth.scopes.granted"] == [SCOPE] for one in decided)
    (called,) = of_calls(events)
    assert called["success"] is bool(allowed)


def test_a_check_that_is_left_out_on_a_pipe_is_no_decision(events):
    server = fastmcp.FastMCP("shop")
    server.tool(later_named("add"))
    server.add_middleware(shipper.audit_auth(AuthMiddleware(auth=require_scopes("admin"))))

    async def add():
        token = set_transport("stdio")
        async with connect(instrument(server), MODERN) as client:
            await client.call_tool("add")
        reset_transport(token)

    anyio.run(add)
    assert events.only("tools/call")["success"] is True
    assert of_decisions(events) == []


def test_something_else_than_a_middleware_is_refused():
    with pytest.raises(TypeError, match="audit_auth"):
        shipper.audit_auth(object())
