"""Saved objects for one space of Kibana.

An id is unique among all spaces of a Kibana. An import of one that another space has creates an id
that Kibana chooses, which no second run finds and no link in a text leads to. So the objects of a
space have its name in their ids.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from shipper.assets.generate.bodies import Body
from shipper.assets.generate.kibana.saved import packed


def in_space(objects: Sequence[Body], space: str) -> list[Body]:
    """The objects with ids of the space, also where they refer to each other; "" is the default."""
    if not space:
        return list(objects)
    ids = {str(body["id"]): f"{body['id']}-{space}" for body in objects}
    links = re.compile(rf"(#/view/)({'|'.join(map(re.escape, ids))})(?=\))")
    moved: list[Body] = [_moved(body, ids, links) for body in objects]
    return moved


def _moved(value: Any, ids: dict[str, str], links: re.Pattern[str], member: str = "") -> Any:
    match value:
        case dict():
            return {name: _moved(one, ids, links, name) for name, one in value.items()}
        case list():
            return [_moved(one, ids, links) for one in value]
        case str() if member in {"id", "dataViewId"}:
            return ids.get(value, value)
        case str() if member.endswith("JSON"):
            return packed(_moved(json.loads(value), ids, links))
        case str():
            return links.sub(lambda found: found[1] + ids[found[2]], value)
    return value
