"""Recipes of made-up secrets: a committed file holds `ghp_{base62:36}` and never a token.

`{maker:argument}` becomes made-up text, `{x=maker}` also keeps it for a later `{x}`, and
`{x|filter}` changes it. `{say:x}` is `x`, so that scanners of a repository find nothing here.
Single angle quotes change a longer text: a filter, `|` and the text stand between them. `«…»` marks
a secret. Braces around an unknown word are ordinary text. The same seed gives the same text.
"""

import random
import re

from tests.secrets.filters import FILTERS, outside_marks
from tests.secrets.makers import MAKERS

_BRACES = re.compile(r"\{(?:(\w+)=)?([a-z]\w*)(?::([^{}|]*))?((?:\|[a-z]\w*)*)\}")
_WRAPPED = re.compile(r"\u2039([a-z]\w*)\|([^\u2039\u203a]*)\u203a")
_MARKED = re.compile("«([^»]*)»")


class Recipe:
    """The random source and the kept values of one case."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._kept = {}

    def text(self, recipe):
        """The recipe made up, marks included."""
        text = _BRACES.sub(self._made, recipe)
        while _WRAPPED.search(text):
            text = _WRAPPED.sub(lambda found: outside_marks(*found.groups()), text)
        return text

    def _made(self, found):
        keep, word, argument, filters = found.groups()
        if word in self._kept:
            value = self._kept[word]
        elif word in MAKERS:
            value = MAKERS[word](self._random, *([] if argument is None else [argument]))
        else:
            return found[0]
        for name in filters.split("|")[1:]:
            value = FILTERS[name](value)
        if keep:
            self._kept[keep] = value
        return value


def unmarked(text):
    return text.replace("«", "").replace("»", "")


def marked(text):
    """The secrets of a made-up text."""
    return _MARKED.findall(text)
