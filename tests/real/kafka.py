"""A real Kafka 4.4.0: one node that is broker and controller, its data in a temp folder.

Two listeners: one plain, and one with TLS that asks for `USER` and `PASSWORD`. Topics are not made
by being named: `create_topic` makes them.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import trustme
from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka.admin import AdminClient, NewTopic
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.real import Missing
from tests.real.cache import cached
from tests.real.processes import free_ports
from tests.real.server import Server

VERSION = "4.4.0"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.5</version>
    </dependency>
  </dependencies>
</project>
"""
FETCH_TIMEOUT_S = 600  # 43 MB
ANSWER_TIMEOUT_S = 30

USER, PASSWORD = "shipper", "the right one"

LOGIN = "org.apache.kafka.common.security"
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.io.buffer.size=65536
auto.create.topics.enable=false
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config={login}.plain.PlainLoginModule required \\
    user_{user}="{password}";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;
"""


class Kafka(Server):
    """One node, with a plain listener and one with TLS and passwords."""

    name = "kafka"
    start_timeout_s = 90  # 5 s on an idle machine

    def __init__(self) -> None:
        self._libraries = cached(f"kafka-{VERSION}", _fetch)
        self._plain, self._secure, self._controller = free_ports(3)
        super().__init__()

    @property
    def address(self) -> str:
        """Of the listener without TLS and passwords."""
        return f"127.0.0.1:{self._plain}"

    @property
    def secure_address(self) -> str:
        """Of the listener with TLS, where clients must log in."""
        return f"127.0.0.1:{self._secure}"

    @property
    def authority(self) -> Path:
        """The PEM file of the authority that the secure listener's certificate is of."""
        return self._folder / "authority.pem"

    def create_topic(self, name: str, *, partitions: int = 3, **settings: str) -> str:
        """The name of a new topic."""
        topic = NewTopic(name, partitions, 1, config=settings)
        admin = self._admin()  # it must outlive its requests
        admin.create_topics([topic], request_timeout=ANSWER_TIMEOUT_S)[name].result()
        return name

    def messages(self, topic: str) -> list[Message]:
        """Every message of `topic`; those of a partition in their order."""
        settings = {
            "bootstrap.servers": self.address,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
        consumer = Consumer(settings)
        try:
            partitions = len(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
            consumer.subscribe([topic])
            return list(_until_the_ends(consumer, partitions))
        finally:
            consumer.close()

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def _prepare(self) -> None:
        self._lay_out()
        self._format()

    def _command(self) -> Sequence[str]:
        return [*self._java("kafka.Kafka"), self._settings]

    def _is_ready(self) -> bool:
        try:
            return bool(self._admin().list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    @property
    def _settings(self) -> str:
        return str(self._folder / "server.properties")

    def _java(self, main: str) -> list[str]:
        java = shutil.which("java")
        if java is None:
            raise Missing(f"Kafka {VERSION} runs on Java 17 or newer; install one")
        options = ["-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1"]
        return [java, *options, "-cp", f"{self._libraries}/lib/*", main]

    def _lay_out(self) -> None:
        settings = SETTINGS.format(
            folder=self._folder,
            plain=self._plain,
            secure=self._secure,
            controller=self._controller,
            login=LOGIN,
            user=USER,
            password=PASSWORD,
        )
        (self._folder / "server.properties").write_text(settings)
        authority = trustme.CA()
        own = authority.issue_cert("127.0.0.1")
        key = load_pem_private_key(own.private_key_pem.bytes(), None)
        pems = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())]
        pems += [pem.bytes() for pem in own.cert_chain_pems]
        (self._folder / "keystore.pem").write_bytes(b"".join(pems))
        authority.cert_pem.write_to_path(self.authority)

    def _format(self) -> None:
        identity = ["-t", "bXAtc2hpcHBlci10ZXN0cw", "-c", self._settings]
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        command = [*self._java("kafka.tools.StorageTool"), "format", *identity]
        done = subprocess.run(
            [*command, "--add-scram", user], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"Kafka's storage cannot be formatted:\n{done.stdout}{done.stderr}")


def _until_the_ends(consumer: Consumer, partitions: int) -> Iterator[Message]:
    while partitions:
        message = consumer.poll(30)
        if message is None:
            raise TimeoutError("Kafka gives no message within 30 s, and no end of a partition")
        error = message.error()
        if error is None:
            yield message
        elif error.code() == error._PARTITION_EOF:
            partitions -= 1
        else:
            raise KafkaException(error)


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing(f"Kafka {VERSION} is fetched with Maven; install it (maven)")
    pom = folder / "pom.xml"
    pom.write_text(POM)
    repository = folder / "repository"  # not the user's own: leave no trace there
    options = ["-B", "-q", "-Dstyle.color=never", "-f", str(pom)]
    target = [f"-DoutputDirectory={folder}/lib", f"-Dmaven.repo.local={repository}"]
    got = subprocess.run(
        [maven, *options, COPY, *target],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FETCH_TIMEOUT_S,
        check=False,
    )
    if got.returncode:
        said = (got.stdout + got.stderr).partition("\n")[0].removesuffix(" -> [Help 1]")
        raise Missing(f"Kafka {VERSION} could not be fetched: Maven says …{said[-200:]}")
    shutil.rmtree(repository)
