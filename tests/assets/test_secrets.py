"""Logstash's script masks what the record line masks, over the corpus of secrets."""

import json

from shipper.assets.generate.foreign import in_ruby
from shipper.catalog import Scope, overlaid
from tests.assets.corpus import SHIM, by_ruby
from tests.real.ruby import run_ruby
from tests.secrets.faces import messages, of_document
from tests.secrets.measure import all_cases
from tests.secrets.scripts import differences, known
from tests.secrets.test_own import ARGUMENTS, MASKED, OWN


def test_ruby_and_the_record_differ_in_the_named_cases_only(ruby, tmp_path):
    results = by_ruby(ruby, [messages(case) for case in all_cases()], tmp_path)
    written = [of_document(result["event"]) for result in results]
    assert differences(written, tmp_path / "record") == known("ruby")


def test_the_logstash_script_masks_own_kinds_and_names(ruby, tmp_path):
    script = tmp_path / "mcp_normalise.rb"
    script.write_text(in_ruby(overlaid({"secrets": OWN}), Scope()), encoding="ascii")
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    message["params"] = {"name": "t", "arguments": ARGUMENTS}
    done = run_ruby(ruby, SHIM, script, "filter", given=json.dumps(message).encode())
    written = json.loads(done.stdout)["event"]["gen_ai"]["tool"]["call"]["arguments"]
    # The script does not know what is allowed.
    assert written == {**MASKED, "note": MASKED["note"].replace("EMP-000000", "[EMPLOYEE]")}
