"""Logstash's script masks what the record line masks, over the corpus of secrets."""

from tests.assets.corpus import by_ruby
from tests.secrets.faces import messages, of_document
from tests.secrets.measure import all_cases
from tests.secrets.scripts import differences, known


def test_ruby_and_the_record_differ_in_the_named_cases_only(ruby, tmp_path):
    results = by_ruby(ruby, [messages(case) for case in all_cases()], tmp_path)
    written = [of_document(result["event"]) for result in results]
    assert differences(written, tmp_path / "record") == known("ruby")
