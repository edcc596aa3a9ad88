"""The command that takes over Filebeat's positions."""

from collections.abc import Iterator
from pathlib import Path

from shipper.config import Config
from shipper.deliver.filebeat import TakenOver, read_states, taken_over
from shipper.errors import RegistryError
from shipper.follow.registry import Registry, registry_path


def take_over(config: Config, path: Path, *, is_dry: bool) -> tuple[TakenOver, list[str]]:
    """Give each output the positions of Filebeat's registry at `path`, and return its name.

    Raises `RegistryError` if an output has positions already, or if it is running.
    """
    found = taken_over(read_states(path), config.inputs)
    names = [*config.outputs]
    if not is_dry:
        (config.data / "registry").mkdir(mode=0o700, parents=True, exist_ok=True)
        for registry in _empty_registries(config, names):
            registry.commit(found.positions)
    return found, names


def _empty_registries(config: Config, names: list[str]) -> Iterator[Registry]:
    for name in names:
        place = registry_path(config.data, name)
        with Registry(place) as registry:
            if any(registry.committed):
                raise RegistryError(
                    f"{place}: {name} has positions already; move this file away if they are not "
                    "needed, and run the command again"
                )
            yield registry
