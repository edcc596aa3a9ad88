"""The page at `/`, in a real browser: what each role sees, and where its token goes."""

import json
from http.client import HTTPConnection

import pytest

from shipper.config import from_mapping
from shipper.lines import Lines
from shipper.outputs import OUTPUTS
from tests.api.serving import CLIENTS, TOKENS, log, running
from tests.conftest import real
from tests.detect.events import failed_login
from tests.real.browser import Browser

HOSTILE = "<img src=x onerror=document.title='run'><script>document.title='run'</script>"


@pytest.fixture(scope="module")
def browser():
    with real(Browser) as started:
        yield started


@pytest.fixture
def config(tmp_path):
    monitored = {"real_time_alerts": ["multiple_authentication_failures"]}
    return from_mapping(
        {
            "path": {"home": str(tmp_path)},
            "api": {"port": 0, "clients": CLIENTS},
            "output": {"file": {"path": str(tmp_path / "out")}},
            "security_monitoring": monitored,
        }
    )


@pytest.fixture
def port(config):
    with running(config) as port:
        yield port


@pytest.fixture(autouse=True)
def away(browser, port):
    """Leave the page before its server stops, which would wait for the stream of events."""
    yield
    browser.open("about:blank")


def raise_alert(config):
    config.data.mkdir(parents=True, exist_ok=True)
    output = OUTPUTS["alerts"].create(config.outputs["alerts"])
    output.send(Lines.of([failed_login(n, n) for n in range(1, 9)]))
    output.close()


def enter(browser, port, who, **window):
    browser.problems.clear()
    browser.requests.clear()
    browser.open("about:blank")
    browser.open(f"http://127.0.0.1:{port}/", **window)
    browser.type("#token", TOKENS.get(who, who))
    browser.click("#enter button")


def sections(browser):
    shown = "[...document.querySelectorAll('main section')].filter(one => !one.hidden)"
    return set(browser.run(f"{shown}.map(one => one.id)"))


def follows(browser):
    browser.wait("document.querySelector('#live').textContent.includes('new ones')")


def test_without_a_token_the_page_has_no_data_and_asks_for_nothing(browser, port):
    log(port)
    browser.requests.clear()
    browser.open(f"http://127.0.0.1:{port}/")
    assert browser.run("document.querySelector('#main').hidden")
    assert sections(browser) == set()
    paths = {url.split("/", 3)[3] for url in browser.requests}
    assert paths <= {"", "page.css", "page.js", "favicon.ico"}


def test_an_auditor_sees_the_state_the_alerts_and_the_events(browser, port, config):
    raise_alert(config)
    log(port)
    enter(browser, port, "otto")
    follows(browser)
    assert sections(browser) == {
        *("status", "outputs", "record", "verification", "alerts", "events")
    }
    assert "file" in browser.text("#outputs table")
    assert "stopped" in browser.text("#outputs table")
    assert "203.0.113.9" in browser.text("#alerts table")
    assert "amara" in browser.text("#events table")
    assert "for 90 days" in browser.text("#record")
    assert browser.problems == []


def test_new_events_appear_by_themselves(browser, port):
    enter(browser, port, "otto")
    follows(browser)
    log(port, user_id="wilhelmina")
    browser.wait("document.querySelector('#events table')?.innerText.includes('wilhelmina')")


def test_the_record_is_verified_on_request_and_the_result_stays(browser, port, tmp_path):
    log(port)
    enter(browser, port, "ann")
    browser.wait(
        "document.querySelector('#verification .state').innerText.includes('not verified')"
    )
    browser.click("#verification button")
    browser.wait("document.querySelector('#verification table')")
    assert "unsigned-tail" in browser.text("#verification table")
    browser.wait("document.querySelector('#verification .state .good')")
    [segment] = (tmp_path / "audit").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b"amara", b"other"))
    browser.click("#verification button")
    browser.wait("document.querySelector('#verification .mark.bad')")
    assert "edited" in browser.text("#verification table")


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("app", {"status"}),
        ("tess", {"status", "alerts", "events"}),
        ("ann", {"status", "outputs", "record", "verification", "alerts", "events"}),
    ],
)
def test_each_role_sees_what_it_may_and_causes_no_refusal(browser, port, who, seen, tmp_path):
    log(port)
    log(port, "bank", user_id="bankers")
    enter(browser, port, who)
    browser.wait("!document.querySelector('#status').hidden")
    if who != "app":
        follows(browser)
        assert ("bankers" in browser.text("#events")) is (who == "ann")
    assert sections(browser) == seen
    assert browser.problems == []
    own = (tmp_path / "data" / "audit").glob("*.jsonl")
    assert "api-refused" not in "".join(path.read_text() for path in own)


def test_a_wrong_token_is_refused_and_nothing_is_shown(browser, port):
    enter(browser, port, "nobody-with-a-token-of-forty-characters")
    browser.wait("!document.querySelector('#problem').hidden")
    assert "token is missing or unknown" in browser.text("#problem")
    assert browser.run("document.querySelector('#main').hidden")


def test_the_token_is_in_the_memory_of_the_page_alone(browser, port):
    log(port)
    enter(browser, port, "otto")
    follows(browser)
    kept = browser.run("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert kept == '[{},{},""]'
    assert TOKENS["otto"] not in browser.run("document.documentElement.outerHTML")
    assert browser.run("document.querySelector('#token').value") == ""
    assert not any(TOKENS["otto"] in url for url in browser.requests)
    assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in browser.requests)
    browser.click("#leave")
    assert browser.run("document.querySelector('#main').hidden")
    assert "amara" not in browser.run("document.documentElement.outerHTML")
    enter(browser, port, "")
    assert browser.run("document.querySelector('#main').hidden")


def test_texts_of_the_record_are_shown_as_texts(browser, port):
    log(port, user_id=HOSTILE)
    enter(browser, port, "otto")
    follows(browser)
    log(port, user_id=HOSTILE)
    browser.wait("document.querySelectorAll('#events tbody tr').length > 2")
    assert HOSTILE[:20] in browser.text("#events")
    assert browser.run("document.title") == "mcp-shipper"
    assert browser.run("document.querySelectorAll('main img, main script').length") == 0


def test_the_page_fits_a_narrow_window(browser, port):
    log(port)
    enter(browser, port, "otto", width=390)
    follows(browser)
    assert browser.run("document.documentElement.scrollWidth") <= 390


def test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline(port):
    for name in ("", "page.css", "page.js"):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", f"/{name}")
        answer = connection.getresponse()
        text = answer.read().decode()
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "://" not in text
        connection.close()


def test_the_client_of_a_token_and_its_operations_are_answered(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/v1/client", headers={"Authorization": f"Bearer {TOKENS['app']}"})
    assert json.loads(connection.getresponse().read()) == {
        "name": "app",
        "role": "writer",
        "operations": ["get_status", "log_audit_event", "log_audit_events"],
    }
    connection.close()
