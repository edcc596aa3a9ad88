"""Alerts that reach a web server or a command, once each, whatever else passes."""

import hmac
import json
import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shipper.config import from_mapping
from shipper.errors import ConfigError, Refused, Unavailable
from shipper.lines import Lines, Origin
from shipper.outputs.base import DELIVERED, Rejected
from shipper.outputs.command.config import CommandConfig
from shipper.outputs.command.output import Command
from shipper.outputs.secret import Secret
from shipper.outputs.webhook.config import RevocationConfig, WebhookConfig
from shipper.outputs.webhook.output import Webhook
from tests.detect.events import line

INDICATORS = {"user.id": "<!channel>", "explanation": "Denied.", "usual": "few", "seen": "many"}


def alert(sequence=1, severity=73, **fields):
    own = {
        "mcp__threat__rule": "privilege_escalation_attempts",
        "mcp__threat__indicators": INDICATORS,
        "rule__name": "MCP: privilege escalation",
        "event__severity": severity,
    }
    return line(sequence, "mcp.threats", **(own | fields))


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


WEAK = pem(ec.generate_private_key(ec.SECP384R1()))
OTHERS = [
    line(2, "mcp.tools"),
    line(3, "mcp.threats", mcp__threat__confidence=1, event__severity=99),
]


@contextmanager
def hook(*statuses):
    """A server that answers with these, and then with 200; what it got."""
    got, answers = [], [*statuses]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            got.append(
                (
                    self.path,
                    dict(self.headers),
                    self.rfile.read(int(self.headers["Content-Length"])),
                )
            )
            answer = answers.pop(0) if answers else 200
            status, body = answer if isinstance(answer, tuple) else (answer, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook/secret?x=1", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def posting(url, **settings):
    output = Webhook(WebhookConfig(url=Secret(url), **settings))
    try:
        yield output
    finally:
        output.close()


def test_a_webhook_gets_each_alert_and_nothing_else():
    with hook() as (url, got), posting(url, severity="medium") as output:
        found = output.send(Lines.of([alert(1), *OTHERS, alert(4, severity=21), alert(5)]))
        assert set(found) == {DELIVERED}
    assert [path for path, *_ in got] == ["/hook/secret?x=1"] * 2
    assert [json.loads(body)["event"]["id"] for *_, body in got] == ["s1-1", "s1-5"]


def test_a_line_that_is_not_of_an_audit_stream_is_not_posted():
    forged = Lines.of([alert(1)])
    with hook() as (url, got), posting(url) as output:
        output.send(Lines(forged.block, forged.ends, origins=[Origin(1, key="k")]))
    assert got == []


def test_a_body_is_signed_with_its_time():
    with hook() as (url, got), posting(url, secret=Secret("key")) as output:
        output.send(Lines.of([alert()]))
    [(_, headers, body)] = got
    at, _, digest = headers["X-MCP-Shipper-Signature"].removeprefix("t=").partition(",v1=")
    wanted = hmac.new(b"key", at.encode() + b"." + body, sha256).hexdigest()
    assert digest == wanted


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_server_that_cannot_answer_now_gets_the_alert_again(status):
    with hook(status) as (url, got), posting(url) as output:
        with pytest.raises(Unavailable, match=f"HTTP {status}") as caught:
            output.send(Lines.of([alert()]))
        assert output.send(Lines.of([alert()])) == [DELIVERED]
    assert len(got) == 2
    assert "secret" not in str(caught.value)


def test_a_wrong_address_is_for_a_person_and_a_body_that_is_refused_is_a_dead_letter():
    with hook(403, 422) as (url, _), posting(url) as output:
        with pytest.raises(Refused, match=r"check output\.webhook\.url"):
            output.send(Lines.of([alert()]))
        assert isinstance(output.send(Lines.of([alert()]))[0], Rejected)


def test_slack_and_teams_get_messages_without_signs_of_their_own():
    with hook() as (url, got):
        for form in ("slack", "teams"):
            with posting(url, format=form) as output:
                output.send(Lines.of([alert()]))
    slack, teams = (json.loads(body) for *_, body in got)
    assert slack["text"].startswith(":rotating_light: *high* MCP: privilege escalation (user.id ")
    assert "&lt;!channel&gt;" in slack["text"]
    assert "Usual: few. Seen: many." in slack["text"]
    [card] = teams["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["body"][0]["text"] == "high: MCP: privilege escalation"


def test_a_command_gets_each_alert_on_its_standard_input(tmp_path):
    script = f'cat > {tmp_path}/"$MCP_ALERT_ID"'
    output = Command(CommandConfig(run=("sh", "-c", script)))
    assert output.send(Lines.of([alert(1), *OTHERS])) == [DELIVERED] * 3
    [written] = tmp_path.iterdir()
    assert written.name == "s1-1"
    assert json.loads(written.read_bytes())["mcp"]["threat"]["indicators"] == INDICATORS


def test_the_exit_code_of_a_command_decides_the_outcome_of_the_alert():
    def ends(script, **settings):
        [found] = Command(CommandConfig(run=("sh", "-c", script), **settings)).send(
            Lines.of([alert()])
        )
        return found

    assert ends("exit 0") is DELIVERED
    assert ends("echo no pager >&2; exit 3") == Rejected("sh: exit 3 no pager")
    with pytest.raises(Unavailable, match="exit 75"):
        ends("exit 75")
    with pytest.raises(Unavailable, match="not finished after"):
        ends("sleep 20", timeout_s=0.05)
    with pytest.raises(Refused, match="no such program"):
        Command(CommandConfig(run=("no-such-program",))).send(Lines.of([alert()]))


def test_actions_are_outputs_of_a_configuration_and_hide_their_secrets():
    config = from_mapping(
        {
            "output": {
                "webhook": {"url": "https://hooks.example/T0/secret", "format": "slack"},
                "command": {"run": ["/usr/bin/page", "--now"], "severity": "critical"},
            }
        }
    )
    assert config.outputs["command"].run == ("/usr/bin/page", "--now")
    assert "hooks.example" not in repr(config.outputs["webhook"])


def revocation(key, **settings):
    """What a receiver agreed on with the operator."""
    about = {"issuer": "https://shipper.example", "audience": "https://idp.example", "key_id": "1"}
    return RevocationConfig(rules=("privilege_escalation_attempts",), key=key, **about | settings)


KEYS = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_an_alert_about_a_user_becomes_a_signed_token_that_ends_their_sessions(algorithm):
    key = KEYS[algorithm]()
    with hook(202) as (url, got):
        settings = {"format": "caep", "revocation": revocation(pem(key))}
        with posting(url, **settings) as output:
            assert output.send(Lines.of([alert(user__id="mallory"), *OTHERS])) == [DELIVERED] * 3
    [(_, headers, body)] = got
    assert headers["Content-Type"] == "application/secevent+jwt"
    token = body.decode()
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "secevent+jwt", "kid": "1"}
    claims = jwt.decode(
        *(token, key.public_key(), [algorithm]),
        issuer="https://shipper.example",
        audience="https://idp.example",
    )
    assert claims["jti"] == "s1-1"
    assert claims["sub_id"] == {"format": "opaque", "id": "mallory"}
    [(kind, about)] = claims["events"].items()
    assert kind.endswith("/caep/event-type/session-revoked")
    assert about["event_timestamp"] == claims["iat"]
    assert about["reason_admin"]["en"].startswith("MCP: privilege escalation")


def test_alerts_that_are_not_chosen_or_about_no_user_end_no_session():
    key = pem(ed25519.Ed25519PrivateKey.generate())
    lines = Lines.of([alert(1), alert(2, user__id="m", mcp__threat__rule="unusual_call_rate")])
    settings = {"format": "caep", "revocation": revocation(key)}
    with hook() as (url, got), posting(url, **settings) as output:
        assert output.send(lines) == [DELIVERED] * 2
    assert got == []


def test_a_token_that_a_receiver_does_not_accept_is_kept_until_the_fault_is_corrected():
    key = pem(ed25519.Ed25519PrivateKey.generate())
    held, at_fault = (400, b'{"err":"invalid_key"}'), (400, b'{"err":"invalid_request"}')
    with hook(held, 503, at_fault) as (url, got):
        settings = {"format": "caep", "revocation": revocation(key, subject_issuer="https://i.x")}
        with posting(url, **settings) as output:
            lines = Lines.of([alert(user__id="mallory")])
            with pytest.raises(Refused, match=r"invalid_key.*output\.webhook\.revocation"):
                output.send(lines)
            with pytest.raises(Unavailable):
                output.send(lines)
            assert isinstance(output.send(lines)[0], Rejected)
            assert output.send(lines) == [DELIVERED]
    tokens = {body for *_, body in got}
    assert len(tokens) == 1  # the receiver knows it by its id
    claims = jwt.decode(tokens.pop(), options={"verify_signature": False})
    assert claims["sub_id"] == {"format": "iss_sub", "iss": "https://i.x", "sub": "mallory"}


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({}, "is required"),
        ({"revocation": revocation("/no/such")}, "No such file"),
        ({"revocation": revocation("-----BEGIN nothing")}, "not an unencrypted private key"),
        ({"revocation": revocation(WEAK)}, "2048 bits"),
    ],
)
def test_a_key_that_cannot_sign_is_an_error_of_the_configuration(settings, what):
    with pytest.raises(ConfigError, match=what):
        Webhook(WebhookConfig(url=Secret("https://x.example"), format="caep", **settings))


def test_a_misspelt_alert_that_is_to_end_sessions_is_an_error_with_the_nearest_name():
    about = {"rules": ["session_taken_ower"], "issuer": "i", "audience": "a", "key": "k"}
    webhook = {"url": "https://x.example", "format": "caep", "revocation": about}
    with pytest.raises(ConfigError, match="did you mean 'session_taken_over'"):
        from_mapping({"output": {"webhook": webhook}})
