"""What to follow: Filebeat's `inputs` section."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shipper.config.discovered import ByContainer, Discovered, Provider
from shipper.config.filebeat import INPUTS, why_no_input
from shipper.config.files import FILE_KEYS, OLD_SCANNER_KEYS, read_files
from shipper.config.forms import (
    CONTAINER_KEYS,
    FORM_KEYS,
    OLD_KEYS,
    as_text,
    longest_line,
    read_form,
)
from shipper.config.read import new_reader
from shipper.deliver.spool import PATTERN
from shipper.follow.inputs import InputConfig, Scanner
from shipper.forms.base import Form
from shipper.forms.spooled import Spooled
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader

if TYPE_CHECKING:
    from shipper.config.processors import Section

#: How events are changed: at the top level for all of them, in an input for its own.
EVENT_KEYS = ("fields", "fields_under_root", "tags", "processors")


class Surroundings(NamedTuple):
    """The facts outside an input that its settings depend on."""

    ecs_version: str
    #: Where standard input is kept until it is shipped.
    spool: Path


def read_inputs(
    reader: Reader, nodes: Mapping[str, YamlNode], surroundings: Surroundings
) -> tuple[InputConfig, ...]:
    """The enabled inputs of `inputs` and `filebeat.inputs`."""
    everywhere = _section(reader, nodes)
    lists = {key: nodes[key] for key in _LISTS if key in nodes}
    found = [
        _input(reader, item, f"{_LISTS[key]}-{at}", everywhere, surroundings)
        for key, node in lists.items()
        for at, item in enumerate([node] if node.items is None else node.items, start=1)
    ]
    enabled = tuple(one for one in found if one)
    if lists:
        reader.remarks += _remarks(enabled)
    for problem in _conflicts(enabled):
        reader.note(next(iter(lists.values())), problem)
    return enabled


#: Where inputs stand, and how those without an id are called.
_LISTS = {"inputs": "input", "filebeat.inputs": "input", "filebeat.autodiscover": "autodiscover"}


def _remarks(inputs: Sequence[InputConfig]) -> Iterator[str]:
    if not inputs:
        yield "inputs: none is enabled; the segments in path.audit are shipped instead"
    intervals = {one.scanner.check_interval_s for one in inputs}
    if len(intervals) > 1:
        yield f"inputs: all are checked at the shortest check_interval, {min(intervals):g}s"


def _conflicts(inputs: Sequence[InputConfig]) -> Iterator[str]:
    ids = Counter(one.id for one in inputs)
    for name, count in ids.items():
        if count > 1:
            yield f"two inputs have the id {name!r}; an id names one input"
    if sum(one.is_stdin for one in inputs) > 1:
        yield "two inputs have the type stdin; there is one standard input"
        return
    owners: dict[tuple[str, Scanner], InputConfig] = {}
    for one in inputs:
        for pattern in one.paths:
            owner = owners.setdefault((pattern, one.scanner), one)
            if owner is not one:
                yield (
                    f"input {one.id!r}: input {owner.id!r} already has {pattern!r}, and a file is "
                    "shipped once; merge the two inputs, or give each its own files"
                )


#: The types of inputs, with the keys of each.
_TYPES: Mapping[str, tuple[str, ...]] = {
    "filestream": ("paths",),
    "container": ("paths", *CONTAINER_KEYS, *OLD_KEYS, *OLD_SCANNER_KEYS),
    "log": ("paths", *OLD_KEYS, *OLD_SCANNER_KEYS),
    "stdin": OLD_KEYS,
}


def _input(
    reader: Reader,
    node: YamlNode,
    default_id: str,
    everywhere: "Section | None",
    surroundings: Surroundings,
) -> InputConfig | None:
    if _is_foreign(reader, node):
        return None
    enabled = (node.children or {}).get("enabled")
    if enabled and not enabled.is_unset and not reader.truth(enabled):
        reader.ignored.append(node.path)
        return None
    kind = _kind(reader, node)
    old = [*_old_keys(reader, node)] if kind == "filestream" else []
    known = ("type", "id", "enabled", *FORM_KEYS, *FILE_KEYS, *_TYPES[kind], *EVENT_KEYS, *old)
    keys = reader.children(node, known)
    files = read_files(reader, keys)
    form = read_form(reader, keys, kind, surroundings.ecs_version)
    longest = longest_line(form)
    form = _processed(form, everywhere, _section(reader, keys))
    name = reader.text(keys["id"]) if "id" in keys else default_id
    if kind == "stdin":
        segments = (str(surroundings.spool / PATTERN),)
        return InputConfig(
            id=name, paths=segments, form=Spooled(form), max_line_bytes=longest, is_stdin=True
        )
    if "paths" not in keys:
        reader.note(node, "paths is required: which files to ship, globs allowed")
        return None
    paths = _paths(reader, keys["paths"])
    chosen = _chosen(form, reader, node, everywhere, surroundings)
    return InputConfig(
        id=name, paths=paths, form=form, chosen=chosen, max_line_bytes=longest, **files
    )


def _chosen(
    form: Form,
    reader: Reader,
    node: YamlNode,
    everywhere: "Section | None",
    surroundings: Surroundings,
) -> Callable[[str], Form | None] | None:
    """The form of each file, where not all are the same or one may have to wait."""
    if isinstance(node, Discovered) and node.provider:
        return _by_container(node.provider, reader, everywhere, surroundings)
    return getattr(form, "once_known", None)


def _by_container(
    provider: Provider, reader: Reader, everywhere: "Section | None", surroundings: Surroundings
) -> ByContainer:
    from shipper.config.processors import read_processors  # as below

    def read(own: Reader, one: YamlNode) -> Form | None:
        found = _input(own, one, "", everywhere, surroundings)
        return found.form if found else None

    for one in provider.written():
        read(reader, one)
    (metadata,) = read_processors(new_reader(), provider.metadata) or (None,)
    return ByContainer(provider, provider.containers(metadata), read)


def _paths(reader: Reader, node: YamlNode) -> tuple[str, ...]:
    paths = reader.texts(node)
    for path in paths:
        if "\\" in path:  # a character of the name, or an escape, as in Filebeat: nobody knows
            what = f"{path!r} has a backslash; write [*] for the character *, ? for any character"
            reader.note(node, what)
    return paths


#: The names of the older types' keys in `filestream`.
_NEW_NAMES = {
    "json": "parsers: [{ndjson: …}]",
    "multiline": "parsers: [{multiline: …}]",
    "max_bytes": "message_max_bytes",
    **{old: f"prospector.scanner.{new}" for old, new in OLD_SCANNER_KEYS.items()},
}


def _old_keys(reader: Reader, node: YamlNode) -> Iterator[str]:
    """The keys of the older types that a `filestream` has, which mean the same here."""
    keys = node.children or {}
    for key in [key for key in keys if key in _NEW_NAMES and not keys[key].is_unset]:
        if "parsers" in keys and key in OLD_KEYS:
            what = f"cannot be combined with parsers; there it is `{_NEW_NAMES[key]}`"
            reader.note(keys[key], what)
        else:
            what = f"is a key of the types `log` and `container`, taken as `{_NEW_NAMES[key]}`"
            reader.remarks.append(str(keys[key].problem(what)))
        yield key


def _is_foreign(reader: Reader, node: YamlNode) -> bool:
    """Whether only Filebeat has its type; a problem, if the input is switched on."""
    keys = node.children or {}
    kind, enabled = keys.get("type"), keys.get("enabled")
    if kind is None or kind.scalar not in INPUTS:
        return False
    if enabled is None or enabled.scalar is not False:
        reader.note(kind, f"inputs of the type {kind.scalar!r} {why_no_input(str(kind.scalar))}")
    return True


def _kind(reader: Reader, node: YamlNode) -> str:
    given = (node.children or {}).get("type")
    kind = reader.one_of(given, _TYPES) if given else "filestream"
    if given and kind == "log":
        reader.remarks.append(
            str(given.problem("the same as `filestream`, which replaced it in Filebeat"))
        )
    return kind if kind in _TYPES else "filestream"


def _section(reader: Reader, nodes: Mapping[str, YamlNode]) -> "Section | None":
    found = {key: nodes[key] for key in EVENT_KEYS if key in nodes}
    if not found:
        return None
    from shipper.config.processors import read_section  # 50 ms, a fifth of a start without them

    return read_section(reader, found)


def _processed(form: Form, everywhere: "Section | None", own: "Section | None") -> Form:
    sections = [one for one in (everywhere, own) if one]
    if not sections:
        return form
    from shipper.config.processors import chain_of
    from shipper.forms.processed import Processed

    chain = chain_of(sections)
    return Processed(as_text(form) if chain.reads_text else form, chain)
