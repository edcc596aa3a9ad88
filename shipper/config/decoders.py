"""Processors that read texts, from tree to objects, in Filebeat's words."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from shipper.config.conditions import leaves, read_path, read_pattern
from shipper.config.fields import items_of, options_of, pairs_of, path_at, paths_of
from shipper.processors.chain import Processor
from shipper.processors.convert import CONVERSIONS, Conversion, Convert
from shipper.processors.csv import DecodeCsvFields
from shipper.processors.dissect import Dissect, Pattern
from shipper.processors.json import DecodeJsonFields
from shipper.processors.layouts import Layout
from shipper.processors.rewrite import (
    ExtractArray,
    Rewrite,
    base64_decoded,
    replaced,
    url_decoded,
)
from shipper.processors.times import UNITS, AddLocale, Timestamp, zone_of
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into

_FAILURES = ("ignore_missing", "fail_on_error")


def _truths(reader: Reader, nodes: Mapping[str, YamlNode], *names: str) -> dict[str, bool]:
    return {name: reader.truth(nodes[name]) for name in names if name in nodes}


def _json(reader: Reader, node: YamlNode) -> Processor:
    flags = ("process_array", "overwrite_keys", "expand_keys", "add_error_key")
    known = ("fields", "max_depth", "target", "document_id", *flags)
    nodes = options_of(reader, node, known, "fields")
    if given := nodes.get("document_id"):
        what = "is not supported: the document id is made from the line and its place in its file"
        reader.note(given, what)
    depth = reader.whole(nodes["max_depth"]) if "max_depth" in nodes else 1
    if depth < 1:
        reader.note(nodes["max_depth"], "expected 1 or more")
    target = nodes.get("target")
    return DecodeJsonFields(
        fields=paths_of(reader, nodes.get("fields")),
        max_depth=min(max(depth, 1), _MAX_DEPTH),
        target="" if target and target.scalar == "" else path_at(reader, nodes, "target") or None,
        **_truths(reader, nodes, *flags),
    )


#: Texts within texts double their backslashes: a line of 10 MiB has at most 23 levels.
_MAX_DEPTH = 32


def _dissect(reader: Reader, node: YamlNode) -> Processor | None:
    flags = ("ignore_failure", "overwrite_keys")
    known = ("tokenizer", "field", "target_prefix", "trim_values", "trim_chars", *flags)
    nodes = options_of(reader, node, known, "tokenizer")
    words: dict[str, Any] = {key: reader.text(nodes[key]) for key in _TEXTS if key in nodes}
    if "trim_values" in nodes and reader.one_of(nodes["trim_values"], _TRIMS) in _TRIMS:
        words["trim_values"] = nodes["trim_values"].scalar
    try:
        pattern = Pattern.of(reader.text(nodes["tokenizer"]) if "tokenizer" in nodes else "%{x}")
    except ValueError as error:
        reader.note(nodes["tokenizer"], f"is not a pattern of dissect: {error}")
        return None
    field = path_at(reader, nodes, "field", "message")
    return Dissect(pattern=pattern, field=field, **_truths(reader, nodes, *flags), **words)  # type: ignore[arg-type]


_TEXTS = ("target_prefix", "trim_chars")
_TRIMS = ("none", "left", "right", "all", "both")


def _csv(reader: Reader, node: YamlNode) -> Processor:
    flags = (*_FAILURES, "trim_leading_space", "overwrite_keys")
    nodes = options_of(reader, node, ("fields", "separator", *flags), "fields")
    pairs = [
        (source, read_path(reader, one, reader.text(one)))
        for source, one in (leaves(reader, nodes["fields"]) if "fields" in nodes else ())
    ]
    separator = reader.text(nodes["separator"]) if "separator" in nodes else ","
    if len(separator) != 1 or separator in '"\r\n':
        reader.note(nodes["separator"], "expected one character other than a quote")
        separator = ","
    return DecodeCsvFields(
        fields=tuple(pairs), separator=separator, **_truths(reader, nodes, *flags)
    )


def _timestamp(reader: Reader, node: YamlNode) -> Processor:
    flags = ("ignore_missing", "ignore_failure")
    known = ("field", "target_field", "layouts", "timezone", "test", "id", *flags)
    nodes = options_of(reader, node, known, "field", "layouts")
    layouts = reader.texts(nodes["layouts"]) if "layouts" in nodes else ()
    truths: dict[str, Any] = _truths(reader, nodes, *flags)
    found = Timestamp(
        field=path_at(reader, nodes, "field"),
        layouts=tuple(one if one in UNITS else Layout.of(one) for one in layouts),
        target_field=path_at(reader, nodes, "target_field", "@timestamp"),
        **truths,
    )
    try:
        zone = zone_of(reader.text(nodes["timezone"])) if "timezone" in nodes else found.zone
    except ValueError as error:
        reader.note(nodes["timezone"], str(error))
        return found
    found = replace(found, zone=zone)
    for test in _listed(nodes.get("test")):
        if not found.time_of(reader.text(test)):
            reader.note(test, "is not a time in any of the layouts")
    return found


def _listed(node: YamlNode | None) -> list[YamlNode]:
    if node is None:
        return []
    return [node] if node.items is None else node.items


def _convert(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("fields", "mode", "tag", *_FAILURES), "fields")
    fields = items_of(reader, nodes.get("fields"), "from, to and type")
    mode = reader.one_of(nodes["mode"], ("copy", "rename")) if "mode" in nodes else "copy"
    return Convert(
        fields=tuple(_conversion(reader, one) for one in fields),
        mode="rename" if mode == "rename" else "copy",
        **_truths(reader, nodes, *_FAILURES),
    )


def _conversion(reader: Reader, node: YamlNode) -> Conversion:
    nodes = options_of(reader, node, ("from", "to", "type"), "from")
    if not {"to", "type"} & nodes.keys():
        reader.note(node, "one of to and type is required")
    kind = reader.one_of(nodes["type"], CONVERSIONS) if "type" in nodes else ""
    source, target = path_at(reader, nodes, "from"), path_at(reader, nodes, "to")
    return Conversion(source, target, kind if kind in CONVERSIONS else "")


def _locale(reader: Reader, node: YamlNode) -> Processor:
    made: AddLocale = into(reader, AddLocale, node)
    return made


def _replace(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("fields", *_FAILURES), "fields")
    items = items_of(reader, nodes.get("fields"), "field, pattern and replacement")
    rows = tuple(_replacement(reader, one) for one in items)
    return Rewrite(fields=rows, **_truths(reader, nodes, *_FAILURES))


def _replacement(reader: Reader, node: YamlNode) -> tuple[str, str, Callable[[str], str]]:
    required = ("field", "pattern", "replacement")
    nodes = options_of(reader, node, required, *required[:2])
    given = nodes.get("replacement", YamlNode("", "", ""))
    pattern = nodes.get("pattern", YamlNode("", "", ""))
    path = path_at(reader, nodes, "field")
    compiled = read_pattern(reader, pattern, reader.text(pattern))
    return path, path, replaced(compiled, "" if given.scalar == "" else reader.text(given))


def _url(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("fields", *_FAILURES), "fields")
    rows = tuple((*pair, url_decoded) for pair in pairs_of(reader, nodes.get("fields")))
    return Rewrite(fields=rows, **_truths(reader, nodes, *_FAILURES))


def _base64(reader: Reader, node: YamlNode) -> Processor:
    nodes = options_of(reader, node, ("field", *_FAILURES), "field")
    inner = options_of(reader, nodes.get("field", node.at("field")), ("from", "to"), "from")
    source = path_at(reader, inner, "from")
    rows = ((source, path_at(reader, inner, "to", source), base64_decoded),)
    return Rewrite(fields=rows, **_truths(reader, nodes, *_FAILURES))


def _extract(reader: Reader, node: YamlNode) -> Processor:
    flags = ("overwrite_keys", "fail_on_error", "omit_empty")
    nodes = options_of(reader, node, ("field", "mappings", "ignore_missing", *flags), "field")
    rows: list[tuple[int, str]] = []
    for path, one in leaves(reader, nodes["mappings"]) if "mappings" in nodes else ():
        rows.append((reader.whole(one), path))
    truths: dict[str, Any] = _truths(reader, nodes, *flags)
    return ExtractArray(field=path_at(reader, nodes, "field"), mappings=tuple(rows), **truths)


DECODERS: Mapping[str, Callable[[Reader, YamlNode], Processor | None]] = {
    "add_locale": _locale,
    "convert": _convert,
    "decode_base64_field": _base64,
    "decode_csv_fields": _csv,
    "decode_json_fields": _json,
    "dissect": _dissect,
    "extract_array": _extract,
    "replace": _replace,
    "timestamp": _timestamp,
    "urldecode": _url,
}
