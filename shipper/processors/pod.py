"""A pod as the API server describes it, and its facts under the names of Filebeat."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from msgspec import Struct, field

from shipper.processors.event import Event


class Owner(Struct, frozen=True):
    """What made the pod: a ReplicaSet, a Job."""

    kind: str = ""
    name: str = ""
    controller: bool = False


class Metadata(Struct, frozen=True):
    """The names of a pod."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    owners: tuple[Owner, ...] | None = field(default=None, name="ownerReferences")


class Container(Struct, frozen=True):
    """A container as it was asked for."""

    name: str = ""
    image: str = ""


class ContainerStatus(Struct, frozen=True):
    """A container as it runs."""

    name: str = ""
    #: `containerd://` and its id.
    container_id: str = field(default="", name="containerID")


_Containers = tuple[Container, ...] | None
_Statuses = tuple[ContainerStatus, ...] | None


class Spec(Struct, frozen=True, rename="camel"):
    """What was asked for."""

    node: str = field(default="", name="nodeName")
    containers: _Containers = None
    init_containers: _Containers = None
    ephemeral_containers: _Containers = None


class Status(Struct, frozen=True, rename="camel"):
    """What runs."""

    ip: str = field(default="", name="podIP")
    container_statuses: _Statuses = None
    init_container_statuses: _Statuses = None
    ephemeral_container_statuses: _Statuses = None


class Pod(Struct, frozen=True):
    """The parts of a pod that concern its logs."""

    metadata: Metadata = field(default_factory=Metadata)
    spec: Spec = field(default_factory=Spec)
    status: Status = field(default_factory=Status)

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.metadata.annotations or {}

    def image(self, container: str) -> str:
        """The image of a container; empty if it has none of this name."""
        spec = self.spec
        lists = (spec.containers, spec.init_containers, spec.ephemeral_containers)
        found = (one.image for several in lists for one in several or () if one.name == container)
        return next(found, "")

    def running(self, container: str) -> tuple[str, str]:
        """The runtime and the id of a container; empty before it runs."""
        now = self.status
        lists = (
            now.container_statuses,
            now.init_container_statuses,
            now.ephemeral_container_statuses,
        )
        found = (one for several in lists for one in several or () if one.name == container)
        runtime, _, identity = next((one.container_id for one in found), "").partition("://")
        return runtime, identity

    def facts(self) -> Event:
        """What `kubernetes` says of it, without labels, annotations and containers."""
        own, spec = self.metadata, self.spec
        pod = {"name": own.name, "uid": own.uid, "ip": self.status.ip}
        found: Event = {
            "namespace": own.namespace,
            "pod": {key: value for key, value in pod.items() if value},
            **({"node": {"name": spec.node}} if spec.node else {}),
        }
        return {**found, **{kind: {"name": name} for kind, name in self._owners()}}

    def _owners(self) -> Iterator[tuple[str, str]]:
        for owner in self.metadata.owners or ():
            if owner.controller:
                yield owner.kind.lower(), owner.name
                yield from self._deployment(owner)

    def _deployment(self, owner: Owner) -> Iterator[tuple[str, str]]:
        """The Deployment: its ReplicaSets are called as it is, with the hash of their template."""
        suffix = (self.metadata.labels or {}).get("pod-template-hash")
        if owner.kind == "ReplicaSet" and suffix and owner.name.endswith(f"-{suffix}"):
            yield "deployment", owner.name.removesuffix(f"-{suffix}")


class Pods(Protocol):
    """The pods that the API server knows."""

    @property
    def is_listed(self) -> bool:
        """Whether all pods that there are now are known."""
        ...

    def find(self, namespace: str, name: str) -> Pod | None:
        """The pod, as it was last seen."""
        ...

    def awaits(self, namespace: str, name: str) -> bool:
        """Whether the pod is not known yet, and may still be soon."""
        ...
