"""Processors at work: from a configuration, over files, to what the destination gets."""

import json
from hashlib import sha256

import pytest

from shipper.config import from_mapping, load
from shipper.errors import ConfigError
from shipper.forms.base import Block
from shipper.forms.check import sift
from shipper.forms.ndjson import NDJSON
from shipper.forms.processed import Processed
from shipper.record.event import create_event
from shipper.run.service import Service
from tests.processors.chains import chain
from tests.record.recorder import Recorder, assert_whole, segments


def shipped(tmp_path, text):
    """What goes into the file output under this configuration, and the counters."""
    path = tmp_path / "c.yml"
    target = f"output.file: {{path: {tmp_path}, filename: out}}\npath.home: {tmp_path}\n"
    path.write_text(text.replace("HERE", str(tmp_path)) + target, encoding="utf-8")
    service = Service(load(path, {}))
    service.drain()
    (pipeline,) = service.pipelines.values()
    lines = (tmp_path / "out.ndjson").read_bytes().splitlines()
    return lines, pipeline.stats


def test_sections_come_in_filebeats_order_and_only_for_their_input(tmp_path):
    (tmp_path / "a.ndjson").write_text('{"m":"a"}\n{"m":"gone"}\n')
    (tmp_path / "b.ndjson").write_text('{"m":"b"}\n')
    lines, stats = shipped(
        tmp_path,
        """
fields: {env: prod, tier: all}
tags: [everywhere]
processors:
- add_fields: {target: "", fields: {last: "everywhere"}}
inputs:
- id: a
  paths: [HERE/a.ndjson]
  fields: {tier: mine}
  fields_under_root: true
  tags: own
  processors:
  - drop_event: {when: {equals: {m: gone}}}
  - add_fields: {target: "", fields: {last: own, own: 1}, when: {contains: {tags: everywhere}}}
- id: b
  paths: [HERE/b.ndjson]
""",
    )
    assert sorted(map(json.loads, lines), key=lambda event: event["m"]) == [
        {
            "m": "a",
            "fields": {"env": "prod", "tier": "all"},
            "tier": "mine",
            "tags": ["everywhere", "own"],
            "last": "everywhere",
            "own": 1,
        },
        {
            "m": "b",
            "fields": {"env": "prod", "tier": "all"},
            "tags": ["everywhere"],
            "last": "everywhere",
        },
    ]
    assert (stats.delivered, stats.filtered) == (2, 1)


def test_an_untouched_line_is_shipped_byte_for_byte(tmp_path):
    odd = b'{ "n" : 1.50, "m":2 , "x":"\\u0041"}'
    (tmp_path / "a.ndjson").write_bytes(odd + b"\n")
    text = "inputs: [{paths: HERE/a.ndjson, processors: [{drop_fields: {fields: zz}}]}]\n"
    assert shipped(tmp_path, text)[0] == [odd]


def test_own_segments_pass_as_they_are_whatever_the_processors_do(tmp_path):
    recorder = Recorder(tmp_path / "audit")
    recorder.log(create_event("mcp_tool_execution", {"tool_name": "t"}))
    recorder.close()
    (segment,) = segments(tmp_path / "audit")
    (tmp_path / "audit/foreign.jsonl").write_text('{"m":"password=hunter2"}\n')
    lines, _ = shipped(
        tmp_path,
        """
inputs: [{paths: HERE/audit/*.jsonl}]
processors:
- redact:
- drop_event: {when: {not: {has_fields: [m]}}}
- add_tags: {tags: x}
""",
    )
    own = segment.read_bytes().splitlines()
    assert [line for line in lines if b'"hash"' in line] == own
    assert_whole(own)
    assert b'{"m":"password=[PASSWORD]","tags":["x"]}' in lines


def test_a_foreign_line_that_ends_as_a_sealed_one_does_is_redacted_all_the_same(tmp_path):
    seal = '"event":{"hash":"' + "0" * 64 + '"}}'
    line = '{"m":"password=hunter2",' + seal.replace('{"hash"', '{"n":1,"hash"') + "\n"
    (tmp_path / "a.ndjson").write_text(line)
    text = "inputs: [{paths: HERE/a.ndjson, processors: [{redact: }]}]\n"
    (redacted,) = shipped(tmp_path, text)[0]
    assert json.loads(redacted)["m"] == "password=[PASSWORD]"


def test_each_line_keeps_the_place_of_the_line_that_it_was():
    lines = [b'{"n":1}', b"bad", b'{"n":2}', b'{"n":3,"deep":' + b"1" * 5000 + b"}", b'{"n":4}']
    text = """
- drop_event: {when: {equals: {n: 2}}}
- drop_event: {when: {range: {deep.gt: 0}}}
- add_tags: {tags: x}
"""
    data = b"\n".join((*lines, b""))
    starts = [100 + data.index(line) for line in lines]
    sifted = Processed(NDJSON, chain(text)).sift(Block(data, 100, "f", 1 << 20))
    assert list(sifted.lines) == [b'{"n":1,"tags":["x"]}', b'{"n":4,"tags":["x"]}']
    assert list(sifted.offsets) == [starts[0], starts[4]]
    assert list(sifted.filtered) == [starts[2]]
    bad, unprocessed = sifted.rejects
    assert (bad.offset, bad.line) == (starts[1], lines[1])
    assert (unprocessed.offset, unprocessed.length) == (starts[3], len(lines[3]))
    assert unprocessed.reason.startswith("cannot be processed")


def test_a_line_that_was_not_processed_is_no_letter_that_replay_would_send():
    line = b'{"password":"hunter2","deep":' + b"1" * 5000 + b"}"
    form = Processed(NDJSON, chain("- redact:"))
    (reject,) = form.sift(Block(line + b"\n", 0, "f", 1 << 20)).rejects
    assert reject.line == line[:1024]
    assert (reject.length, reject.sha256) == (len(line), sha256(line).hexdigest())


def test_a_file_of_which_every_line_is_dropped_is_done_with(tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_text('{"n":1}\n' * 5000)
    (tmp_path / "out.ndjson").touch()
    text = "inputs: [{paths: HERE/a.ndjson, processors: [{drop_event: }]}]\n"
    lines, stats = shipped(tmp_path, text)
    assert (lines, stats.filtered, stats.read_bytes) == ([], 5000, path.stat().st_size)
    assert shipped(tmp_path, text)[1].filtered == 0


def test_a_block_that_no_processor_touches_is_not_copied():
    data = b'{"n":1}\n{"n":2}\n'
    form = Processed(NDJSON, chain("- drop_event: {when: {equals: {n: 3}}}"))
    assert form.sift(Block(data, 0, "f", 1 << 20)).lines == sift(data, 0, 1 << 20).lines


def test_lines_far_apart_that_a_processor_touches_keep_their_places():
    lines = [b'{"n":%d,"text":"a \\"b\\" c"}' % number for number in range(300)]
    data = b"".join(line + b"\n" for line in lines)
    text = """
- drop_event: {when: {equals: {n: 7}}}
- add_tags: {tags: x, when: {equals: {n: 170}}}
"""
    found = Processed(NDJSON, chain(text)).sift(Block(data, 5, "f", 1 << 20))
    wanted = [line for line in lines if b":7," not in line]
    wanted[169] = b'{"n":170,"text":"a \\"b\\" c","tags":["x"]}'
    assert [*found.lines] == wanted
    assert [*found.offsets] == [5 + data.index(line) for line in lines if b":7," not in line]
    assert [*found.filtered] == [5 + data.index(lines[7])]


def test_the_configuration_says_that_own_segments_are_left_alone(tmp_path):
    config = from_mapping({"tags": ["x"], "inputs": [{"paths": ["/x"], "fields": {"a": 1}}]})
    (note,) = config.notes
    assert "lines of audit segments pass unchanged" in note


def test_processors_that_no_input_has_are_checked_once():
    with pytest.raises(ConfigError) as caught:
        from_mapping({"processors": [{"dissect": {}}], "inputs": [{"paths": "a"}, {"paths": "b"}]})
    assert len(caught.value.problems) == 1
