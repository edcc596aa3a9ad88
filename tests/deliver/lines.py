"""Helpers of the delivery tests: files of numbered lines, and pipelines over them."""

import json
import os
import time

from shipper.deliver.pipeline import Pipeline, PipelineConfig
from shipper.follow.inputs import InputConfig
from tests.fakes import ScriptedOutput


def line(n, size=0):
    return json.dumps({"n": n, "pad": "x" * size}).encode()


def block(numbers, size=0):
    return b"".join(line(n, size) + b"\n" for n in numbers)


def append(path, data):
    with path.open("ab") as file:
        file.write(data)


def age(path, age_s):
    """Set the last change of the file to `age_s` ago."""
    then = time.time() - age_s
    os.utime(path, (then, then))


def numbers(lines):
    return [json.loads(one)["n"] for one in lines]


def config(home, *patterns, **options):
    paths = patterns or (str(home / "logs" / "*.log*"),)
    return PipelineConfig(
        name="test", inputs=(InputConfig(paths=paths),), data_path=home / "data", **options
    )


def drained(settings, output=None, **options):
    """Deliver existing lines; returns the pipeline and its output."""
    output = output or ScriptedOutput()
    pipeline = Pipeline(settings, output, **options)
    pipeline.drain()
    return pipeline, output


def in_passes(pipeline):
    """Deliver existing lines at each `next`."""
    with pipeline.started() as delivery:
        while True:
            delivery.catch_up()
            yield


def delivered(settings):
    """The numbers of the lines that a new start delivers."""
    return numbers(drained(settings)[1].taken)


def dead_letters(settings):
    path = settings.dead_letters_path
    return list(map(json.loads, path.read_bytes().splitlines())) if path.exists() else []
