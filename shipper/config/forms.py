"""The form of an input's files: `parsers` and the related keys, in Filebeat's words."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from shipper.config.conditions import read_pattern
from shipper.forms.base import Form
from shipper.forms.ndjson import NDJSON
from shipper.forms.text.container import Container
from shipper.forms.text.emit import Json
from shipper.forms.text.filters import IncludeMessage
from shipper.forms.text.form import Text
from shipper.forms.text.message import Parser
from shipper.forms.text.multiline import Multiline
from shipper.forms.text.raw import UTF_8
from shipper.patterns import Pattern
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into

#: Keys of an input that describe the form of its files.
FORM_KEYS = (
    *("parsers", "encoding", "include_lines", "exclude_lines", "message_max_bytes"),
    "partial_line_timeout",
)
#: Keys of the types before `filestream`, which have no `parsers`.
OLD_KEYS = ("json", "multiline", "max_bytes")
CONTAINER_KEYS = ("stream", "format")

#: The longest line that is read; Filebeat's default.
_MAX_BYTES = 10 << 20
#: After this time without growth Filebeat calls a file inactive.
_PARTIAL_LINE_TIMEOUT_S = 300.0

_ISO = {f"iso8859-{n}": f"iso8859_{n}" for n in (*range(1, 11), 13, 14, 15, 16)}
_CODE_PAGES = {f"cp{n}": f"cp{n}" for n in (437, 850, 852, 855, 858, 860, 862, 863, 865, 866)}
_WINDOWS = {f"windows{n}": f"cp{n}" for n in (874, *range(1250, 1259))}
#: Filebeat's names of the encodings in which the byte 10 is always a newline.
_ENCODINGS: Mapping[str, str] = {
    "plain": "utf-8",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    **_ISO,
    **{f"iso8859-{n}{variant}": f"iso8859_{n}" for n in (6, 8) for variant in "ei"},
    **_CODE_PAGES,
    **_WINDOWS,
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "macintosh": "mac_roman",
    "macintosh-cyrillic": "mac_cyrillic",
    "gbk": "gbk",
    "gb18030": "gb18030",
    "big5": "big5",
    "euc-jp": "euc_jp",
    "euc-kr": "euc_kr",
    "shift-jis": "shift_jis",
}
_OTHER_NEWLINES = (
    "is not supported: a line ends with the byte 10, which means something else in this encoding; "
    "convert the file (iconv)"
)
_IS_OTHER = re.compile(r"utf-?16.*|ebcdic.*|hz-gb-2312|iso-2022.*", re.IGNORECASE)


class _Parsers(Struct):
    """The parsers of one input as they are read."""

    steps: list[Parser]
    json: dict[str, Any] | None = None


def read_form(reader: Reader, keys: Mapping[str, YamlNode], kind: str, ecs_version: str) -> Form:
    """The form of the files of an input of that type."""
    parsers = _Parsers([_container(reader, keys)] if kind == "container" else [])
    for node in _listed(keys.get("parsers")):
        _parser(reader, node, parsers)
    _old(reader, keys, parsers)
    options = _options(reader, keys)
    json = Json(**parsers.json or {})
    # A container also prints text, and joined lines are text; they need not be JSON objects.
    is_plain = all(isinstance(step, IncludeMessage) for step in parsers.steps)
    if parsers.json is not None and is_plain and not json.add_error_key:
        json = replace(json, is_strict=True)
    if json == Json(is_strict=True) and not options and not parsers.steps:
        return NDJSON
    options.setdefault("partial_line_timeout_s", _PARTIAL_LINE_TIMEOUT_S)
    common = {"input": {"type": kind}, "ecs": {"version": ecs_version}}
    names_file = kind != "stdin"
    return Text(
        parsers=tuple(parsers.steps), json=json, common=common, names_file=names_file, **options
    )


def _listed(node: YamlNode | None) -> Sequence[YamlNode]:
    if node is None or (node.items is None and node.children is None):
        return ()
    return [node] if node.items is None else node.items


def _parser(reader: Reader, node: YamlNode, parsers: _Parsers) -> None:
    if node.scalar is not None:  # `- ndjson`, without options
        node = YamlNode(
            node.where, node.path, children={str(node.scalar): YamlNode(node.where, node.path)}
        )
    for name, options in reader.sections(node, _PARSERS).items():
        _PARSERS[name](reader, options, parsers)


def _read_ndjson(reader: Reader, node: YamlNode, parsers: _Parsers) -> None:
    keys = reader.children(node, (*_JSON_KEYS, "target", "document_id"))
    if given := keys.get("document_id"):
        reader.note(
            given,
            "is not supported: the document id is made from the line and its place in its file",
        )
    parsers.json = _json(reader, keys)
    if target := keys.get("target"):
        parsers.json["target"] = reader.text(target) if target.scalar else ""


_JSON_KEYS = ("expand_keys", "add_error_key", "message_key")


def _json(reader: Reader, keys: Mapping[str, YamlNode]) -> dict[str, Any]:
    truths = {key: key in keys and reader.truth(keys[key]) for key in _JSON_KEYS[:2]}
    message = {"message_key": reader.text(keys["message_key"])} if "message_key" in keys else {}
    return {**truths, **message}


def _read_container(reader: Reader, node: YamlNode, parsers: _Parsers) -> None:
    _not_after_json(reader, node, parsers)
    parsers.steps.append(_container(reader, reader.children(node, CONTAINER_KEYS)))


def _container(reader: Reader, keys: Mapping[str, YamlNode]) -> Container:
    given = {key: keys[key] for key in CONTAINER_KEYS if key in keys}
    made: Container = into(reader, Container, YamlNode("", "", children=given))
    return made


def _read_multiline(reader: Reader, node: YamlNode, parsers: _Parsers) -> None:
    _not_after_json(reader, node, parsers)
    options = dict(node.children or {})
    patterns = {
        key: read_pattern(reader, given, reader.text(given))
        for key in ("pattern", "flush_pattern")
        if (given := options.pop(key, None))
    }
    made = into(reader, Multiline, YamlNode(node.where, node.path, children=options))
    multiline = replace(made, **patterns, timeout_s=made.timeout_s or None)
    for problem in _multiline_problems(multiline):
        reader.note(node, problem)
    parsers.steps.append(multiline)


def _multiline_problems(options: Multiline) -> Iterator[str]:
    if options.max_lines < 1:
        yield "max_lines must be 1 or more"
    if options.type == "count" and not 1 <= options.count_lines <= options.max_lines:
        yield "count_lines is required, from 1 to max_lines: the number of lines of an event"
    if options.type != "count" and options.pattern is None:
        yield "pattern is required: which lines belong together"


def _not_after_json(reader: Reader, node: YamlNode, parsers: _Parsers) -> None:
    if parsers.json is not None:
        reader.note(node, "must come before ndjson: objects are not joined")


def _read_include_message(reader: Reader, node: YamlNode, parsers: _Parsers) -> None:
    keys = reader.children(node, ("patterns",))
    if "patterns" not in keys:
        reader.note(node, "patterns is required: which messages to keep")
        return
    parsers.steps.append(IncludeMessage(_patterns(reader, keys["patterns"])))


def _read_syslog(reader: Reader, node: YamlNode, _parsers: _Parsers) -> None:
    reader.note(node, "is not supported: parse the text in Logstash or in an ingest pipeline")


_PARSERS: Mapping[str, Callable[[Reader, YamlNode, _Parsers], None]] = {
    "ndjson": _read_ndjson,
    "multiline": _read_multiline,
    "container": _read_container,
    "include_message": _read_include_message,
    "syslog": _read_syslog,
}


def _old(reader: Reader, keys: Mapping[str, YamlNode], parsers: _Parsers) -> None:
    """The keys of the types before `filestream`, as the parsers that replaced them."""
    if node := keys.get("multiline"):
        _read_multiline(reader, node, parsers)
    if node := keys.get("json"):
        inner = reader.children(node, (*_JSON_KEYS, "keys_under_root"))
        under_root = "keys_under_root" in inner and reader.truth(inner["keys_under_root"])
        parsers.json = {**_json(reader, inner), "target": "" if under_root else "json"}


def _options(reader: Reader, keys: Mapping[str, YamlNode]) -> dict[str, Any]:
    """The other keys, as fields of the form."""
    options: dict[str, Any] = {}
    if (node := keys.get("encoding")) and (name := _encoding(reader, node)) != UTF_8:
        options["encoding"] = name
    for key in ("include_lines", "exclude_lines"):
        if node := keys.get(key):
            options[key] = _patterns(reader, node)
    if node := keys.get("message_max_bytes") or keys.get("max_bytes"):
        options["max_bytes"] = reader.whole(node)
        if not 0 < options["max_bytes"] <= _MAX_BYTES:
            reader.note(node, f"expected 1 to {_MAX_BYTES}, the longest line that is read")
    if node := keys.get("partial_line_timeout"):
        options["partial_line_timeout_s"] = reader.seconds(node) or None
    return options


def _encoding(reader: Reader, node: YamlNode) -> str:
    name = reader.text(node).lower()
    if _IS_OTHER.fullmatch(name):
        reader.note(node, _OTHER_NEWLINES)
    elif name:
        reader.one_of(YamlNode(node.where, node.path, name), _ENCODINGS)
    return _ENCODINGS.get(name, UTF_8)


def _patterns(reader: Reader, node: YamlNode) -> tuple[Pattern, ...]:
    items = [node] if node.items is None else node.items
    return tuple(read_pattern(reader, item, reader.text(item)) for item in items)
