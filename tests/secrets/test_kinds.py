"""Each row of the tables masks its examples, and nothing of its counterexamples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.secrets.kinds import VENDOR_KINDS
from shipper.secrets.masker import KINDS, masker
from shipper.secrets.shapes import SHAPES

#: Without `~` in them, examples would look real enough to be refused by scanners of code.
EXAMPLES = [
    *(
        (kind, hit.replace("~", ""))
        for kind in KINDS
        if kind not in VENDOR_KINDS
        for hit in kind.examples
    ),
    *((kind, hit) for kind in VENDOR_KINDS for hit in kind.examples),
]


def kinds_in(text):
    return {span.token[1:-1].lower() for span in masker().spans(text)}


@pytest.mark.parametrize(("kind", "text"), EXAMPLES, ids=[kind.name for kind, _ in EXAMPLES])
def test_an_example_is_masked(kind, text):
    assert kind.group in kinds_in(f"x {text} y")


@pytest.mark.parametrize("kind", VENDOR_KINDS, ids=lambda kind: kind.name)
def test_the_beginning_of_a_token_is_no_token(kind):
    assert [text for text in kind.misses if "token" in kinds_in(text)] == []


@pytest.mark.parametrize("kind", SHAPES, ids=lambda kind: kind.name)
def test_a_counterexample_stays(kind):
    assert [text for text in kind.misses if kinds_in(text)] == []


def test_every_kind_has_a_name_of_its_own_and_gates_in_lower_case():
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert [kind.name for kind in KINDS if any(gate != gate.lower() for gate in kind.gates)] == []


#: In each, SECRET stands for the secret.
SECRET = "Zx81jsKq02mmA1"
DOCUMENTS = (
    "password: |\n  SECRET\nx: 1",
    "a:\n  password:\n    SECRET\nb: 1",
    "- name: DB_PASSWORD\n  value: SECRET",
    '<add key="DbPassword" value="SECRET"/>',
    'password: str = "SECRET"',
    '.setPassword("SECRET")',
    "token = '''\nSECRET\n'''",
    "name,password\nbob,SECRET\n",
    "| user | password |\n|---|---|\n| bob | SECRET |\n",
    "**Password:** SECRET",
    "INSERT INTO users (name, password) VALUES ('bob', 'SECRET')",
    "kind: Secret\ndata:\n  foo: SECRET\n",
    "Ocp-Apim-Subscription-Key: SECRET",
    "export OPENAI_KEY='SECRET'",
    "Passwort: SECRET",
    "mot de passe : SECRET",
    "contraseña: SECRET",
    "パスワード：SECRET",
    "密码是SECRET",
    "пароль: SECRET",
    "password%3DSECRET",
    "pass&#119;ord=SECRET",
    "pass\u200bword=SECRET",
    "ｐａｓｓｗｏｒｄ：SECRET",
    "pass\x00word=SECRET",
    "\x1b[1mpassword\x1b[0m=SECRET",
    '("X-Api-Key", "SECRET")',
    "Our Okta token is now SECRETabcdef9Q",
    "password=SECRET\r\n",
)


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_secret_is_found_in_any_notation(text):
    masked = masker().mask(text.replace("SECRET", SECRET), lambda *_: None)
    assert SECRET not in masked


@pytest.mark.parametrize(
    "text",
    [
        "react@18.2.0 and @types/node@20.11.5",
        "git@github.com:acme/x",
        '"password": null',
        "password = var.db_password",
        "PASSWORD=${DB_PASSWORD}",
        "secrets://root",
        "key: 123e4567-e89b-12d3-a456-426614174000",
        "token 3f786850e387550fdab836ed7e6dc881de23001b",
        "cursor: eyJpZCI6MTIzNDU2fQ",
        "docker run -u 1000:1000 image",
        "assert token == expected",
        "map key: customer_id",
        "API_KEY=your_api_key_here",
    ],
)
def test_a_harmless_text_stays(text):
    assert masker().mask(text, lambda *_: None) == text


@given(st.binary(min_size=16, max_size=64))
def test_no_part_of_a_hash_is_a_card_or_a_bank_account(digest):
    for text in (digest.hex(), digest.hex().upper()):
        if not text.isdigit():
            assert kinds_in(text).isdisjoint({"card", "iban"})
