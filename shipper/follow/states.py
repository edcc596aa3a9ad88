"""The states of a followed file: its stage, its turn and its place."""

from enum import Enum, auto


class Stage(Enum):
    """What is known about a source; `Claims` alone moves it on."""

    #: Too little to know anything: it is empty, or its first line is incomplete.
    NEW = auto()
    #: An archive whose content is not known yet.
    UNKNOWN = auto()
    #: An archive whose lines are read from the file that it is a copy of.
    COPY = auto()
    #: It has a position.
    KNOWN = auto()
    #: No longer followed.
    GONE = auto()


#: The stages that may follow each one.
STAGES = {
    Stage.NEW: {Stage.UNKNOWN, Stage.COPY, Stage.KNOWN, Stage.GONE},
    Stage.UNKNOWN: {Stage.UNKNOWN, Stage.COPY, Stage.KNOWN, Stage.GONE},
    Stage.COPY: {Stage.UNKNOWN, Stage.COPY, Stage.KNOWN, Stage.GONE},
    Stage.KNOWN: {Stage.KNOWN, Stage.GONE},  # known again: under another position after a rewrite
    Stage.GONE: set[Stage](),
}


class Turn(Enum):
    """Whether a source waits to be read, and for what; `Turns` alone moves it on."""

    #: It does not wait: it is read to its end, or cannot be read yet.
    NONE = auto()
    #: It waits until another archive is read to its end.
    ARCHIVE = auto()
    #: It waits for its turn.
    QUEUED = auto()
    #: It has its turn.
    READING = auto()
    #: It waits for the rest of its last line, which is sent unchanged at `due_monotonic`.
    END = auto()
    #: It waits some time, because the destination takes none of its lines.
    HELD = auto()


#: The turns that may follow each one.
TURNS = {
    Turn.NONE: {Turn.NONE, Turn.ARCHIVE, Turn.QUEUED, Turn.HELD},
    Turn.ARCHIVE: {Turn.NONE, Turn.ARCHIVE, Turn.QUEUED, Turn.HELD},
    Turn.QUEUED: {Turn.NONE, Turn.READING, Turn.HELD},
    Turn.READING: {Turn.NONE, Turn.ARCHIVE, Turn.QUEUED, Turn.END},
    Turn.END: {Turn.NONE, Turn.ARCHIVE, Turn.QUEUED, Turn.HELD},
    Turn.HELD: {Turn.NONE, Turn.ARCHIVE, Turn.QUEUED},
}


class Place(Enum):
    """Whether a name leads to the file."""

    #: The patterns name it.
    LISTED = auto()
    #: They do not, and it is not settled.
    UNLISTED = auto()
    #: They do not, it is settled, and it has another name.
    RENAMED = auto()
    #: It is settled, and has no name at all.
    DELETED = auto()
