"""JSON objects in which a member comes twice: a decoder keeps the last one, and hides the first."""

import json


class _Twice(Exception):
    pass


def has_duplicates(text: str) -> bool:
    """Whether a member comes twice in an object of this JSON text, at any depth.

    True also for what this reader cannot read. Raises `RecursionError` if it nests too deep.
    """
    try:
        _decode(text)
    except (_Twice, ValueError):
        return True
    return False


def _once(members: list[tuple[str, object]]) -> None:
    if len(members) > 1 and len(dict(members)) != len(members):
        raise _Twice


# Numbers are not of interest, and may have more digits than Python converts.
_decode = json.JSONDecoder(object_pairs_hook=_once, parse_int=len, parse_float=len).decode
