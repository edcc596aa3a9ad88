"""The console output on the process's own standard output."""

import io
import sys

import pytest

from shipper.errors import Refused
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED
from shipper.outputs.console.config import ConsoleConfig
from shipper.outputs.console.output import Console

TWO = Lines.of([b'{"a":{"b":1}}', b"{}"])


def test_lines_come_out_as_they_are(capfdbinary):
    assert Console(ConsoleConfig()).send(TWO) == [DELIVERED] * 2
    assert capfdbinary.readouterr().out == b'{"a":{"b":1}}\n{}\n'


def test_pretty_lines_are_indented(capfdbinary):
    Console(ConsoleConfig(pretty=True)).send(TWO)
    assert capfdbinary.readouterr().out == b'{\n  "a": {\n    "b": 1\n  }\n}\n{}\n'


def test_a_closed_pipe_is_refused(monkeypatch):
    class Broken(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            raise BrokenPipeError(32, "Broken pipe")

    stdout = io.TextIOWrapper(io.BufferedWriter(Broken()))
    monkeypatch.setattr(sys, "stdout", stdout)
    with pytest.raises(Refused, match="standard output: Broken pipe"):
        Console(ConsoleConfig()).send(TWO)
    monkeypatch.undo()
    stdout.buffer.raw.close()


def test_the_probe_writes_nothing(capfdbinary):
    assert Console(ConsoleConfig()).probe() == "standard output"
    assert capfdbinary.readouterr().out == b""
