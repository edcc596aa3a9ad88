"""What is known of the container of a log, for conditions, places and hints."""

from msgspec.structs import replace

from shipper.config.discovered import Known
from shipper.processors.docker import AddDockerMetadata, Dedot, DockerConfig
from shipper.processors.kubernetes import KubernetesConfig, container_facts, log_of
from shipper.processors.pod import Pods


class Docker:
    """The containers of Docker, by the files beside their logs."""

    def __init__(self) -> None:
        self._dedotted = AddDockerMetadata(DockerConfig())
        self._as_named = AddDockerMetadata(DockerConfig(labels=Dedot(dedot=False)))

    def of(self, path: str) -> Known | None:
        event = {"log": {"file": {"path": path}}}
        container = self._dedotted.process(event).get("container")
        if container is None:
            return Known({}, {})
        labels = self._as_named.process(event)["container"].get("labels", {})
        older = {**container, "image": container.get("image", {}).get("name", "")}
        return Known({"container": container, "docker": {"container": older}}, labels)


class Kubernetes:
    """The containers of pods, by the API server, or by the names of their logs without one."""

    def __init__(self, config: KubernetesConfig, pods: Pods | None) -> None:
        self._config, self._pods = config, pods

    def of(self, path: str) -> Known | None:
        log = log_of(path)
        if log is None:
            return Known({}, {})
        pod = self._pods.find(log.namespace, log.pod) if self._pods else None
        if self._pods and pod is None and self._pods.awaits(log.namespace, log.pod):
            return None
        hints = pod.annotations if pod else {}
        config = replace(self._config, include_annotations=tuple(hints))
        found = container_facts(log, pod, config)
        image = pod.image(log.container) if pod else ""
        of_container = {**found.get("container", {}), "name": log.container}
        if image:
            of_container["image"] = image
        data = {**found, "kubernetes": {**found["kubernetes"], "container": of_container}}
        return Known(data, hints, log.container, self._is_certain or pod is not None)

    @property
    def _is_certain(self) -> bool:
        """Whether no more will be known of a pod that is not known now."""
        return self._pods is None or self._pods.is_listed
