"""What OpenAPI describes is true: Schemathesis sends what it allows, and what it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.serving import TOKENS, configured, log, running

#: The values of formats that no JSON schema can describe.
HOOKS = """
import schemathesis
from hypothesis.strategies import sampled_from

queries = ["", "user.id : amara", "not mcp.client.id : bank", "event.outcome : (a or b)"]
schemathesis.openapi.format("kql", sampled_from(queries))
schemathesis.openapi.format("place", sampled_from(["e30"]))
"""
#: The fields of `event_data` depend on the type, which the description does not state.
SETTINGS = """
hooks = "hooks.py"

[[operations]]
include-path-regex = "^/v1/log_"
checks.positive_data_acceptance.enabled = false

# It takes null, which is allowed, for a text of a wrong format.
[[operations]]
include-path = "/v1/stream_events"
checks.negative_data_rejection.enabled = false
"""
SECONDS = 12


@pytest.mark.parametrize("who", TOKENS)
def test_schemathesis_finds_no_fault_with_the_token_of_each_role(tmp_path, who):
    (tmp_path / "hooks.py").write_text(HOOKS)
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    config = configured(tmp_path / "home", requests_per_minute=1_000_000)
    with running(config) as port:
        log(port)
        log(port, "bank")
        done = subprocess.run(
            [
                *(Path(sys.executable).parent / "schemathesis", "--no-color", "run"),
                *(f"http://127.0.0.1:{port}/openapi.json", "--max-time", str(SECONDS)),
                *("-H", f"Authorization: Bearer {TOKENS[who]}"),
                *("--exclude-path", "/v1/events", "--warnings", "off"),  # a stream has no end
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:]
