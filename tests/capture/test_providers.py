"""An authorization server that is wrapped: its steps with client, user and scopes."""

import time

import anyio
import httpx2
import pytest
from fastmcp.server.auth import OAuthProvider
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from mcp.server.auth.provider import AuthorizationCode, OAuthAuthorizationServerProvider, TokenError
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

import shipper
from shipper.capture import instrument
from tests.capture.http import ACCEPT, INITIALIZE, app_of, serving
from tests.capture.stacks import fast

CLIENT = OAuthClientInformationFull(client_id="agent", redirect_uris=["http://127.0.0.1:1/back"])
CODE = AuthorizationCode(
    code="code-17",
    scopes=["shop"],
    expires_at=time.time() + 60,
    client_id="agent",
    code_challenge="c" * 43,
    redirect_uri="http://127.0.0.1:1/back",
    redirect_uri_provided_explicitly=True,
    subject="ada",
)


class Provider(OAuthAuthorizationServerProvider):
    async def exchange_authorization_code(self, client, authorization_code):
        if authorization_code.subject != "ada":
            raise TokenError("invalid_grant", "not yours")
        return OAuthToken(access_token="access-17", expires_in=60, scope="shop more")

    async def load_access_token(self, token):
        return None


def test_a_step_of_a_wrapped_provider_names_client_user_and_scopes(events):
    provider = shipper.wrap_oauth_provider(Provider())
    made = anyio.run(provider.exchange_authorization_code, CLIENT, CODE)
    assert made.access_token == "access-17"
    (event,) = events
    assert event.type == "mcp_oauth2_token_usage"
    assert event.fields["event.action"] == "token-issue"
    assert (event.fields["client_id"], event.fields["user_id"]) == ("agent", "ada")
    assert event.fields["mcp.oauth.scopes.granted"] == ["shop", "more"]
    assert event.fields["mcp.oauth.token.hash"]
    shown = repr(dict(event.fields))
    assert "access-17" not in shown
    assert "code-17" not in shown


def test_a_step_that_a_wrapped_provider_refuses_is_a_failure_with_its_oauth_error(events):
    provider = shipper.wrap_oauth_provider(Provider())
    foreign = CODE.model_copy(update={"subject": "bob"})
    with pytest.raises(TokenError):
        anyio.run(provider.exchange_authorization_code, CLIENT, foreign)
    (event,) = events
    assert (event.fields["success"], event.fields["event.reason"]) == (False, "invalid_grant")


def test_an_access_token_that_a_wrapped_provider_does_not_know_is_a_failed_authentication(events):
    provider = shipper.wrap_oauth_provider(Provider())
    assert anyio.run(provider.load_access_token, "guessed-17") is None
    (event,) = events
    assert (event.type, event.fields["event.reason"]) == ("mcp_authentication_events", "unknown")
    assert "guessed-17" not in repr(dict(event.fields))


def flow(url):
    """Register, authorize, and exchange the code; the access token."""
    with httpx2.Client(base_url=url) as http:
        body = {
            "redirect_uris": ["http://127.0.0.1:1/back"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "shop",
        }
        client = http.post("/register", json=body).json()["client_id"]
        verifier = "v" * 50
        query = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": "http://127.0.0.1:1/back",
            "code_challenge": "CrlVwe1WSHWuTQYh3iczmx3aS-faRx6C92k9_hNxl4A",
            "code_challenge_method": "S256",
            "scope": "shop",
        }
        there = http.get("/authorize", params=query).headers["location"]
        code = httpx2.URL(there).params["code"]
        form = {
            "client_id": client,
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": "http://127.0.0.1:1/back",
        }
        return http.post("/token", data=form).json()["access_token"], client


def test_behind_a_watched_app_each_step_is_one_event_with_what_the_provider_knows(events):
    provider = InMemoryOAuthProvider(
        base_url="http://127.0.0.1:9",
        client_registration_options=ClientRegistrationOptions(enabled=True, valid_scopes=["shop"]),
        revocation_options=RevocationOptions(enabled=True),
    )
    assert isinstance(shipper.wrap_oauth_provider(provider), OAuthProvider)
    with serving(app_of(instrument(fast(auth=provider)))) as url:
        access, client = flow(url)
        headers = {**ACCEPT, "authorization": "Bearer guessed-17"}
        httpx2.post(f"{url}/mcp", json=INITIALIZE, headers=headers)
    assert events.actions() == [
        *("client-register", "oauth-authorize", "token-issue", "token-rejected")
    ]
    _, _, issued, rejected = events
    assert issued.fields["client_id"] == client
    assert issued.fields["mcp.oauth.scopes.granted"] == ["shop"]
    assert issued.fields["url.path"] == "/token"
    assert rejected.fields["event.reason"] == "unknown"
    assert access not in repr([dict(event.fields) for event in events])


def test_something_else_is_refused_with_what_it_takes():
    with pytest.raises(TypeError, match="OAuthAuthorizationServerProvider"):
        shipper.wrap_oauth_provider(object())
