"""Refusals where others put layers around an app, copied its routes or serve pages beside it."""

import re
from urllib.parse import parse_qs, urlsplit

import anyio
import fastmcp
import httpx2
import pytest
from fastmcp.server.auth import OAuthProxy
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from key_value.aio.stores.memory import MemoryStore
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from shipper.capture import audit_asgi, instrument
from tests.capture.http import (
    ACCEPT,
    ADD,
    GUARDED,
    INITIALIZE,
    ISSUER,
    MODERN,
    OPEN,
    FastVerifier,
    app_of,
    modern,
    serving,
)
from tests.capture.stacks import STACKS, connect, fast, sdk, swallow
from tests.real.processes import wait_until

JSON = {"content-type": "application/json"}
EVERY = pytest.mark.parametrize("make", STACKS.values(), ids=STACKS)


async def page(_request):
    return PlainTextResponse("hello")


def copied(app):
    """The way of servers that add pages of their own: the routes and nothing else."""
    return Starlette(
        routes=[*app.routes, Route("/health", page)], lifespan=app.router.lifespan_context
    )


def copied_endpoints(app):
    """What FastAPI's `include_router` does: routes of its own around the same endpoints."""
    routes = [
        Route(route.path, route.endpoint, methods=route.methods)
        for route in app.routes
        if isinstance(route, Route)
    ]
    return Starlette(routes=routes, lifespan=app.router.lifespan_context)


def mounted(app):
    return Starlette(
        routes=[Mount("/api", routes=app.routes)], lifespan=app.router.lifespan_context
    )


PLACES = pytest.mark.parametrize(
    ("place", "prefix"), [(copied, ""), (copied_endpoints, ""), (mounted, "/api")]
)


@GUARDED
@PLACES
def test_a_missing_token_is_recorded_where_routes_are_copied(make, place, prefix, events):
    with serving(place(app_of(instrument(make())))) as url:
        answer = httpx2.post(f"{url}{prefix}/mcp", json=INITIALIZE, headers=ACCEPT)
        assert answer.status_code == 401
    (event,) = events
    assert event.fields["event.action"] == "token-rejected"
    assert event.fields["event.reason"] == "missing"
    assert event.fields["url.path"] == f"{prefix}/mcp"


@GUARDED
@PLACES
def test_a_missing_scope_is_recorded_where_routes_are_copied(make, place, prefix, events):
    app = place(app_of(instrument(make())))
    app.add_middleware(AuthContextMiddleware)
    app.add_middleware(AuthenticationMiddleware, backend=BearerAuthBackend(FastVerifier()))
    headers = {**ACCEPT, "authorization": "Bearer narrow-1"}
    with serving(app) as url:
        assert httpx2.post(f"{url}{prefix}/mcp", json={}, headers=headers).status_code == 403
    (event,) = events
    assert event.type == "mcp_authorization_decisions"
    assert event.fields["user_id"] == "ada"


@OPEN
@PLACES
@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        ("malformed_json", {"content": b"{", "headers": JSON | MODERN}),
        ("header_mismatch", {"json": modern("tools/call", {"name": "x"}), "headers": MODERN}),
        ("not_acceptable", {"json": INITIALIZE, "headers": {"accept": "text/html"}}),
        ("unknown_session", {"json": INITIALIZE, "headers": {**ACCEPT, "mcp-session-id": "x"}}),
    ],
)
def test_refusals_are_recorded_where_routes_are_copied(make, place, prefix, kind, request_, events):
    with serving(place(app_of(instrument(make())))) as url:
        httpx2.post(f"{url}{prefix}/mcp", **request_)
    (event,) = events
    assert event.fields["mcp.violation.type"] == kind


@GUARDED
@pytest.mark.parametrize("place", [copied, mounted])
def test_a_method_that_a_copied_route_does_not_allow_is_recorded(place, make, events):
    app = app_of(instrument(make()))
    for route in app.routes:
        if getattr(route, "path", None) == "/mcp":
            route.methods = {"POST"}
    with serving(place(app)) as url:
        for prefix in ("", "/api"):
            httpx2.put(f"{url}{prefix}/mcp", headers=MODERN)
    (event,) = events
    assert event.fields["mcp.violation.type"] == "method_not_allowed"


@OPEN
@PLACES
def test_calls_through_copied_routes_are_recorded_once(make, place, prefix, events):
    with serving(place(app_of(instrument(make())))) as url:
        httpx2.post(f"{url}{prefix}/mcp", json=modern("tools/call", ADD), headers=MODERN)
    assert len(events.of("tools/call")) == 1
    assert len(list(events)) == 1


class ApiKey:
    """A key in a header, and a limit: the usual middleware of somebody else's."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        given = dict(scope.get("headers", ())).get(b"x-api-key")
        status = {None: 401, b"wrong": 401, b"often": 429}.get(given, 200)
        if scope["type"] != "http" or status == 200:
            await self.app(scope, receive, send)
        else:
            await PlainTextResponse("no", status)(scope, receive, send)


@OPEN
@pytest.mark.parametrize(
    ("key", "action", "reason"),
    [
        ({}, "token-rejected", "missing"),
        ({"x-api-key": "wrong"}, "token-rejected", "unknown"),
        ({"x-api-key": "often"}, "rate-limit", None),
    ],
)
def test_middleware_that_is_added_later_is_seen(make, key, action, reason, events):
    app = app_of(instrument(make()))
    app.add_middleware(ApiKey)
    with serving(app) as url:
        httpx2.post(f"{url}/mcp", json=INITIALIZE, headers={**ACCEPT, **key})
        httpx2.get(f"{url}/elsewhere", headers=key)
    (event,) = events
    assert event.fields["event.action"] == action
    assert event.fields.get("event.reason") == reason


class Guarded(fastmcp.FastMCP):
    """A server whose app has somebody else's layer around it."""

    def http_app(self, **options):
        return ApiKey(super().http_app(**options))


def test_a_layer_that_an_overridden_method_puts_around_the_app_is_seen(events):
    app = app_of(instrument(Guarded("shop")))
    assert isinstance(app.app, ApiKey)
    with serving(app) as url:
        httpx2.post(f"{url}/mcp", json=INITIALIZE, headers={**ACCEPT, "x-api-key": "wrong"})
        httpx2.post(f"{url}/mcp", content=b"{", headers={**JSON, **MODERN, "x-api-key": "right"})
    assert [event.fields["http.response.status_code"] for event in events] == [401, 400]


async def deny(ctx, call_next):
    if ctx.method == "tools/call":
        raise MCPError(-32001, "not today")
    return await call_next(ctx)


def put_first(low):
    low.middleware.insert(0, deny)


def put_in_place_of_all(low):
    low.middleware[:] = [deny]


def clear(low):
    low.middleware.clear()
    low.middleware.append(deny)


def replace(low):
    low.middleware = [deny]


@EVERY
@pytest.mark.parametrize("put", [put_first, put_in_place_of_all, clear, replace])
def test_middleware_put_before_capture_is_seen(make, put, events):
    server = instrument(make())
    put(low_level(server))

    async def main():
        async with connect(server, "2026-07-28") as client:
            await swallow(client.session.call_tool("add", {"a": 1, "b": 2}))

    anyio.run(main)
    fields = events.only("tools/call")
    assert (fields["success"], fields["error.message"]) == (False, "not today")


def low_level(server):
    for name in ("_mcp_server", "_lowlevel_server"):
        server = getattr(server, name, None) or server
    return server


def with_oauth(**options):
    provider = InMemoryOAuthProvider(
        base_url="http://127.0.0.1:9",
        client_registration_options=ClientRegistrationOptions(enabled=True, **options),
        revocation_options=RevocationOptions(enabled=True),
    )
    return fastmcp.FastMCP("shop", auth=provider)


def registered(http, prefix, method="none"):
    body = {
        "redirect_uris": ["http://127.0.0.1:1/back"],
        "token_endpoint_auth_method": method,
        "grant_types": ["authorization_code", "refresh_token"],
    }
    return http.post(f"{prefix}/register", json=body).json()["client_id"]


def under_a_wrapper(app):
    outer = Starlette(routes=[Mount("/api", app)], lifespan=app.router.lifespan_context)
    return audit_asgi(outer)


def instrumented(server):
    return app_of(instrument(server))


@pytest.mark.parametrize(
    ("make_app", "place"),
    [(instrumented, under_a_wrapper), (instrumented, mounted), (app_of, under_a_wrapper)],
)
def test_a_mounted_token_endpoint_keeps_its_grant_and_client(make_app, place, events):
    app = place(make_app(with_oauth()))
    with serving(app) as url, httpx2.Client(base_url=url) as http:
        client = registered(http, "/api")
        form = {"client_id": client, "grant_type": "refresh_token", "refresh_token": "guessed"}
        http.post("/api/token", data=form)
    wait_until(lambda: len(list(events)) == 2, 10, "both steps are recorded")
    registration, refresh = events
    assert registration.fields["client_id"] == client
    assert refresh.fields["event.action"] == "token-refresh"
    assert refresh.fields["mcp.oauth.grant_type"] == "refresh_token"


def sdk_with_oauth():
    options = ClientRegistrationOptions(enabled=True)
    settings = AuthSettings(
        issuer_url="http://127.0.0.1:9",
        resource_server_url=None,
        client_registration_options=options,
        revocation_options=RevocationOptions(enabled=True),
    )
    provider = InMemoryOAuthProvider(
        base_url="http://127.0.0.1:9", client_registration_options=options
    )
    return sdk(auth=settings, auth_server_provider=provider)


@pytest.mark.parametrize("make", [with_oauth, sdk_with_oauth])
@pytest.mark.parametrize("endpoint", ["token", "revoke"])
def test_a_wrong_client_secret_is_a_failed_authentication(make, endpoint, events):
    app = app_of(instrument(make()))
    with serving(app) as url, httpx2.Client(base_url=url) as http:
        client = registered(http, "", "client_secret_post")
        form = {"client_id": client, "client_secret": "guess-17", "token": "x", "code": "y"}
        form |= {"grant_type": "authorization_code", "code_verifier": "v" * 50}
        for _ in range(5):
            assert http.post(f"/{endpoint}", data=form).status_code == 401
    failed = [event for event in events if event.fields["success"] is False]
    assert [event.type for event in failed] == ["mcp_authentication_events"] * 5
    assert {event.fields["url.path"] for event in failed} == {f"/{endpoint}"}
    assert all(event.fields["event.reason"] for event in failed)
    assert "guess-17" not in repr([dict(event.fields) for event in failed])


@pytest.mark.parametrize(("key", "reason"), [({}, None), ({"x-api-key": "often"}, "rate_limited")])
def test_a_limit_or_a_refusal_in_front_of_the_token_endpoint_is_a_failure(key, reason, events):
    """Whoever guesses secrets must not vanish from the record for being slowed down."""
    app = app_of(instrument(with_oauth()))
    app.add_middleware(ApiKey)
    with serving(app) as url:
        httpx2.post(f"{url}/token", data={"client_id": "x"}, headers=key)
    (event,) = events
    assert event.type == "mcp_authentication_events"
    assert event.fields["event.action"] == "token-issue"
    assert (event.fields["success"], event.fields.get("event.reason")) == (False, reason)


async def upstream(request):
    """The provider's own endpoint for tokens."""
    await request.body()
    about = {"access_token": "upstream-token-17", "token_type": "bearer", "expires_in": 60}
    return JSONResponse(about | {"scope": "shop"})


@pytest.fixture
def provider():
    """The URL of an identity provider that gives everybody a token."""
    with serving(Starlette(routes=[Route("/token", upstream, methods=["POST"])])) as url:
        yield url


@pytest.fixture
def proxied(events, provider):
    """A client that asks an OAuth proxy for consent, and the consent's id."""
    proxy = OAuthProxy(
        upstream_authorization_endpoint=f"{provider}/authorize",
        upstream_token_endpoint=f"{provider}/token",
        upstream_client_id="shop",
        upstream_client_secret="upstream-secret-17",
        token_verifier=FastVerifier(),
        base_url="http://127.0.0.1:9",
        jwt_signing_key="k" * 40,
        client_storage=MemoryStore(),  # its files are left open
    )
    app = app_of(instrument(fastmcp.FastMCP("shop", auth=proxy)))
    with serving(app) as url, httpx2.Client(base_url=url) as http:
        client = registered(http, "")
        query = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": "http://127.0.0.1:1/back",
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
            "state": "st-17",
        }
        answer = http.get("/authorize", params=query)
        yield http, parse_qs(urlsplit(answer.headers["location"]).query)["txn_id"][0]


def asked_for_consent(http, txn):
    page = http.get("/consent", params={"txn_id": txn})
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    return {"txn_id": txn, "csrf_token": token}, page.cookies


@pytest.mark.parametrize(
    ("action", "success", "reason"), [("approve", True, None), ("deny", False, "access_denied")]
)
def test_the_users_consent_is_recorded(action, success, reason, proxied, events):
    http, txn = proxied
    form, _ = asked_for_consent(http, txn)
    http.post("/consent", data={**form, "action": action})
    wait_until(lambda: len(list(events)) == 4, 10, "each step is recorded")
    _, asked, shown, consent = events
    assert (asked.fields.get("success"), asked.fields["event.reason"]) == (None, "redirected")
    assert (shown.fields.get("success"), shown.fields["event.reason"]) == (None, "shown")
    assert consent.type == "mcp_authentication_events"
    assert consent.fields["event.action"] == "oauth-consent"
    assert (consent.fields["success"], consent.fields.get("event.reason")) == (success, reason)


def test_a_callback_with_the_code_of_the_provider_is_a_success(proxied, events):
    http, txn = proxied
    form, _ = asked_for_consent(http, txn)
    sent_on = http.post("/consent", data={**form, "action": "approve"}).headers["location"]
    state = parse_qs(urlsplit(sent_on).query)["state"][0]
    back = http.get("/auth/callback", params={"code": "upstream-code-17", "state": state})
    assert back.headers["location"].startswith("http://127.0.0.1:1/back?code=")
    wait_until(lambda: len(list(events)) == 5, 10, "each step is recorded")
    callback = list(events)[-1]
    assert (callback.fields["event.action"], callback.fields["success"]) == ("oauth-callback", True)
    assert not {"upstream-code-17", "upstream-token-17"} & set(repr(callback.fields).split("'"))


def test_a_login_that_failed_at_the_provider_is_recorded(proxied, events):
    http, _ = proxied
    http.get("/auth/callback", params={"error": "access_denied", "state": "guessed-18"})
    wait_until(lambda: len(list(events)) == 3, 10, "each step is recorded")
    callback = list(events)[-1]
    assert callback.fields["event.action"] == "oauth-callback"
    assert callback.fields["success"] is False
    assert "guessed-18" not in repr(dict(callback.fields))


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [("GET", "/auth/callback", "oauth-callback"), ("POST", "/consent", "oauth-consent")],
)
def test_a_forged_state_is_a_failure(method, path, action, proxied, events):
    http, _ = proxied
    forged = {"code": "guessed-19", "state": "guessed-18", "txn_id": "guessed-18"}
    http.request(method, path, params=forged, data=None if method == "GET" else forged)
    wait_until(lambda: len(list(events)) == 3, 10, "each step is recorded")
    step = list(events)[-1]
    assert step.fields["event.action"] == action
    assert (step.fields["success"], step.fields["event.reason"]) == (False, "invalid_state")
    assert "guessed" not in repr(dict(step.fields))


async def basic(_request):
    return PlainTextResponse("no", 401, {"www-authenticate": "Basic realm=admin"})


async def bearer(_request):
    return PlainTextResponse("no", 401, {"www-authenticate": "Bearer"})


async def csrf(_request):
    return PlainTextResponse("no", 403)


async def bad(_request):
    return PlainTextResponse("no", 400)


async def issued(request):
    await request.body()
    return JSONResponse({"access_token": "x", "token_type": "bearer"})


PAGES = [
    Route("/register", page, methods=["GET", "POST"]),
    Route("/authorize", page),
    Route("/token", issued, methods=["POST"]),
    Route("/revoke", bad, methods=["POST"]),
    Route("/admin", basic),
    Route("/users/me", bearer),
    Route("/form", csrf, methods=["POST"]),
    Route("/login", bad, methods=["POST"]),
]
VISITS = [
    *(("GET", path) for path in ("/register", "/authorize", "/admin", "/users/me", "/gone")),
    *(("POST", path) for path in ("/register", "/token", "/revoke", "/form", "/login", "/gone")),
    *(("HEAD", path) for path in ("/register", "/token")),
    *(("DELETE", path) for path in ("/register", "/token")),
]


def beside_pages(server):
    app = app_of(server)
    return Starlette(routes=[*PAGES, Mount("/tools", app)], lifespan=app.router.lifespan_context)


def pages_of_the_server(server):
    for route in PAGES:
        server.custom_route(route.path, methods=sorted(route.methods))(route.endpoint)
    return app_of(server)


@pytest.mark.parametrize("build", [beside_pages, pages_of_the_server])
@pytest.mark.parametrize("wrap", [audit_asgi, lambda app: app])
def test_other_peoples_pages_leave_no_event(build, wrap, events):
    with serving(wrap(build(instrument(fast())))) as url, httpx2.Client(base_url=url) as http:
        for method, path in VISITS:
            http.request(method, path)
    assert list(events) == []


def test_endpoints_that_an_apps_own_metadata_names_are_oauths(events):
    async def metadata(_request):
        at = "https://shop.example/oauth"
        return JSONResponse({"issuer": at, "token_endpoint": f"{at}/mint"})

    routes = [
        *PAGES,
        Route("/.well-known/oauth-authorization-server", metadata),
        Route("/oauth/mint", issued, methods=["POST"]),
    ]
    with serving(audit_asgi(Starlette(routes=routes))) as url, httpx2.Client(base_url=url) as http:
        http.get("/.well-known/oauth-authorization-server")
        http.post("/oauth/mint", data={"grant_type": "client_credentials", "client_id": "robot"})
        http.post("/token", data={"grant_type": "password"})
    (event,) = events
    assert event.fields["event.action"] == "token-issue"
    assert event.fields["client_id"] == "robot"


class Outage(Exception):
    """The identity provider does not answer."""


class BrokenVerifier(FastVerifier):
    async def verify_token(self, token):
        raise Outage("no answer for " + token)


def sdk_that_cannot_verify():
    settings = AuthSettings(issuer_url=ISSUER, resource_server_url=None)
    return sdk(auth=settings, token_verifier=BrokenVerifier())


def fast_that_cannot_verify():
    return fast(auth=BrokenVerifier())


@pytest.mark.parametrize("make", [sdk_that_cannot_verify, fast_that_cannot_verify])
@pytest.mark.parametrize("later", [[], [Middleware(ApiKey)]])
def test_a_verifier_that_raises_is_a_failed_authentication(make, later, events):
    app = app_of(instrument(make()))
    for layer in later:
        app.add_middleware(layer.cls)
    headers = {**ACCEPT, "authorization": "Bearer secret-77", "x-api-key": "right"}
    with serving(app) as url:
        assert httpx2.post(f"{url}/mcp", json=INITIALIZE, headers=headers).status_code == 500
    (event,) = events
    assert event.type == "mcp_authentication_events"
    assert event.fields["event.action"] == "token-rejected"
    assert event.fields["success"] is False
    assert event.fields["error.type"] == "Outage"
    assert event.fields["http.response.status_code"] == 500
    assert "secret-77" not in repr(dict(event.fields))
