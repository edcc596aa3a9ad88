"""Texts that look random: the last resort behind words such as key, secret and token."""

import math
from collections import Counter

from shipper.secrets.lazy import lazy

#: Bits for each character: English has about 3.3 in names of this length, random base64 over 4.
_LEAST_BITS = 3.2
_LEAST_DISTINCT = 10
#: Random by nature, and no secret: UUID, digests in hexadecimal, times, versions, paths, hosts.
_PLAIN = lazy(
    r"""(?x)
    [0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}
    | [0-9a-f]{40} | [0-9a-f]{64} | [0-9a-f]{96} | [0-9a-f]{128} | [0-9._:/-]+ | sha[0-9]{3}-.+
    | /?(?:[\w-]+[/.])+ [a-z]{1,10} | (?:[a-z]+[_.-])* [a-z]+ [0-9]{0,4} | (?:[A-Z]+[_.-])* [A-Z]+
    | (?:[a-zA-Z]{3,}[0-9]{0,4}[_./-])+ [a-zA-Z0-9]{1,12} | [a-z]*(?:[A-Z][a-z]+[0-9]{0,2})*
    | [0-9]{4}-[0-9]{2}-[0-9]{2}T.*"""
)
#: Names in programs: words of letters, with at most two numbers among them.
_NAME = lazy(
    r"(?=[^0-9]*[0-9]{1,4}[^0-9]*(?:[0-9]{1,4}[^0-9]*)?\Z)"
    r"(?:[A-Z]{0,8}[a-z]{2,}|[A-Z]{2,}|[A-Z]{1,8}(?=[0-9])|[a-z](?=[0-9]{1,4}(?:[^0-9a-z]|\Z))|[0-9]|[._/:-])+"
)
_DIGIT = lazy("[0-9]")
_LETTER = lazy("[A-Za-z]")


def looks_random(text: str) -> bool:
    """Whether a word is made of letters and digits as chance would mix them."""
    if "=" in text.rstrip("="):
        text = text.partition("=")[2]
    if not _DIGIT.search(text) or not _LETTER.search(text) or _PLAIN.fullmatch(text):
        return False
    if _NAME.fullmatch(text):
        return False
    counts = Counter(text)
    if len(counts) < _LEAST_DISTINCT:
        return False
    size = len(text)
    bits = -sum(n / size * math.log2(n / size) for n in counts.values())
    return bits >= _LEAST_BITS
