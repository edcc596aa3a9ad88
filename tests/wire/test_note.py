"""Signed notes and keys as text."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.wire.note import (
    Checkpoint,
    Note,
    PublicKey,
    Signature,
    parse_note,
    parse_private_key,
    parse_public_key,
    private_key_text,
)

NAMES = st.text("abcdefgh.-/0123", min_size=1)
HASHES = st.binary(min_size=32, max_size=32)
SIGNATURES = st.builds(
    Signature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)
NOTES = st.builds(
    Note,
    st.builds(Checkpoint, NAMES, st.integers(0, 10**18), HASHES),
    st.lists(SIGNATURES, min_size=1, max_size=3).map(tuple),
)


@given(note=NOTES)
def test_a_note_is_read_as_it_was_written(note):
    assert parse_note(str(note)) == note


@given(note=NOTES, data=st.data())
def test_any_other_text_of_the_same_note_is_refused(note, data):
    text = str(note)
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.sampled_from([" ", "\n", "\t", "0"])) + text[at:]
    with suppress(ValueError):
        assert parse_note(changed) != note


@pytest.mark.parametrize(
    "text", ["", "\n\n", "a\n1\nAA==\n\n", "a\n01\nAA==\n\n\N{EM DASH} a AAAA\n"]
)
def test_no_checkpoint_is_refused(text):
    with pytest.raises(ValueError, match=r"checkpoint|signature|note|padding"):
        parse_note(text)


@given(name=NAMES, seed=HASHES, key=HASHES)
def test_keys_are_read_as_they_were_written(name, seed, key):
    public = PublicKey(name, key)
    assert parse_public_key(str(public)) == public
    assert parse_public_key(str(public.cosigning())) == public.cosigning()
    assert parse_private_key(private_key_text(public, seed)) == (name, seed)


@pytest.mark.parametrize("text", ["", "a", "a+b", "a+b+c", "a+00000000+" + "A" * 44, "+x+y"])
def test_no_key_is_refused(text):
    with pytest.raises(ValueError, match="key"):
        parse_public_key(text)
