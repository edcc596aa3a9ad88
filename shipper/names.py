r"""The one rule for a part of a data stream's name: its type, its dataset, its namespace.

Elasticsearch: lower case, none of `\ / * ? " < > | , # :` or space; it does not start with `-`, `_`
or `+` (https://www.elastic.co/guide/en/elasticsearch/reference/8.18/indices-create-data-stream.html).
ECS: a dataset and a namespace contain no `-` and have at most 100 characters
(https://www.elastic.co/docs/reference/ecs/ecs-data_stream).

The rule here is stricter. It holds for each part, not only for the first, and allows ASCII only,
so that a name from a line cannot smuggle in date math, a wildcard or a list. An output sends an
event that breaks the rule to `logs-generic-default`; a setting that breaks it is refused.
"""

import re
from typing import Final

#: As a regular expression that Python, Ruby and Java read alike.
PART: Final = "[a-z0-9][a-z0-9_.]{0,99}"

#: The types of Elastic's own data streams. With any type, a line could spell out the name of a
#: backing or a monthly index of audit events, such as `mcp-tools-000001`.
STREAM_TYPES: Final = ("logs", "metrics", "profiling", "synthetics", "traces")

is_part: Final = re.compile(PART).fullmatch


def fault_of(what: str, text: str) -> str | None:
    """Why `text` is not a valid `what`, with the rule; None if it is valid."""
    if is_part(text):
        return None
    return (
        f"{text!r} is not a valid {what}: use 1 to 100 of a-z, 0-9, _ and ., "
        "and begin with a letter or a digit"
    )
