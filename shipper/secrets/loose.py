"""Tokens with a form but no word in it that a search for literals could find."""

import re
import string
from collections.abc import Iterator

from shipper.secrets.spans import SURE, Span

#: Each begins with one fixed character, which a search finds fastest: Discord's bots
#: (discord.com/developers), Mailgun's sending keys (documentation.mailgun.com), Bitcoin's keys.
_LOOSE = tuple(
    map(
        re.compile,
        (
            r"\.(?:(?<=(?<![\w-])[MNO][\w-]{23}\.)|(?<=(?<![\w-])[MNO][\w-]{25}\.))[\w-]{6}\.[\w-]{27,}",
            r"-(?<=(?<![0-9a-f])[0-9a-f]{32}-)[0-9a-f]{8}-[0-9a-f]{8}(?![0-9a-f])",
            *(
                rf"{first}(?<![A-Za-z0-9+/]{first})[1-9A-HJ-NP-Za-km-z]{{50,51}}(?![A-Za-z0-9+/=])"
                for first in "KL5"
            ),
        ),
    )
)
#: Characters before the fixed one.
_BEFORE = re.compile(r"[\w-]*")
_MOST_BEFORE = 33


#: From each character to `w` if a token may have it; `?` stands for all that are not ASCII.
_CLASSES = bytes.maketrans(
    (string.digits + string.ascii_letters + "_-?").encode(), b"w" * (len(string.ascii_letters) + 13)
)
#: The least length of a token without dots.
_LEAST = 50


def may_be_loose(text: str) -> bool:
    """Whether a text can contain such a token; cheaper than a search for one."""
    classes = text.encode("ascii", "replace").translate(_CLASSES)
    return b"w" * _LEAST in classes or b".wwwwww." in classes


def loose_in(text: str) -> Iterator[Span]:
    """Where such tokens stand in the text."""
    if not may_be_loose(text):
        return
    for pattern in _LOOSE:
        for match in pattern.finditer(text):
            before = _BEFORE.match(text[max(0, match.start() - _MOST_BEFORE) : match.start()][::-1])
            width = before.end() if before and match[0][0] in ".-" else 0
            yield Span(match.start() - width, match.end(), "[TOKEN]", SURE)
