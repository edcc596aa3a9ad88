"""What no MCP hook sees: refused tokens, broken messages, OAuth endpoints, limits."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import fastmcp
import httpx2
import pytest
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from shipper.capture import audit_asgi, instrument
from tests.capture.http import (
    ACCEPT,
    ADD,
    GUARDED,
    INITIALIZE,
    MODERN,
    OPEN,
    SCOPE,
    app_of,
    modern,
    serving,
)
from tests.capture.stacks import fast, sdk
from tests.real.processes import wait_until

JSON = {**ACCEPT, "content-type": "application/json"}


def refused(make, events, method="POST", **request):
    """The one event that a raw request to a server leaves, and the HTTP status it got."""
    with serving(app_of(instrument(make()))) as url, httpx2.Client() as http:
        status = http.request(method, f"{url}/mcp", **request).status_code
    (event,) = events
    assert event.fields["success"] is False
    assert event.fields["http.response.status_code"] == status
    assert event.fields["http.request.method"] == method
    assert event.fields["url.path"] == "/mcp"
    assert event.fields["source_ip"] == "127.0.0.1"
    return event, status


@GUARDED
@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "missing"),
        ("Basic YWRhOnB3", "malformed"),
        ("Bearer", "malformed"),
        ("Bearer nobody-1", "unknown"),
    ],
)
def test_a_refused_token_is_a_failed_authentication(make, authorization, reason, events):
    headers = {"authorization": authorization} if authorization else {}
    event, status = refused(make, events, json=INITIALIZE, headers={**ACCEPT, **headers})
    assert status == 401
    assert event.type == "mcp_authentication_events"
    assert event.fields["event.action"] == "token-rejected"
    assert event.fields["event.reason"] == reason
    assert "user_id" not in event.fields


@GUARDED
def test_a_call_refused_for_its_token_still_names_the_tool(make, events):
    event, _ = refused(make, events, json=modern("tools/call", ADD), headers=MODERN)
    assert event.fields["mcp.method.name"] == "tools/call"
    assert event.fields["gen_ai.tool.name"] == "add"


@GUARDED
def test_a_token_without_the_scope_is_a_denied_authorization(make, events):
    headers = {**ACCEPT, "authorization": "Bearer narrow-1"}
    event, status = refused(make, events, json=INITIALIZE, headers=headers)
    assert status == 403
    assert event.type == "mcp_authorization_decisions"
    assert event.fields["event.action"] == "scope-challenge"
    assert event.fields["event.reason"] == "insufficient_scope"
    assert event.fields["mcp.authz.decision"] == "deny"
    assert event.fields["mcp.oauth.scopes.required"] == [SCOPE]
    assert event.fields["user_id"] == "ada"


def challenged(header, status=401):
    async def refuse(_request):
        return PlainTextResponse("", status, {"www-authenticate": header})

    return Starlette(routes=[Route("/mcp", refuse, methods=["POST"])])


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        ('Bearer error="invalid_token", error_description="The access token expired"', "expired"),
        ('Bearer error="invalid_request", error_description="two tokens"', "malformed"),
        ('Bearer error="insufficient_scope"', "insufficient_scope"),
        ('Bearer error="invalid_token"', "unknown"),
        ("Bearer", "unknown"),
    ],
)
def test_another_servers_challenge_gives_the_reason(challenge, reason, events):
    with serving(audit_asgi(challenged(challenge))) as url, httpx2.Client() as http:
        http.post(f"{url}/mcp", headers={"authorization": "Bearer old"})
    (event,) = events
    assert event.fields["event.reason"] == reason


@OPEN
@pytest.mark.parametrize(
    ("kind", "status", "request_"),
    [
        ("malformed_json", 400, {"content": b"{", "headers": JSON | MODERN}),
        ("malformed_json", 400, {"content": b"{", "headers": JSON}),
        ("invalid_request", 400, {"content": b"[]", "headers": JSON | MODERN}),
        (
            "header_mismatch",
            400,
            {"json": modern("tools/call", {**ADD, "name": "delete"}), "headers": MODERN},
        ),
        (
            "unknown_session",
            404,
            {"json": INITIALIZE, "headers": {**ACCEPT, "mcp-session-id": "guessed"}},
        ),
        ("not_acceptable", 406, {"json": INITIALIZE, "headers": {"accept": "text/html"}}),
    ],
)
def test_a_message_the_transport_refuses_is_a_violation(make, kind, status, request_, events):
    event, got = refused(make, events, **request_)
    assert got == status
    assert event.type == "mcp_policy_violations"
    assert event.fields["event.action"] == "protocol-violation"
    assert event.fields["mcp.violation.type"] == kind
    assert event.fields["mcp.violation.action_taken"] == "blocked"


@OPEN
def test_a_version_nobody_speaks_is_a_violation(make, events):
    headers = {**MODERN, "mcp-protocol-version": "1999-01-01"}
    event, status = refused(make, events, json=modern("tools/call", ADD), headers=headers)
    assert status == 400
    assert event.type == "mcp_policy_violations"
    assert event.fields["mcp.protocol.version"] == "1999-01-01"


@OPEN
def test_a_method_that_http_does_not_allow_is_a_violation(make, events):
    event, status = refused(make, events, method="PUT", headers=MODERN)
    assert status == 405
    assert event.fields["mcp.violation.type"] == "method_not_allowed"


@pytest.mark.parametrize(("make", "options"), [(sdk, {}), (fast, {"host_origin_protection": True})])
def test_a_foreign_page_is_a_violation(make, options, events):
    with serving(app_of(instrument(make()), **options)) as url:
        headers = {**ACCEPT, "origin": "http://evil.example"}
        assert httpx2.post(f"{url}/mcp", json=INITIALIZE, headers=headers).status_code == 403
    (event,) = events
    assert event.type == "mcp_policy_violations"
    assert event.fields["mcp.violation.type"] == "origin_not_allowed"


def test_a_request_that_is_too_large_is_a_violation(events):
    server = instrument(sdk())
    with serving(server.streamable_http_app(max_request_body_size=100)) as url:
        httpx2.post(f"{url}/mcp", json=INITIALIZE | {"x": "y" * 1000}, headers=ACCEPT)
    (event,) = events
    assert event.fields["http.response.status_code"] == 413
    assert event.fields["mcp.violation.type"] == "payload_too_large"


def test_a_limit_that_was_reached_is_recorded(events):
    async def limit(_request):
        return Response(status_code=429, headers={"retry-after": "30"})

    app = Starlette(routes=[Route("/mcp", limit, methods=["POST"])])
    with serving(audit_asgi(app)) as url:
        httpx2.post(f"{url}/mcp", json=modern("tools/call", ADD), headers=MODERN)
    (event,) = events
    assert event.type == "mcp_rate_limiting_events"
    assert event.fields["event.action"] == "rate-limit"
    assert event.fields["mcp.rate_limit.retry_after_s"] == 30.0
    assert event.fields["gen_ai.tool.name"] == "add"


@OPEN
def test_other_pages_and_what_is_not_there_leave_no_event(make, events):
    with serving(app_of(instrument(make()))) as url, httpx2.Client() as http:
        for path in ("/favicon.ico", "/.well-known/oauth-protected-resource", "/"):
            assert http.get(f"{url}{path}").status_code == 404
    assert list(events) == []


@GUARDED
def test_a_wrapper_around_an_instrumented_app_records_nothing_twice(make, events):
    inner = app_of(instrument(make()))
    app = Starlette(routes=[Mount("/api", inner)], lifespan=inner.router.lifespan_context)
    with serving(audit_asgi(app)) as url:
        assert httpx2.post(f"{url}/api/mcp", json=INITIALIZE, headers=ACCEPT).status_code == 401
    (event,) = events
    assert event.fields["url.path"] == "/api/mcp"


class Flow:
    """The OAuth flow of one client against FastMCP's own authorization server."""

    def __init__(self, url):
        self.http = httpx2.Client(base_url=url)
        self.verifier = "v" * 50
        self.client = {}

    def register(self):
        body = {
            "redirect_uris": ["http://127.0.0.1:1/back"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        }
        self.client = self.http.post("/register", json=body).json()

    def authorize(self):
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.client["client_id"],
            "redirect_uri": "http://127.0.0.1:1/back",
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
            "state": "st-17",
        }
        answer = self.http.get("/authorize", params=query)
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    def token(self, **form):
        form = {"client_id": self.client["client_id"], **form}
        return self.http.post("/token", data=form).json()

    def by_code(self, code):
        return self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri="http://127.0.0.1:1/back",
            code_verifier=self.verifier,
        )


@pytest.fixture
def flow():
    server = fastmcp.FastMCP(
        "shop",
        auth=InMemoryOAuthProvider(
            base_url="http://127.0.0.1:9",
            client_registration_options=ClientRegistrationOptions(enabled=True),
            revocation_options=RevocationOptions(enabled=True),
        ),
    )
    with serving(app_of(instrument(server))) as url:
        flow = Flow(url)
        with flow.http:
            yield flow


def test_an_oauth_flow_is_recorded_step_by_step(flow, events):
    flow.register()
    code = flow.authorize()
    tokens = flow.by_code(code)
    renewed = flow.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    flow.http.post(
        "/revoke", data={"client_id": flow.client["client_id"], "token": renewed["access_token"]}
    )
    wait_until(lambda: len(list(events)) == 5, 10, "each step is recorded")
    assert events.actions() == [
        "client-register",
        "oauth-authorize",
        "token-issue",
        "token-refresh",
        "token-revoke",
    ]
    by_action = {event.fields["event.action"]: event.fields for event in events}
    assert by_action["client-register"]["client_id"] == flow.client["client_id"]
    assert by_action["client-register"]["event.category"] == ["iam"]
    assert by_action["token-issue"]["client_id"] == flow.client["client_id"]
    assert by_action["token-issue"]["mcp.oauth.grant_type"] == "authorization_code"
    assert by_action["token-refresh"]["success"] is True
    secrets = [code, *tokens.values(), *renewed.values(), flow.verifier, "st-17"]
    secrets = [s for s in secrets if isinstance(s, str) and len(s) > 4 and s != "Bearer"]
    written = "".join(repr(dict(event.fields)) for event in events)
    assert len(secrets) >= 5
    assert [secret for secret in secrets if secret in written] == []


def test_a_code_that_is_not_known_is_a_failure_with_its_reason(flow, events):
    flow.register()
    flow.by_code("guessed")
    wait_until(lambda: len(list(events)) == 2, 10, "both steps are recorded")
    fields = list(events)[-1].fields
    assert fields["event.action"] == "token-issue"
    assert (fields["success"], fields["event.reason"]) == (False, "invalid_grant")
    assert "client_id" not in fields


def test_a_client_that_is_not_known_cannot_authorize(flow, events):
    flow.http.get("/authorize", params={"client_id": "ghost", "response_type": "code"})
    wait_until(lambda: list(events), 10, "the step is recorded")
    (event,) = events
    assert event.fields["event.action"] == "oauth-authorize"
    assert event.fields["success"] is False
