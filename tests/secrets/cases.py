"""The corpus as cases: a payload of made-up text and the secrets in it.

An id is the class and the place in its file: new entries go to the end of a list.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests.secrets.recipes import Recipe, marked, unmarked

_HERE = Path(__file__).parent
#: Where a text stands, in turn: as an argument under a name that says nothing, or as a result.
_PLACES = ("text", "result", "content", "result", "input", "result", "command", "result", "output")
#: Names of arguments that say nothing about their value.
NEUTRAL = frozenset(_PLACES) - {"result"}
#: Surroundings of a token alone. A word as "token" in one would make another case of it.
_CARRIERS = (
    "{secret}",
    "use {secret} for staging",
    "line 1\n{secret}\nline 3",
    "deployed with {secret}, see the log",
    '{"value": "{secret}", "count": 3}',
    "- item: {secret}",
    "2026-11-24 08:30:00 INFO client started ({secret})",
    "const c = new Client('{secret}')",
    "run --with {secret} --verbose",
    "| a | {secret} |",
    "Hi, I put {secret} into the ticket.",
    "SELECT '{secret}'",
    "x={secret};",
    "<v>{secret}</v>",
)


@dataclass(frozen=True)
class Case:
    """`arguments`, `result` or both; without secrets it is harmless.

    It has a form if a reader who knows the vendors could see that a secret stands there.
    """

    id: str
    kind: str
    payload: dict
    secrets: tuple = ()
    has_form: bool = True


@cache
def secret_cases():
    """The cases with secrets, of all classes."""
    return [case for path in sorted(_HERE.glob("corpus/*.yml")) for case in cases_of(path)]


@cache
def harmless_cases():
    """The cases without secrets."""
    corpus = read(_HERE / "harmless.yml")
    entries = [
        _filled(carrier, {"{value}": value, "{json}": json.dumps(value)[1:-1]})
        for value in corpus["values"].values()
        for carrier in corpus["carriers"]
    ]
    entries += [{"arguments": {name: value}} for name, value in corpus["names"].items()]
    entries += corpus["texts"]
    return texts_of(entries)


def texts_of(entries):
    """Harmless cases of texts and payloads."""
    return [_case("harmless", at, entry) for at, entry in enumerate(entries)]


def read(path):
    """A file of a corpus."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def cases_of(path):
    """The cases of one file: of one class."""
    corpus = read(path)
    kind = corpus["class"]
    fair = [*map(_named, *_numbered(corpus.get("names", "").split())), *_entries(corpus, "fair")]
    for at, entry in enumerate(fair):
        yield _case(kind, at, entry)
    for at, entry in enumerate(_entries(corpus, "unfair"), len(fair)):
        yield _case(kind, at, entry, has_form=False)


def _numbered(entries):
    return range(len(entries)), entries


def _named(at, name):
    """A value under a name: in arguments, deeper in them, or in a result."""
    value = {name: "«{pw}»"}
    payloads = (
        {"arguments": {"id": 7, **value}},
        {"arguments": {"config": {"host": "db", **value}}},
        {"result": {"id": 7, **value}},
    )
    return payloads[at % len(payloads)]


def _entries(corpus, key):
    """A list as it is; tokens by name in as many surroundings as `carried` states."""
    entries = corpus.get(key, [])
    if isinstance(entries, list):
        return entries
    return [
        _filled(_CARRIERS[(at * 5 + turn * 3) % len(_CARRIERS)], {"{secret}": _token(recipe)})
        for turn in range(corpus["carried"])
        for at, recipe in enumerate(entries.values())
    ]


def _token(recipe):
    return recipe if "«" in recipe else f"«{recipe}»"


def _filled(entry, values):
    """The entry with each name replaced in all its texts."""
    if isinstance(entry, str):
        for name, value in values.items():
            entry = entry.replace(name, value)
        return entry
    return _mapped(entry, lambda text: _filled(text, values))


def _mapped(value, change):
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(one, change) for one in value]
    if isinstance(value, dict):
        return {change(str(key)): _mapped(one, change) for key, one in value.items()}
    return value


def _case(kind, at, entry, *, has_form=True):
    name = f"{kind} {at + 1}"
    payload = entry if isinstance(entry, dict) else _placed(entry, at)
    recipe, found = Recipe(f"{kind}: {json.dumps(entry)}"), []

    def made(text):
        full = recipe.text(text)
        found.extend(marked(full))
        return unmarked(full)

    return Case(name, kind, _mapped(payload, made), tuple(found), has_form)


def _placed(text, at):
    place = _PLACES[at % len(_PLACES)]
    return {"result": text} if place == "result" else {"arguments": {place: text}}
