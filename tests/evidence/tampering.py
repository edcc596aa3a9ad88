"""Ways to tamper with a record, each with the words that fit what was done.

A tampering gets the lines of each segment of one stream, and the dice. It changes the lists and
returns the words; None if the dice fell on a change that changes nothing.
"""

from shipper.evidence.verdict import Word
from shipper.record.seal import GENESIS, seal, unseal

Segments = list[list[bytes]]


def _pick(segments, dice):
    """A segment with lines, and one of its lines."""
    at = dice.randrange(len(segments))
    return segments[at], dice.randrange(len(segments[at]))


def _is_last(segments, lines, at):
    return lines is segments[-1] and at == len(lines) - 1


def edit(segments, dice):
    """One byte of a line is changed."""
    lines, at = _pick(segments, dice)
    line = lines[at]
    place = dice.randrange(len(line))
    changed = line[:place] + bytes([line[place] ^ (1 << dice.randrange(7))]) + line[place + 1 :]
    if b"\n" in changed:
        return None
    lines[at] = changed
    return {Word.EDITED}


def edit_and_seal_line(segments, dice):
    """A line is changed, and gets the hash that fits."""
    lines, at = _pick(segments, dice)
    changed = lines[at].replace(b'"pid":', b'"pid":1', 1)
    before = unseal(lines[at - 1])[1] if at else _previous(segments, lines)
    lines[at], _ = seal(unseal(changed)[0], before)
    return {Word.EDITED}


def _previous(segments, lines):
    at = next(at for at, one in enumerate(segments) if one is lines)
    return unseal(segments[at - 1][-1])[1] if at else GENESIS


def delete(segments, dice):
    """Some lines are taken out."""
    lines, at = _pick(segments, dice)
    count = min(dice.randint(1, 5), len(lines) - at)
    is_end = lines is segments[-1] and at + count == len(lines)
    del lines[at : at + count]
    return {Word.CUT} if is_end else {Word.MISSING}


def swap(segments, dice):
    """Two lines change places, anywhere in the stream."""
    one, at = _pick(segments, dice)
    other, to = _pick(segments, dice)
    if (one is other and at == to) or one[at] == other[to]:
        return None
    one[at], other[to] = other[to], one[at]
    return {Word.REORDERED}


def move(segments, dice):
    """A line is put elsewhere."""
    one, at = _pick(segments, dice)
    line = one.pop(at)
    other = segments[dice.randrange(len(segments))]
    to = dice.randint(0, len(other))
    before = [line for lines in segments for line in lines]
    other.insert(to, line)
    after = [line for lines in segments for line in lines]
    index = next(i for i, value in enumerate(after) if value is line)
    sequence = int(line.partition(b'"sequence":')[2].partition(b",")[0])
    if index + 1 == sequence or not before:
        return None
    return {Word.REORDERED}


def duplicate(segments, dice):
    """A line is there twice, anywhere in the stream."""
    one, at = _pick(segments, dice)
    other = segments[dice.randrange(len(segments))]
    other.insert(dice.randint(0, len(other)), one[at])
    return {Word.DUPLICATED}


def splice(segments, dice, other):
    """Lines of another stream take the place of some."""
    lines, at = _pick(segments, dice)
    count = dice.randint(1, 4)
    foreign = [line for part in other for line in part]
    begin = dice.randrange(len(foreign) - count)
    lines[at : at + count] = foreign[begin : begin + count]
    return {Word.EDITED}


def insert_foreign(segments, dice, other):
    """A line of another stream is put in."""
    lines, at = _pick(segments, dice)
    foreign = [line for part in other for line in part]
    lines.insert(at, foreign[dice.randrange(len(foreign))])
    return {Word.EDITED}


def reseal(segments, dice):
    """A line is changed, deleted or put in, and the history after it is written again."""
    lines, at = _pick(segments, dice)
    how = dice.choice(["edit", "edit", "delete", "insert"])
    if how == "edit":
        lines[at] = lines[at].replace(b'"pid":', b'"pid":1', 1)
    elif how == "delete" and len(lines) > 1 and at:
        del lines[at]
    elif at:
        lines.insert(at, lines[at])
    else:
        return None
    chain(segments)
    return {Word.CUT, Word.EDITED} if how == "delete" else {Word.EDITED}


def chain(segments):
    """Give all lines the sequences and hashes that fit."""
    head, sequence = GENESIS, 0
    for lines in segments:
        first, records = head, len(lines)
        for at, line in enumerate(lines):
            sequence += 1
            body = _numbered(unseal(line)[0], sequence)
            if at == 0:
                body = _with(body, b'"previous":"', first.hex().encode(), b'"')
            if b'"audit-segment-end"' in body:
                body = _with(body, b'"records":', str(records).encode(), b"}")
            lines[at], head = seal(body, head)


def _numbered(body, sequence):
    stream = body.partition(b'"stream":{"id":"')[2].partition(b'"')[0]
    body = _with(body, b'"id":"' + stream + b"-", str(sequence).encode(), b'"')
    return _with(body, b'"sequence":', str(sequence).encode(), b",")


def _with(body, name, value, end):
    before, _, after = body.rpartition(name)
    return before + name + value + after[after.index(end) :]


def fork(segments, dice):
    """Another history is appended that follows an earlier line."""
    at = dice.randrange(len(segments))
    lines = segments[at]
    if len(lines) < 3:
        return None
    begin = dice.randrange(1, len(lines) - 1)
    head = unseal(lines[begin - 1])[1]
    made = []
    for line in lines[begin:]:
        body = unseal(line)[0].replace(b'"pid":', b'"pid":2', 1)
        sealed, head = seal(body, head)
        made.append(sealed)
    lines.extend(made)
    return {Word.FORKED}


def drop_last_segment(segments, dice):
    """The last segment is gone."""
    segments[-1].clear()
    return {Word.CUT}


def drop_first_segment(segments, dice):
    """The first segment is gone."""
    segments[0].clear()
    return {Word.MISSING}


def old_copy(segments, dice):
    """A segment is replaced by what it was earlier."""
    at = dice.randrange(len(segments))
    keep = dice.randrange(1, len(segments[at]))
    del segments[at][keep:]
    return {Word.CUT} if at == len(segments) - 1 else {Word.MISSING}


def truncate(segments, dice):
    """A segment ends within a line."""
    at = dice.randrange(len(segments))
    keep = dice.randrange(len(segments[at]))
    line = segments[at][keep]
    segments[at][keep:] = [line[: dice.randrange(len(line))] + b"\0"]
    return {Word.CUT} if at == len(segments) - 1 else {Word.MISSING}


TAMPERINGS = (edit, edit_and_seal_line, delete, swap, move, duplicate, reseal, fork)
TAMPERINGS += (drop_last_segment, drop_first_segment, old_copy, truncate)
WITH_ANOTHER_STREAM = (splice, insert_foreign)
