"""The Rubies that Logstash brings: JRuby, one jar for each release."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real import Missing
from tests.real.cache import cached

#: By the Logstash that brings it. That of 9 is nearer to the Ruby that all other tests run on.
VERSIONS = {"8.3": "9.2.20.1", "8.9": "9.3.10.0"}
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
FETCH_TIMEOUT_S = 300
#: What newer Javas ask of it, and Logstash's own start script gives it.
_OPENS = "--add-opens java.base/sun.nio.ch=ALL-UNNAMED --add-opens java.base/java.io=ALL-UNNAMED"
#: A run lasts seconds: compiling well would take longer than it saves.
_BRIEF = "-XX:TieredStopAtLevel=1"


@contextmanager
def jruby_path(version: str) -> Iterator[str]:
    """A program that is called as `ruby` is."""
    java = shutil.which("java")
    if java is None:
        raise Missing("JRuby runs in Java; install a JRE")
    jar = cached(f"jruby-{version}", lambda folder: _fetch(folder, version))
    yield str(
        cached(f"jruby-{version}-program", lambda folder: _program(folder, java, jar)) / "ruby"
    )


def _fetch(folder: Path, version: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing(f"JRuby {version} is fetched with Maven; install it (maven)")
    artifact = f"-Dartifact=org.jruby:jruby-complete:{version}"
    got = subprocess.run(
        [maven, "-B", "-q", MAVEN_COPY, artifact, f"-DoutputDirectory={folder}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FETCH_TIMEOUT_S,
        check=False,
    )
    if got.returncode:
        said = (got.stdout + got.stderr).partition("\n")[0]
        raise Missing(f"JRuby {version} could not be fetched: Maven says …{said[-200:]}")


def _program(folder: Path, java: str, jar: Path) -> None:
    [file] = jar.glob("*.jar")
    program = folder / "ruby"
    program.write_text(
        f'#!/bin/sh\nexec {java} {_OPENS} {_BRIEF} -jar {file} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
