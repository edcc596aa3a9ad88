"""What one event may cost: bounds of its line, and of the time and memory to make it."""

#: Characters of one event.
MAX_CHARS = 128 << 10
#: Characters of them that only short texts may take: padding must not push out what was called.
RESERVED_CHARS = MAX_CHARS // 4
#: Characters of a short text.
SHORT = 100
#: Characters of one text that are kept.
MAX_TEXT = 1000
#: Characters read beyond the cut, so that a secret across it is complete, or long enough to match.
LOOK_AHEAD = 1024
#: Characters of one text that are read.
WINDOW = MAX_TEXT + LOOK_AHEAD
#: Values in one event.
MAX_VALUES = 1000
#: Values of a field that may have several.
MAX_WORDS = 100
#: Elasticsearch refuses a `flattened` field deeper than 20 levels.
MAX_DEPTH = 16
#: Size of the integers that are written out as text; Python itself refuses above 4300 digits.
MAX_INTEGER_BITS = 1024
#: Characters of an IP address: IPv6 in full, with its zone.
MAX_IP = 64
#: Shapes of events (sets of fields) that are remembered; past it, they are prepared again.
MAX_SHAPES = 512
#: Microseconds, about, of the search for secrets in one event, and the characters that allow one
#: more: an event that is nothing but names of secrets must not hold up the server's event loop.
MIN_WORK = 350
CHARS_A_UNIT = 640
