"""Ways to tamper with the documents of one stream, each with the words that fit what was done.

A tampering gets the documents in order of their sequences, those of another stream, and the dice.
It returns the documents as they are afterwards, by their places in the list; None stands for one
that is gone, and more than were there are new.
"""

import copy

from shipper.evidence.verdict import Word
from shipper.record.format import canonical
from shipper.record.seal import GENESIS, seal, unseal


def _changed(document, **more):
    made = copy.deepcopy(document)
    made["process"]["pid"] += 1
    return made | more


def _sealed(document, before):
    """The document with the hash that fits."""
    line, _ = seal(unseal(canonical(document))[0], before)
    made = copy.deepcopy(document)
    made["event"]["hash"] = line[-67:-3].decode()
    return made


def _head(documents, at):
    """The hash before a document."""
    return bytes.fromhex(documents[at - 1]["event"]["hash"]) if at else GENESIS


def edit(documents, _other, dice):
    """A value is changed."""
    at = dice.randrange(len(documents))
    return {at: _changed(documents[at])}, {Word.EDITED}


def add_a_field(documents, _other, dice):
    """A member is added that no pipeline adds."""
    at = dice.randrange(len(documents))
    return {at: {**documents[at], "labels": {"reviewed": "yes"}}}, {Word.EDITED}


def edit_the_text(documents, _other, dice):
    """A letter of the summary is changed."""
    at = dice.randrange(len(documents))
    made = copy.deepcopy(documents[at])
    made["message"] = made["message"].replace(":", ";", 1)
    return {at: made}, {Word.EDITED}


def edit_and_seal(documents, _other, dice):
    """A value is changed, and the hash of the document fits."""
    at = dice.randrange(len(documents))
    return {at: _sealed(_changed(documents[at]), _head(documents, at))}, {Word.EDITED}


def write_again(documents, _other, dice):
    """A value is changed, and all hashes after it fit."""
    start, made = dice.randrange(len(documents)), list(documents)
    made[start] = _changed(made[start])
    for at in range(start, len(made)):
        made[at] = _sealed(made[at], _head(made, at))
    return dict(enumerate(made[start:], start)), {Word.EDITED}


def delete(documents, _other, dice):
    """Some documents are gone."""
    at = dice.randrange(len(documents) - 1)
    count = min(dice.randint(1, 4), len(documents) - 1 - at)
    return dict.fromkeys(range(at, at + count)), {Word.MISSING}


def cut(documents, _other, dice):
    """The last documents are gone."""
    at = dice.randrange(1, len(documents))
    return dict.fromkeys(range(at, len(documents))), {Word.CUT}


def duplicate(documents, _other, dice):
    """A document is there twice."""
    return {len(documents): dice.choice(documents)}, {Word.DUPLICATED}


def fork(documents, _other, dice):
    """There is another document with the same sequence that also follows the one before."""
    at = dice.randrange(len(documents))
    return {len(documents): _sealed(_changed(documents[at]), _head(documents, at))}, {Word.FORKED}


def swap_sequences(documents, _other, dice):
    """Two documents state the other's sequence."""
    one, two = dice.sample(range(len(documents)), 2)
    made = {at: copy.deepcopy(documents[at]) for at in (one, two)}
    made[one]["event"]["sequence"] = documents[two]["event"]["sequence"]
    made[two]["event"]["sequence"] = documents[one]["event"]["sequence"]
    return made, {Word.EDITED}


def splice(documents, other, dice):
    """A document of another stream stands in the place of one."""
    at, foreign = dice.randrange(len(documents)), copy.deepcopy(dice.choice(other))
    foreign["mcp"]["audit"]["stream"] = documents[at]["mcp"]["audit"]["stream"]
    foreign["event"]["sequence"] = documents[at]["event"]["sequence"]
    return {at: foreign}, {Word.EDITED}


TAMPERINGS = (edit, add_a_field, edit_the_text, edit_and_seal, write_again, delete, cut)
TAMPERINGS += (duplicate, fork, swap_sequences, splice)
