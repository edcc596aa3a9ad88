"""All texts of an event are searched together, and each has the secrets that it has alone."""

from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.secrets.masker import KINDS, masker, replaced
from shipper.secrets.spans import Span

#: Ten times what 64 KiB take, so that a loaded machine fails no test.
SLOW_S = 0.02
#: Numbers, what looks like one, and what stands between them.
_PIECES = (
    *("4111 1111 1111 1111", "4111.1111.1111.1111", "0.4111111111111111", "4111111111111111"),
    *("DE89370400440532013000", "de89 3704 0044 0532 0130 00", "529.982.247-25", "123-45-6789"),
    *("123.45.6789", "+49 30 1234567", "0049 30 1234567", "(212) 555-1234", "212-555-1234"),
    *("1764000000000", "3.14159265358979", "10.0.0.12", "5d108cf259302639", "2026-11-24"),
    *("c2VjcmV0IHBhc3N3b3JkPWh1bnRlcjI=", "0.", "00", "x", "é", "%41", "\\", "&#65;"),
    *(" ", "-", ".", "+", "/", "(", "\n", "password=hunter22", "://", "bob@example.com"),
)
_TEXTS = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)


def alone(texts):
    return {text: spans for text in texts if (spans := masker().spans(text))}


@settings(max_examples=300)
@given(st.lists(_TEXTS, max_size=6))
def test_a_text_has_the_same_secrets_alone_and_among_others(texts):
    assert masker().found_in(texts) == alone(texts)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_secret_is_found_at_the_end_of_a_text_that_another_follows(kind):
    for example in kind.examples:
        texts = ["before", example if kind.form else example.replace("~", ""), "after"]
        assert [*masker().found_in(texts)] == texts[1:2]
        assert masker().found_in(texts) == alone(texts)


@pytest.mark.parametrize(
    "number",
    [
        *("4111 1111 1111 1111", "4111.1111.1111.1111", "4111  1111  1111  1111"),
        *("DE89370400440532013000", "de89 3704 0044 0532 0130 00", "529.982.247-25"),
        *("123-45-6789", "123.45.6789", "+49 30 1234567", "+1.5551234567", "0049 30 1234567"),
        *("(212) 555-1234", "212.555.1234", "0049 301234567"),
    ],
)
def test_every_form_of_a_number_is_found_beside_fractions_and_identifiers(number):
    texts = ["0.39482349642317", "5d108cf259302639", f"n = 0.39482349642317 or {number}", "x"]
    assert [*masker().found_in(texts)] == [texts[2]]


def test_a_number_beside_the_decimals_of_a_fraction_is_found():
    for text in ("0.1234567890 4111111111111111", "1.2345678901.4111111111111111"):
        assert masker().found_in([text, "0.39482349642317"]) == alone([text])
    assert masker().spans("0.1234567890 4111111111111111")


def test_heads_of_bank_accounts_beyond_the_work_are_cut_with_the_rest_of_their_text():
    heads, account = "IT12 " * 50, "DE89370400440532013000"
    found = masker().found_in(["see below", heads, account, "x"], 40)
    assert [(span.end, span.token) for span in found[heads]] == [(len(heads), "[CUT]")]
    assert [span.token for span in found[account]] == ["[CUT]"]
    assert len(found) == 2
    assert [span.token for span in masker().found_in([account], 40)[account]] == ["[IBAN]"]


def test_names_of_secrets_beyond_the_work_are_cut_with_the_rest_of_their_text():
    names, clean = "password=hunter22 " * 50, "the quick brown fox"
    found = masker().found_in([clean, names, "token=hunter23"], 100)
    assert found[names][-1].token == "[CUT]"
    assert found[names][-1].end == len(names)
    assert 5 < len(found[names]) < 50
    assert "hunter" not in replaced(names, found[names], lambda _kind, _count: None)
    assert [span.token for span in found["token=hunter23"]] == ["[CUT]"]
    assert clean not in found


def test_codes_beyond_the_work_are_cut_from_the_word_where_they_begin():
    said = "ACTION REQUIRED: password=hunter22 sign in at "
    text = said + "https://accounts.example/auth?scope=" + "a%20b" * 200
    found = masker().found_in([text], 40)
    masked = replaced(text, found[text], lambda _kind, _count: None)
    assert masked == "ACTION REQUIRED: password=[PASSWORD] sign in at [CUT]"


def test_no_text_of_an_event_takes_longer_than_its_work():
    pieces = ("password= ", "DE89 ", "a@b.example ", "%41", "4 5 ", "sk-a ", "key: |\n ", "<<<<")
    for piece in pieces:
        texts = [f"{number} {piece * 2000}"[:2024] for number in range(32)]
        start = thread_time()
        found = masker().found_in(texts, 450)
        assert thread_time() - start < SLOW_S, piece
        spans = [found.get(text, [Span(0, 0, "")])[-1] for text in texts]
        assert spans[-1].token in {"[CUT]", ""}


def test_many_short_numbers_hide_no_card():
    text = f"{'4 5 ' * 50}4111 1111 1111 1111{' 7 8' * 50}"
    assert [span.token for span in masker().spans(text)] == ["[CARD]"]
