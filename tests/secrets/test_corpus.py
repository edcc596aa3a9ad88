"""The corpus is large, made up, and the same in every run."""

import re

from tests.secrets.cases import harmless_cases, secret_cases
from tests.secrets.recipes import Recipe


def test_it_holds_1500_secrets_and_600_harmless_texts():
    assert len(secret_cases()) >= 1500
    assert len(harmless_cases()) >= 600


def test_every_case_has_an_id_of_its_own_and_a_secret_that_is_in_its_payload():
    assert len({case.id for case in secret_cases()}) == len(secret_cases())
    for case in secret_cases():
        assert case.secrets, case.id
        assert all(len(secret) > 2 for secret in case.secrets), case.id


def test_every_recipe_is_made_up_to_its_end():
    left = re.compile(r"[«»\u2039\u203a]|\{(?:base62|hex|dig|low|pw|pwx|b64url|uuid)(?::[\d-]+)?\}")
    for case in [*secret_cases(), *harmless_cases()]:
        assert not left.search(str(case.payload)), case.id


def test_a_recipe_gives_the_same_text_in_every_run():
    assert Recipe("seed").text("{github:ghp_}") == Recipe("seed").text("{github:ghp_}")
    assert Recipe("seed").text("{github:ghp_}") != Recipe("other").text("{github:ghp_}")


def test_a_kept_value_is_repeated_in_another_spelling():
    plain, coded = Recipe("seed").text("{a=pwx} {a|hexed}").split(" ")
    assert bytes.fromhex(coded).decode() == plain
