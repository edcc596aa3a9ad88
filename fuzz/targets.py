"""Each target takes any bytes and holds what it asserts; errors other than ours are findings."""

import gzip
import json
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shipper.config import load
from shipper.errors import BadInput, ProtocolError, RegistryError
from shipper.faults.bulk import read_pairs
from shipper.faults.script import BULK, LUMBERJACK, PROXY, parse
from shipper.follow.archive import Archive
from shipper.follow.registry import read_positions
from shipper.forms.base import BEFORE_BYTES, Block
from shipper.forms.check import clean_lines, fault, sift
from shipper.forms.text.container import Container
from shipper.forms.text.emit import Json
from shipper.forms.text.form import Text
from shipper.forms.text.multiline import Multiline
from shipper.outputs.logstash.suspect import suspicion
from shipper.wire import resp
from shipper.wire.bulk import ActionEncoder, read_failure, read_response
from shipper.wire.jsonrpc import HEAD, LineFraming, Look, messages_in
from shipper.wire.lumberjack import Receiver, Sender
from shipper.wire.mget import read_stored

_SPACE = b" \t\r"


def acknowledgements(data: bytes) -> None:
    """Whole or in pieces, the same windows are settled, and never more than there are."""
    whole = _acknowledged([data])
    assert whole == _acknowledged([data[n : n + 1] for n in range(len(data))])


def _acknowledged(pieces: list[bytes]) -> tuple[int, int] | None:
    sender = Sender()
    sizes = (3, 1, 7)
    for size in sizes:
        sender.window([b"{}"] * size)
    try:
        for piece in pieces:
            sender.receive(piece)
    except ProtocolError:
        return None
    assert 0 <= sender.in_flight <= len(sizes)
    assert 0 <= sender.acked < max(sizes)
    return sender.in_flight, sender.acked


def windows(data: bytes) -> None:
    """Whole or in pieces, the same windows come, and each event once."""
    whole = _received([data])
    assert whole == _received([data[n : n + 1] for n in range(len(data))])


def _received(pieces: list[bytes]) -> object:
    receiver = Receiver(max_bytes=1 << 16, max_window=100)
    came = []
    try:
        for piece in pieces:
            came += receiver.receive(piece)
    except ProtocolError:
        return None  # windows before the fault count, but only in pieces do they come
    assert all(len(window) <= 100 for window in came)
    return came


def messages(data: bytes) -> None:
    """Whole or in pieces, the same messages come; each is an object, complete or cut."""
    whole = _looks([data])
    assert whole == _looks([data[n : n + 1] for n in range(len(data))])
    assert b"".join(look.head for look in whole).count(b"\n") == 0
    for look in (*whole, Look(len(data) + HEAD, data, data)):
        assert all(isinstance(message, dict) for message in messages_in(look))


def _looks(pieces: list[bytes]) -> list[Look]:
    framing = LineFraming()
    return [look for piece in pieces for look in framing.feed(piece)] + framing.finish()


def replies(data: bytes) -> None:
    """Whole or in pieces, the same replies come; a broken protocol is broken in both."""
    whole = _replied([data])
    assert whole == _replied([data[n : n + 1] for n in range(len(data))])


def _replied(pieces: list[bytes]) -> object:
    receiver = resp.Receiver(max_bytes=1 << 12)
    came = []
    try:
        for piece in pieces:
            came += receiver.receive(piece)
    except ProtocolError:
        return None  # replies before the fault come in pieces only
    return came


def bulk_answer(data: bytes) -> None:
    """Exactly as many outcomes as lines, or a broken protocol; never a success by default."""
    with suppress(ProtocolError):
        items = read_response(data, 2)
        assert len(items) == 2
        assert all(type(item.status) is int for item in items)
    assert isinstance(read_failure(data), str)
    with suppress(ProtocolError):
        assert len(read_stored(data, 2)) == 2


def lines(data: bytes) -> None:
    """Every line of a block is sent, rejected or blank, in order, by the quick way as well."""
    block = data + b"\n"
    raw = block.split(b"\n")[:-1]
    wanted = [line.strip(_SPACE) for line in raw]
    good = [line for line in wanted if line and fault(line) is None]
    bad = [line for line in raw if line.strip(_SPACE) and fault(line.strip(_SPACE)) is not None]
    found = sift(block, 0, 1 << 20)
    assert list(found.lines) == good
    assert [reject.line for reject in found.rejects] == bad
    quick = clean_lines(block)
    assert quick is None or list(quick) == wanted
    for line in good:
        _is_object(line)


def _is_object(line: bytes) -> None:
    """What we send, another parser takes as one object."""
    with suppress(RecursionError, ValueError):  # depth and long numbers are each parser's own
        assert isinstance(json.loads(line), dict)
        return
    assert line.startswith(b"{")


FORMS = (
    Text(),
    Text(json=Json(target="json", expand_keys=True, add_error_key=True)),
    Text(parsers=(Container(),)),
    Text(parsers=(Container(), Multiline(pattern=re.compile(r"^\s")))),
    Text(parsers=(Multiline(type="count", count_lines=3),)),
    Text(parsers=(Multiline(pattern=re.compile("^[a-f]"), negate=True, match="before"),)),
)


def text(data: bytes) -> None:
    """However a file is cut into blocks, its events are the same, and each one strict object."""
    block = data + b"\n"
    for form in FORMS:
        whole = _events(form, block, len(block))
        for line in whole:
            assert fault(line) is None
        assert whole == _events(form, block, block.find(b"\n") + 1)


def _events(form: Text, data: bytes, first: int) -> list[bytes]:
    """The events of a file that is read in blocks, the first of that many bytes."""
    found: list[bytes] = []
    start, end = 0, first
    while start < len(data):
        is_last = end == len(data)
        before = data[max(0, start - BEFORE_BYTES) : start]
        block = Block(data[start:end], start, "/a.log", 1 << 16, is_last=is_last, before=before)
        sifted = form.sift(block)
        found += [_without_time(line) for line in sifted.lines]
        start = end - sifted.waiting_bytes
        assert start == end or not is_last
        end = len(data) if is_last else data.find(b"\n", end) + 1
    return found


def _without_time(line: bytes) -> bytes:
    """An event that we make has the time at which it was read."""
    return re.sub(rb'"(@timestamp|created)":"[^"]*"', rb'"\1":""', line)


def archive(data: bytes) -> None:
    """What it holds is the same however it is read, and where we find no fault, gzip finds none."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        found = Archive(file.fileno())
        while not found.explore((len(data), 0)):
            pass
        whole = found.read(found.size, 0)
        assert len(whole) == found.size
        size = max(1, found.size // 5)
        parts = [found.read(size, start) for start in range(0, found.size, size)]
        assert b"".join(parts) == whole
    assert found.fault or gzip.decompress(data) == whole


def routes(data: bytes) -> None:
    """Each line has one action, which is a line of JSON and names an index."""
    block = b"".join(line + b"\n" for line in sift(data + b"\n", 0, 1 << 20).lines)
    actions = ActionEncoder("logs-generic-default").actions(block)
    assert len(actions) == block.count(b"\n")
    for action in actions:
        ((operation, target),) = json.loads(action).items()
        assert operation == "create"
        assert target["_index"]
        assert action.count(b"\n") == 1


def positions(data: bytes) -> None:
    """A journal is read, or damaged and said to be."""
    path = _SCRATCH / "positions.ndjson"
    path.write_bytes(data)
    with suppress(RegistryError):
        assert all(one.offset is not None for one in read_positions(path))


def configuration(data: bytes) -> None:
    """A configuration is good, or every problem has words."""
    path = _SCRATCH / "mcp-shipper.yml"
    path.write_bytes(data)
    try:
        load(path, {})
    except BadInput as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(one.where and one.what for one in problems)


def suspects(data: bytes) -> None:
    """Any line can be looked at for what Logstash may not like."""
    assert suspicion(data) is None or suspicion(data)


def fault_scripts(data: bytes) -> None:
    """A script of faults is read, or refused with words."""
    text = data.decode("utf-8", "replace")
    for words in (LUMBERJACK, BULK, PROXY):
        with suppress(BadInput):
            script = parse(text, words)
            assert script.take() or script.take(at_connection=True)
    with suppress(BadInput):
        read_pairs(data)


_SCRATCH = Path(tempfile.mkdtemp(prefix="mcp-shipper-fuzz-"))

TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        acknowledgements,
        windows,
        messages,
        replies,
        bulk_answer,
        lines,
        text,
        archive,
        routes,
        positions,
        configuration,
        suspects,
        fault_scripts,
    )
}
