"""The fuzz targets hold for what they were made of, and for bytes near it."""

import gzip
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS
from shipper.wire.lumberjack import Sender, ack

POSITION = {
    "set": [
        {
            "id": 1,
            "path": "/a",
            "device": 1,
            "inode": 2,
            "head": "",
            "offset": 3,
            "updated_s": 4,
        }
    ]
}
COMMIT = json.dumps(POSITION).encode()
SEEDS = {
    "acknowledgements": [ack(0) + ack(1) + ack(3) + ack(1) + ack(7), ack(9)],
    "windows": [Sender().window([b"{}", b"1"]), Sender(zlib.compress).window([b"{}"] * 9)],
    "messages": [
        b'{"id":1,"method":"a"}\n\n[{"id":"a","result":{"b":[1,{"c":"\\u00e9"}]}},1]\nx',
        b'{"result":{"content":[{"text":"\xc3\xa9\\ud83d"}],"isError":true},"jsonrpc":"2.0","id":7}',
    ],
    "replies": [
        b"+OK\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n-NOAUTH Authentication required.\r\n",
        b"+QUEUED\r\n*3\r\n$3\r\n1-0\r\n*0\r\n*1\r\n-WRONGTYPE key\r\n+next\r\n",
    ],
    "bulk_answer": [b'{"items":[{"create":{"status":201}},{"create":{"status":429}}]}'],
    "lines": [b'{"a":1}\n {"b":[]}\r\n\n[1]\n{"c":"\xff"}\n', b'{"a":1}\n{"b":2}'],
    "archive": [
        gzip.compress(b'{"a":1}\n') + b"\0\0" + gzip.compress(b"{}" * 999),
        gzip.compress(b'{"a":1}\n' * 9, 0),
    ],
    "text": [
        b"2016-10-06T00:17:09.669794202Z stdout P a\n2016-10-06T00:17:09Z stdout F b\n c\nd\n",
        b'{"log":"text\\n","stream":"stdout","time":"2016-10-06T00:17:09.669794202Z"}\n{"a.b":1}\n',
    ],
    "routes": [
        b'{"event":{"id":"1"},"data_stream":{"dataset":"a.b"}}\n{"event":1}',
        b'{"event":{\r},"data_stream":1}',
    ],
    "positions": [
        b'{"format":"mcp-shipper positions","version":2}\n{"crc":%d,"commit":%b}\n'
        % (zlib.crc32(COMMIT), COMMIT)
    ],
    "configuration": [b"output.logstash: {hosts: [a:1]}\nfilebeat.inputs:\n- {paths: [/a]}\n"],
    "suspects": [b'{"":1e999,"a":[[[{}]]],"b":"\\""}'],
    "fault_scripts": [b"3x ok; reset at 1k; ack 50%, close; items 400 matching a.*; loop"],
}


def near(seed):
    """The seed with a piece left out, doubled or replaced."""

    def changed(start, length, kind, piece):
        cut = seed[start : start + length]
        return (
            seed[:start]
            + {"out": b"", "twice": cut * 2, "other": piece}[kind]
            + seed[start + length :]
        )

    places = st.integers(0, len(seed))
    kinds = st.sampled_from(["out", "twice", "other"])
    return st.builds(changed, places, st.integers(0, 20), kinds, st.binary(max_size=8))


@pytest.mark.parametrize("name", TARGETS)
def test_what_must_hold_of_foreign_bytes_holds(name):
    seeds = SEEDS[name]
    for seed in seeds:
        TARGETS[name](seed)

    @given(st.one_of(st.binary(), *map(near, seeds)))
    @settings(max_examples=300)
    def holds(data):
        TARGETS[name](data)

    holds()
