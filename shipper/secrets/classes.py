"""The classes of a text's characters, in which searches for fixed bytes show what cannot be there."""

import string

_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_CLASSES = bytes.maketrans(_DIGITS + _LETTERS, b"0" * len(_DIGITS) + b"a" * len(_LETTERS))


def classes_of(text: str) -> bytes:
    """For each character `0` if it is a digit, `a` for a letter, `?` for one that is not ASCII.

    Other characters are unchanged.
    """
    return text.encode("ascii", "replace").translate(_CLASSES)
