"""Under what authority a request was made, by the token that the server verified."""

import httpx2
import pytest

from shipper.capture import instrument
from shipper.capture.identity import token_holder
from tests.capture.http import ACCEPT, INITIALIZE, app_of, serving
from tests.capture.stacks import fast
from tests.capture.test_verifiers import AUDIENCE, token, verifier

ACT = {"sub": "agent-7", "act": {"sub": "planner", "act": {"client_id": "portal"}}}


def events_of(presented, events):
    with serving(app_of(instrument(fast(auth=verifier())))) as url:
        headers = {**ACCEPT, "authorization": f"Bearer {presented}"}
        assert httpx2.post(f"{url}/mcp", json=INITIALIZE, headers=headers).status_code == 200
    (event,) = events
    return event.fields


def test_an_event_shows_what_its_token_allows_and_who_acts_for_the_user(events):
    fields = events_of(token(exp=4102444800, act=ACT), events)
    assert fields["user_id"] == "ada"
    assert fields["mcp.oauth.scopes.granted"] == ["shop"]
    assert fields["mcp.oauth.audience"] == [AUDIENCE]
    assert fields["mcp.oauth.token.expires_at"] == "2100-01-01T00:00:00+00:00"
    assert fields["mcp.auth.delegation.actors"] == ["agent-7", "planner", "portal"]
    assert len(fields["mcp.auth.token.hash"]) == 32
    assert "id-17" not in repr(dict(fields))


def test_a_chain_of_actors_is_cut_and_says_so(events):
    act = {"sub": "last"}
    for number in range(50):
        act = {"sub": f"agent-{number}", "act": act}
    fields = events_of(token(act=act), events)
    assert len(fields["mcp.auth.delegation.actors"]) == 8
    assert fields["mcp.auth.delegation.truncated"] is True


class Holder:
    """A user of the SDK's, with a token whose verifier gave it odd values."""

    def __init__(self, **values):
        self.access_token = type("Token", (), {"client_id": "agent", **values})


@pytest.mark.parametrize(
    "values",
    [
        {"claims": {"act": "nobody", "aud": 7, "jti": {}}},
        {"claims": {"act": {"act": {"act": 3}}}, "expires_at": 1e300, "scopes": "one two"},
        {"claims": None, "scopes": None, "expires_at": "soon", "resource": object()},
    ],
)
def test_odd_values_of_a_verifier_break_nothing(values):
    assert token_holder({"user": Holder(**values)}).user == "agent"


def test_without_a_token_there_is_no_authority(events):
    with serving(app_of(instrument(fast()))) as url:
        httpx2.post(f"{url}/mcp", json=INITIALIZE, headers=ACCEPT)
    (event,) = events
    assert not [name for name in event.fields if name.startswith("mcp.oauth")]
