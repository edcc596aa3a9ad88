"""Logstash's script makes the same events on the Ruby versions of Logstash 8.3 and 8.9."""

from functools import partial

import pytest

from shipper.assets.generate.foreign import in_ruby
from shipper.catalog import Scope, builtin
from tests.assets.corpus import SHIM, by_ruby, cases
from tests.conftest import real
from tests.real.jruby import VERSIONS, jruby_path
from tests.real.ruby import run_ruby
from tests.secrets.faces import messages
from tests.secrets.measure import all_cases

LINES = [
    *(case["message"] for case in cases("calls")),
    *(case["event"] for case in cases("gateways")),
]


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: f"Logstash {version}")
def jruby(request):
    with real(partial(jruby_path, VERSIONS[request.param])) as path:
        yield path


def test_the_script_runs_its_own_tests_and_makes_the_same_events(jruby, ruby, tmp_path):
    script = tmp_path / "mcp_normalise.rb"
    script.write_text(in_ruby(builtin(), Scope()), encoding="ascii")
    done = run_ruby(jruby, SHIM, script, "test")
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"6 tests\n")
    _assert_same_events(jruby, ruby, LINES, tmp_path)


def test_the_script_masks_the_corpus_of_secrets_alike(jruby, ruby, tmp_path):
    _assert_same_events(jruby, ruby, [messages(case) for case in all_cases()], tmp_path)


def _assert_same_events(jruby, ruby, lines, folder):
    here, there = by_ruby(jruby, lines, folder), by_ruby(ruby, lines, folder)
    for line, ours, theirs in zip(lines, there, here, strict=True):
        if "time" not in line:  # without one, it is the current time
            theirs["event"]["@timestamp"] = ours["event"]["@timestamp"]
        assert theirs == ours
