"""ECS fields by path to one canonical JSON object.

Events of a type come in few shapes (sets of fields), so each shape is compiled once to a template:
literal bytes with a `%b` for each value. That is about four times cheaper than building nested
dicts and encoding them, and the order of members costs nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter

from shipper.catalog.derived import RELATED
from shipper.record.classified import Variant
from shipper.record.format import encode_json
from shipper.record.limits import MAX_SHAPES

#: The literal bytes, and a function that takes the values for its holes, in order.
_Template = tuple[bytes, Callable[[Mapping[str, object]], tuple[object, ...]]]


class Encoder:
    """Encodes classified, redacted events: sorted members, but `event` last; no newline."""

    def __init__(self) -> None:
        self._templates: dict[tuple[object, ...], _Template] = {}

    def __call__(self, variant: Variant, values: Mapping[str, object]) -> bytes:
        """The line of an event: the constants of its variant, and `values`, which win."""
        shape = (variant, *values)
        literal, take = self._templates.get(shape) or self._compile(variant, values)
        return literal % tuple(map(encode_json, take(values)))

    def _compile(self, variant: Variant, values: Mapping[str, object]) -> _Template:
        if len(self._templates) >= MAX_SHAPES:
            self._templates.clear()
        constants = {path: value for path, value in variant.constants.items() if path not in values}
        copies = dict(_copies({*values, *constants}))
        paths = {path: path.split(".") for path in (*values, *constants, *copies)}
        pieces = list(_pieces(_tree(paths), constants, copies))
        literal = b"".join(
            b"%b" if isinstance(piece, str) else piece.replace(b"%", b"%%") for piece in pieces
        )
        # Every line has several values (its time, its id), so `take` returns a tuple.
        take = itemgetter(*(piece for piece in pieces if isinstance(piece, str)))
        template: _Template = literal, take
        self._templates[variant, *values] = template
        return template


def _copies(given: set[str]) -> Iterator[tuple[str, list[bytes | str]]]:
    """The fields that repeat others of the event: here they cost no more than their bytes."""
    if "user.id" in given and "user.name" not in given:
        yield "user.name", ["user.id"]
    for path, sources in RELATED.items():
        found = [source for source in sources if source in given]
        if found and path not in given:
            listed = [piece for source in found for piece in (b",", source)]
            yield path, [b"[", *listed[1:], b"]"]


def _tree(paths: Mapping[str, list[str]]) -> dict[str, object]:
    """Paths as nested objects; a leaf is its own full path."""
    root: dict[str, object] = {}
    for path, parts in paths.items():
        node = root
        for part in parts[:-1]:
            node = node.setdefault(part, {})  # type: ignore[assignment]  # the catalog lets no field lie inside another
        node[parts[-1]] = path
    return root


def _pieces(
    node: Mapping[str, object],
    constants: Mapping[str, object],
    copies: Mapping[str, list[bytes | str]],
    *,
    is_root: bool = True,
) -> Iterator[bytes | str]:
    """Literal bytes and, as text, the paths whose values go between them."""
    separator = b"{"
    for name in sorted(node, key=lambda name: (is_root and name == "event", name)):
        yield separator + encode_json(name) + b":"
        separator = b","
        child = node[name]
        if isinstance(child, Mapping):
            yield from _pieces(child, constants, copies, is_root=False)
        elif child in copies:
            yield from copies[str(child)]
        else:
            path = str(child)
            yield encode_json(constants[path]) if path in constants else path
    yield b"}"
