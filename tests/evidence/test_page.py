"""docs/evidence.md: the example, and the rule by which a stranger verifies it."""

import hashlib
import json
import re
from pathlib import Path

from shipper.evidence.policy import Policy
from shipper.evidence.verdict import Word
from shipper.evidence.verify import Trust, verify
from tests.evidence.example import PAGES, recorded, shown

PAGE = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1].encode()


def names(value, outer=""):
    """The path of every member."""
    if isinstance(value, dict):
        return {path for name in value for path in names(value[name], f"{outer}.{name}")}
    return {outer}


def broken_lines(segment):
    """The page's paragraph, and nothing else: the numbers of the lines that do not follow."""
    found, previous = [], bytes(32)
    for number, line in enumerate(segment.splitlines(), 1):
        digest = hashlib.sha256(previous + line[:-76] + b"}}").digest()
        is_next = json.loads(line)["event"]["sequence"] == number
        if digest.hex().encode() != line[-67:-3] or not is_next:
            found.append(number)
        previous = bytes.fromhex(line[-67:-3].decode())
    return found


def test_the_example_is_what_the_handler_writes_today_and_readme_shows_its_call():
    """Otherwise: python -m tests.evidence.example."""
    example, today = EXAMPLE.decode().splitlines(), recorded()
    for shown_line, line in zip(example, today, strict=True):
        assert names(json.loads(shown_line)) == names(json.loads(line))
        assert json.loads(shown_line)["message"] == json.loads(line)["message"]
    assert shown(PAGES[0]) == [example[1]]


def test_the_example_holds_by_the_rule_in_the_page():
    assert broken_lines(EXAMPLE) == []
    for line in EXAMPLE.splitlines():
        assert f"`{line[-67:-59].decode()}…`" in PAGE


def test_a_changed_example_does_not_hold():
    assert broken_lines(EXAMPLE.replace(b'"limit":10', b'"limit":11')) == [2]


def test_verify_agrees_with_the_page(tmp_path):
    path = tmp_path / "example.jsonl"
    path.write_bytes(EXAMPLE)
    (verdict,) = verify([path], Trust(policy=Policy()))
    assert (verdict.word, verdict.events) == (Word.UNSIGNED_TAIL, 3)
    path.write_bytes(EXAMPLE.replace(b'"limit":10', b'"limit":11'))
    (verdict,) = verify([path], Trust(policy=Policy()))
    assert (verdict.word, verdict.line) == (Word.EDITED, 2)


def test_every_word_is_on_the_page():
    words = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert {word.value for word in Word} <= set(words)
