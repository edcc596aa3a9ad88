"""Tokens with a form but no word in it that a search for literals could find."""

from collections.abc import Iterable, Iterator

from shipper.secrets.lazy import lazy
from shipper.secrets.spans import SURE, Span


def _behind(digits: Iterable[int]) -> str:
    """Before the bar stands a number of as many digits."""
    return "|".join(rf"(?<=(?<![\w|])[0-9]{{{count}}}\|)" for count in digits)


#: Each begins with one fixed character, which a search finds fastest: Discord's bots
#: (discord.com/developers), Mailgun's sending keys (documentation.mailgun.com), tokens of ngrok
#: (ngrok.com/docs), Okta (developer.okta.com), Ably (ably.com/docs), Ghost (ghost.org/docs), Laravel
#: (laravel.com/docs/sanctum) and Facebook's apps (developers.facebook.com/docs), and Bitcoin's keys.
_LOOSE = tuple(
    map(
        lazy,
        (
            r"\.(?:(?<=(?<![\w-])[MNO][\w-]{23}\.)|(?<=(?<![\w-])[MNO][\w-]{25}\.))[\w-]{6}\.[\w-]{27,}",
            r"-(?<=(?<![0-9a-f])[0-9a-f]{32}-)[0-9a-f]{8}-[0-9a-f]{8}(?![0-9a-f])",
            r"_(?<=(?<![\w-])[12][A-Za-z0-9]{26}_)[A-Za-z0-9]{20,22}(?![\w-])",
            r"00(?<![\w-]00)(?=[\w-]*[A-Z])(?=[\w-]*[g-z])(?=[\w-]*[1-9])[\w-]{40}(?![\w-])",
            r":(?<=(?<![\w.-])[\w-]{6}\.[\w-]{6}:)[\w-]{43}(?![\w-])",
            r":(?<=(?<![0-9a-f])[0-9a-f]{24}:)[0-9a-f]{64}(?![0-9a-f])",
            rf"\|(?:{_behind(range(1, 8))})[A-Za-z0-9]{{40,48}}(?![\w|])",
            rf"\|(?:{_behind((15, 16))})[\w-]{{24,27}}(?![\w-])",
            *(
                rf"{first}(?<![A-Za-z0-9+/]{first})[1-9A-HJ-NP-Za-km-z]{{50,51}}(?![A-Za-z0-9+/=])"
                for first in "KL5"
            ),
        ),
    )
)
#: Characters before the fixed one.
_BEFORE = lazy(r"[\w.-]*")
_MOST_BEFORE = 33


#: From each class to `w` if a token may have it; `?` stands for all that are not ASCII.
_WORDS = bytes.maketrans(b"0a_-?", b"wwwww")
#: Characters of the shortest such token, which has no dots.
LEAST_LOOSE = 42
_LONG = "w" * LEAST_LOOSE
_BEHIND_BAR = "w|" + "w" * 24


def may_be_loose(classes: bytes) -> bool:
    """Whether a text with these classes of characters can have such a token."""
    words = classes.translate(_WORDS).decode()  # a search in a `str` takes half the time
    return _LONG in words or ".wwwwww." in words or (b"|" in classes and _BEHIND_BAR in words)


def loose_in(text: str) -> Iterator[Span]:
    """Where such tokens stand in the text, if it `may_be_loose`."""
    for pattern in _LOOSE:
        for match in pattern.finditer(text):
            before = _BEFORE.match(text[max(0, match.start() - _MOST_BEFORE) : match.start()][::-1])
            width = before.end() if before and match[0][0] in ".-_:|" else 0
            yield Span(match.start() - width, match.end(), "[TOKEN]", SURE)
