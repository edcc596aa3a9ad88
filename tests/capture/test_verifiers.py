"""Why a token was refused: real verifiers, behind real servers, and on their own."""

import dataclasses
import time

import anyio
import fastmcp
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastmcp.server.auth import MultiAuth
from fastmcp.server.auth.providers.jwt import JWTVerifier
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings

import shipper
from shipper.capture import instrument
from tests.capture.http import ACCEPT, INITIALIZE, ISSUER, SCOPE, FastVerifier, app_of, serving
from tests.capture.stacks import fast, sdk

AUDIENCE = "https://shop.example/mcp"
OURS, THEIRS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
PUBLIC = OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
GOOD = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "client_id": "agent", "scope": SCOPE}


def token(key=OURS, algorithm="RS256", **claims):
    about = {**GOOD, "exp": time.time() + 60, "jti": "id-17", **claims}
    return jwt.encode(about, key, algorithm)


def verifier():
    expected = {"issuer": ISSUER, "audience": AUDIENCE, "required_scopes": [SCOPE]}
    return JWTVerifier(public_key=PUBLIC, **expected)


REFUSED = {
    "expired": {"exp": 1},
    "not_yet_valid": {"nbf": time.time() + 9999},
    "wrong_issuer": {"iss": "https://evil.example"},
    "wrong_audience": {"aud": "https://other.example"},
    "insufficient_scope": {"scope": "other"},
    "bad_signature": {"key": THEIRS},
}


def refusal(make, presented, events):
    """The one event that a request with this token leaves."""
    with serving(app_of(instrument(make()))) as url:
        headers = {**ACCEPT, "authorization": f"Bearer {presented}"}
        answer = httpx2.post(f"{url}/mcp", json=INITIALIZE, headers=headers)
    (event,) = events
    assert event.type == "mcp_authentication_events"
    assert event.fields["event.action"] == "token-rejected"
    assert event.fields["success"] is False
    assert event.fields["http.response.status_code"] == answer.status_code
    assert event.fields["source_ip"] == "127.0.0.1"
    assert presented not in repr(event)
    return event.fields


@pytest.mark.parametrize(("reason", "claims"), REFUSED.items(), ids=REFUSED)
def test_a_wrapped_verifier_of_jwts_shows_why_it_refused(reason, claims, events):
    def make():
        return fast(auth=shipper.wrap_token_verifier(verifier()))

    fields = refusal(make, token(**claims), events)
    assert fields["event.reason"] == reason
    assert fields["mcp.auth.claimed.subject"] == "ada"
    assert "user_id" not in fields


def test_a_forged_token_that_has_also_expired_is_forged(events):
    def make():
        return fast(auth=shipper.wrap_token_verifier(verifier()))

    assert refusal(make, token(THEIRS, exp=1), events)["event.reason"] == "bad_signature"


def test_a_token_signed_in_a_way_that_was_not_agreed_is_forged(events):
    def make():
        return fast(auth=shipper.wrap_token_verifier(verifier()))

    presented = token("s" * 32, "HS256")
    assert refusal(make, presented, events)["event.reason"] == "bad_signature"


def test_something_else_than_a_jwt_is_malformed(events):
    def make():
        return fast(auth=shipper.wrap_token_verifier(verifier()))

    assert refusal(make, "opaque-17", events)["event.reason"] == "malformed"


def test_keys_that_cannot_be_fetched_are_no_fault_of_the_token(events):
    def make():
        keys = "http://127.0.0.1:9/keys"
        return fast(auth=shipper.wrap_token_verifier(JWTVerifier(jwks_uri=keys)))

    assert refusal(make, token(), events)["event.reason"] == "not_verified"


class Verifier(TokenVerifier):
    """One of an application: it explains nothing."""

    def __init__(self, given=None, error=None):
        self.given, self.error = given, error

    async def verify_token(self, token):
        if self.error:
            raise self.error
        return self.given and AccessToken(token=token, client_id="agent", scopes=[], **self.given)


def sdk_with(**options):
    settings = AuthSettings(
        issuer_url=ISSUER, resource_server_url=AUDIENCE, validate_token_resource=True
    )
    wrapped = shipper.wrap_token_verifier(Verifier(**options))
    return lambda: sdk(auth=settings, token_verifier=wrapped)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "unknown"),
        ({"given": {"expires_at": 1, "resource": AUDIENCE}}, "expired"),
        ({"given": {"resource": "https://other.example"}}, "wrong_audience"),
        ({"error": LookupError("no answer")}, "not_verified"),
    ],
)
def test_the_reason_of_a_verifier_of_the_sdk(options, reason, events):
    fields = refusal(sdk_with(**options), "opaque-17", events)
    assert fields["event.reason"] == reason
    assert fields.get("error.type") == ("LookupError" if "error" in options else None)


def test_an_expired_jwt_says_so_to_any_verifier(events):
    assert refusal(sdk_with(), token(exp=1), events)["event.reason"] == "expired"


def test_an_accepted_token_leaves_no_event_of_its_own(events):
    server = fast(auth=shipper.wrap_token_verifier(verifier()))
    with serving(app_of(instrument(server))) as url:
        headers = {**ACCEPT, "authorization": f"Bearer {token()}"}
        assert httpx2.post(f"{url}/mcp", json=INITIALIZE, headers=headers).status_code == 200
    assert events.actions() == ["session-initialize"]


def test_a_verifier_without_a_watched_app_has_its_own_event(events):
    wrapped = shipper.wrap_token_verifier(verifier())
    assert anyio.run(wrapped.verify_token, token(exp=1)) is None
    (event,) = events
    assert event.fields["event.reason"] == "expired"
    assert event.fields["mcp.auth.claimed.token.hash"]


def test_a_wrapped_verifier_is_the_same_object_and_answers_the_same():
    mine = verifier()
    assert shipper.wrap_token_verifier(shipper.wrap_token_verifier(mine)) is mine
    assert isinstance(mine, JWTVerifier)
    assert anyio.run(mine.verify_token, token()).subject == "ada"
    failing = shipper.wrap_token_verifier(Verifier(error=LookupError("down")))
    with pytest.raises(LookupError, match="down"):
        anyio.run(failing.verify_token, "x")


@dataclasses.dataclass(frozen=True)
class Frozen:
    accepted: str

    async def verify_token(self, token):
        return None


def test_a_verifier_that_is_frozen_can_be_wrapped(events):
    anyio.run(shipper.wrap_token_verifier(Frozen("ada-1")).verify_token, "guessed-17")
    assert events.actions() == ["token-rejected"]


def test_a_token_that_a_second_verifier_accepts_is_not_refused(events):
    both = MultiAuth(verifiers=[shipper.wrap_token_verifier(verifier()), FastVerifier()])
    with serving(app_of(instrument(fast(auth=both)))) as url:
        headers = {**ACCEPT, "authorization": "Bearer ada-1"}
        assert httpx2.post(f"{url}/mcp", json=INITIALIZE, headers=headers).status_code == 200
    assert events.actions() == ["session-initialize"]


def test_something_without_verify_token_is_refused_with_what_it_takes():
    with pytest.raises(TypeError, match="object with verify_token"):
        shipper.wrap_token_verifier(fastmcp)
