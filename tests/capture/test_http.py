"""What HTTP adds: who asked, from where, in which session; by real sockets and both SDKs."""

import threading

import anyio
import httpx2
import mcp
import pytest
from mcp.client.sse import sse_client
from mcp_types import EmptyResult, Request

from shipper.capture import instrument
from tests.capture.http import (
    ACCEPT,
    ADD,
    GUARDED,
    INITIALIZE,
    ISSUER,
    MODERN,
    OPEN,
    SCOPE,
    WITH_TOKENS,
    WITHOUT,
    Bearer,
    app_of,
    client_of,
    digest,
    modern,
    serving,
)
from tests.capture.stacks import ERAS, call, swallow
from tests.real.processes import wait_until

BOTH_ERAS = pytest.mark.parametrize("era", ERAS)


def who(fields):
    return fields.get("user_id"), fields.get("client_id"), fields.get("user.domain")


def talk(url, era, *steps, bearer=None, **headers):
    async def main():
        async with client_of(url, era, bearer, **headers) as client:
            for step in steps:
                await swallow(step(client))

    anyio.run(main)


@GUARDED
@BOTH_ERAS
def test_a_call_is_recorded_with_the_identity_of_its_token(make, era, events):
    with serving(app_of(instrument(make()))) as url:
        talk(url, era, call("add", a=1, b=2), bearer=Bearer("ada-1"))
    assert who(events.only("tools/call")) == ("ada", "agent", ISSUER)


@GUARDED
@BOTH_ERAS
@pytest.mark.parametrize(("token", "name"), [("bob-1", "bob@example.org"), ("ada-1", None)])
def test_a_users_name_is_the_one_in_the_verified_token(make, era, token, name, events):
    with serving(app_of(instrument(make()))) as url:
        talk(url, era, call("add", a=1, b=2), bearer=Bearer(token))
    assert events.only("tools/call").get("user_name") == name


@GUARDED
@BOTH_ERAS
def test_a_client_that_acts_for_nobody_is_itself_the_user(make, era, events):
    with serving(app_of(instrument(make()))) as url:
        talk(url, era, call("add", a=1, b=2), bearer=Bearer("robot-1"))
    assert who(events.only("tools/call")) == ("robot", "robot", ISSUER)


@GUARDED
def test_each_request_is_recorded_with_its_own_token(make, events):
    bearer = Bearer("ada-1")

    async def change(_client):
        bearer.token = "bob-1"

    with serving(app_of(instrument(make()))) as url:
        add = call("add", a=1, b=2)
        talk(url, "2026-07-28", add, change, add, bearer=bearer)
    users = [event.fields["user_id"] for event in events.of("tools/call")]
    assert users == ["ada", "bob"]


@GUARDED
def test_a_stateless_legacy_request_is_recorded_with_its_own_token(make, events):
    bearer = Bearer("ada-1")

    async def change(_client):
        bearer.token = "bob-1"

    with serving(app_of(instrument(make()), stateless_http=True)) as url:
        add = call("add", a=1, b=2)
        talk(url, "legacy", add, change, add, bearer=bearer)
    users = [event.fields["user_id"] for event in events.of("tools/call")]
    assert users == ["ada", "bob"]


@GUARDED
def test_a_token_renewed_within_a_session_is_the_one_that_counts(make, events):
    bearer = Bearer("ada-1")

    async def change(_client):
        bearer.token = "ada-2"

    with serving(app_of(instrument(make()))) as url:
        add = call("add", a=1, b=2)
        talk(url, "legacy", add, change, add, bearer=bearer)
    calls = [event.fields for event in events.of("tools/call")]
    assert [(who(call), call["success"]) for call in calls] == [
        (("ada", "agent", ISSUER), True)
    ] * 2


@GUARDED
def test_a_session_used_with_anothers_token_is_a_violation_by_the_other(make, events):
    bearer = Bearer("ada-1")

    async def change(_client):
        bearer.token = "bob-1"

    with serving(app_of(instrument(make()))) as url:
        talk(url, "legacy", change, call("add", a=1, b=2), bearer=bearer)
    assert events.of("tools/call") == []
    refused = [e.fields for e in events if e.type == "mcp_policy_violations"]
    assert {fields["mcp.violation.type"] for fields in refused} == {"unknown_session"}
    assert {who(fields) for fields in refused} == {("bob", "agent", ISSUER)}


@OPEN
@BOTH_ERAS
def test_a_call_is_recorded_with_where_it_came_from(make, era, events):
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {
        "user-agent": "probe/1",
        "x-forwarded-for": "6.6.6.6",
        "x-request-id": "r-17",
        "traceparent": f"00-{trace}-{span}-01",
    }
    # uvicorn itself believes forwarding headers of a local proxy; capture must not read them.
    with serving(unproxied(app_of(instrument(make())))) as url:
        talk(url, era, call("add", a=1, b=2), **headers)
    fields = events.only("tools/call")
    assert fields["source_ip"] == "127.0.0.1"
    assert fields["user_agent"] == "probe/1"
    assert fields["http.request.id"] == "r-17"
    assert fields["network.transport"] == "tcp"
    assert (fields["trace.id"], fields["span.id"]) == (trace, span)
    assert "user_id" not in fields


def unproxied(app):
    """The app with the peer of the socket, whatever uvicorn made of the headers."""

    async def inner(scope, receive, send):
        if scope["type"] == "http":
            scope["client"] = ("127.0.0.1", 1)
        await app(scope, receive, send)

    return inner


@OPEN
def test_a_session_is_known_by_its_hash_from_its_beginning_to_its_end(make, events):
    with serving(app_of(instrument(make()))) as url, httpx2.Client() as http:
        answer = http.post(f"{url}/mcp", json=INITIALIZE, headers=ACCEPT)
        session = answer.headers["mcp-session-id"]
        http.delete(f"{url}/mcp", headers={"mcp-session-id": session, **ACCEPT})
    opened, ended = (event.fields for event in events)
    assert opened["event.action"] == "session-initialize"
    assert ended["event.action"] == "session-end"
    assert (ended["event.category"], ended["event.type"]) == (["session"], ["end"])
    assert opened["session_id"] == ended["session_id"] == digest(session)
    assert ended["success"] is True


@OPEN
def test_a_modern_request_has_no_session(make, events):
    with serving(app_of(instrument(make()))) as url:
        talk(url, "2026-07-28", call("add", a=1, b=2))
    assert "session_id" not in events.only("tools/call")


def test_the_sdks_own_look_at_the_tools_is_no_request(events):
    """Before a low-level server's call the SDK lists its tools, with the call's own request."""
    looked = []
    server = WITHOUT["low"]()

    async def spy(ctx, call_next):
        looked.append(ctx.method)
        return await call_next(ctx)

    server.middleware.append(spy)
    with serving(app_of(instrument(server))) as url, httpx2.Client() as http:
        http.post(f"{url}/mcp", json=modern("tools/call", ADD), headers=MODERN)
    assert looked == ["tools/list", "tools/call"]
    assert events.actions() == ["tool-call"]


def test_a_legacy_client_cannot_hide_a_listing_behind_a_header(events):
    with serving(app_of(instrument(WITHOUT["low"]()))) as url:
        talk(url, "legacy", lambda client: client.list_tools(), **{"mcp-method": "tools/call"})
    assert events.only("tools/list")["success"] is True


@OPEN
def test_a_client_that_hangs_up_leaves_a_call_without_outcome(make, events):
    progress = threading.Event()

    async def main(url):
        async with client_of(url, "2026-07-28") as client, anyio.create_task_group() as group:
            group.start_soon(call("slow"), client)
            assert await anyio.to_thread.run_sync(progress.wait, 10)
            group.cancel_scope.cancel()

    with serving(app_of(instrument(make(progress)))) as url:
        anyio.run(main, url)
        wait_until(lambda: events.of("tools/call"), 10, "the call is recorded")
    fields = events.only("tools/call")
    assert "success" not in fields
    assert fields["event.reason"] == "client_gone"


@GUARDED
@BOTH_ERAS
def test_an_unknown_method_is_one_event_though_http_says_404(make, era, events):
    steal = Request[dict, str](method="acme/steal", params={})
    with serving(app_of(instrument(make()))) as url:
        talk(
            url,
            era,
            lambda client: client.session.send_request(steal, EmptyResult),
            bearer=Bearer("ada-1"),
        )
    violations = [event for event in events if event.type == "mcp_policy_violations"]
    assert [event.fields["event.action"] for event in violations] == ["method-unknown"]
    assert who(violations[0].fields) == ("ada", "agent", ISSUER)


@GUARDED
def test_no_token_or_session_id_is_in_any_event(make, events):
    with serving(app_of(instrument(make()))) as url:
        talk(url, "legacy", call("add", a=1, b=2), bearer=Bearer("ada-1"))
        with httpx2.Client() as http:
            http.post(f"{url}/mcp", headers={"authorization": "Bearer stolen-9"})
            own = {"authorization": "Bearer ada-1", **ACCEPT}
            session = http.post(f"{url}/mcp", json=INITIALIZE, headers=own).headers[
                "mcp-session-id"
            ]
    written = [repr(dict(event.fields)) for event in events]
    assert len(written) >= 4
    assert not any(secret in text for secret in ("ada-1", "stolen-9", session) for text in written)


def test_scopes_are_recorded_where_they_were_too_few(events):
    with serving(app_of(instrument(WITH_TOKENS["sdk"]()))) as url, httpx2.Client() as http:
        http.post(f"{url}/mcp", headers={"authorization": "Bearer narrow-1"})
    (event,) = events
    assert event.type == "mcp_authorization_decisions"
    assert event.fields["mcp.oauth.scopes.required"] == [SCOPE]


def test_an_sse_client_is_recorded_too(events):
    """The deprecated SSE transport dispatches like the others."""
    server = instrument(WITHOUT["sdk"]())

    async def main(url):
        async with mcp.Client(sse_client(f"{url}/sse"), mode="legacy") as client:
            await call("add", a=1, b=2)(client)

    with serving(server.sse_app()) as url:
        anyio.run(main, url)
    assert events.only("tools/call")["network.transport"] == "tcp"
    assert events.only("tools/call")["source_ip"] == "127.0.0.1"
