"""Python's patterns in the dialects of Ruby and of Java."""

import subprocess

import pytest

from shipper.assets.generate.dialects import ruby as in_ruby


@pytest.mark.parametrize(
    ("pattern", "rendered"),
    [
        (r"[ab]{0,3}+c", r"(?>[ab]{0,3})c"),
        (r"(?:a|b){0,48}+c", r"(?>(?:a|b){0,48})c"),
        (r"((?:[)]|x){2}+y){1,3}+z", r"(?>((?>(?:[)]|x){2})y){1,3})z"),
        (r"(?P<name>a)(?P=name)", r"(?<name>a)\k<name>"),
    ],
)
def test_a_possessive_repetition_is_atomic_in_ruby(pattern, rendered):
    assert in_ruby(pattern) == rendered


def test_a_possessive_group_does_not_run_away_in_ruby(ruby):
    pattern = in_ruby(r"(?:(?!x)[\w-]){0,48}+!")
    code = f"exit('{'a' * 60}'.match?(Regexp.new('{pattern}')) ? 1 : 0)"
    assert subprocess.run([ruby, "-e", code], check=False, timeout=10).returncode == 0
