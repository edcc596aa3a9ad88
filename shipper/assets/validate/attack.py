"""Checks the tactics and techniques of a rule against MITRE ATT&CK, as pinned in `attack.yml`."""

import re
from functools import cache
from importlib import resources
from typing import Any

import yaml

from shipper.assets.validate.fields import Findings

Json = dict[str, Any]

VERSIONS = "18.1 or 19"
_URL = "https://attack.mitre.org"


@cache
def _tactics() -> dict[str, tuple[list[str], frozenset[str]]]:
    """The names of each tactic, and the ids of its techniques and sub-techniques."""
    text = resources.files("shipper.assets.validate").joinpath("attack.yml").read_bytes()
    return {
        tactic: (row["names"], frozenset(row["techniques"].split()))
        for tactic, row in yaml.safe_load(text).items()
    }


def check(threat: Json) -> Findings:
    """Problems of one entry of a rule's `threat`."""
    if threat.get("framework") != "MITRE ATT&CK":
        yield "threat.framework must be MITRE ATT&CK, as Kibana 8.x requires; put others into tags"
        return
    tactic = threat.get("tactic", {})
    if tactic.get("id") not in _tactics():
        yield f"tactic {tactic.get('id')!r} is not a tactic of ATT&CK {VERSIONS}"
        return
    names, techniques = _tactics()[tactic["id"]]
    if tactic.get("name") not in names:
        yield f"tactic {tactic['id']} is {' or '.join(names)}, not {tactic.get('name')!r}"
    yield from _reference("tactics", tactic)
    for technique in threat.get("technique", ()):
        yield from _technique(technique, str(tactic["id"]), techniques)
        parent, dot, _ = str(technique.get("id")).partition(".")
        if dot:
            yield f"{technique['id']} is a sub-technique: name it below {parent}"
        for below in technique.get("subtechnique", ()):
            yield from _technique(below, str(tactic["id"]), techniques)
            if str(below.get("id")).partition(".")[0] != technique.get("id"):
                yield f"sub-technique {below.get('id')!r} is not one of {technique.get('id')}"


def _technique(technique: Json, tactic: str, techniques: frozenset[str]) -> Findings:
    name = technique.get("id")
    if not any(name in every for _, every in _tactics().values()):
        yield f"technique {name!r} is not a technique of ATT&CK {VERSIONS}"
    elif name not in techniques:
        under = ", ".join(other for other, (_, every) in _tactics().items() if name in every)
        yield f"technique {name} belongs to {under}, not to tactic {tactic}"
    else:
        yield from _reference("techniques", technique)


def _reference(kind: str, row: Json) -> Findings:
    right = f"{_URL}/{kind}/{str(row['id']).replace('.', '/')}/"
    if not re.fullmatch(f"{re.escape(right)}?", str(row.get("reference"))):
        yield f"the reference of {row['id']} must be {right}"
