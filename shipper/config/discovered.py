"""An input for the logs of all containers, each of which is read as its container wants."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from shipper.config.read import new_reader
from shipper.forms.base import Form
from shipper.forms.dropped import DROPPED
from shipper.processors.event import Event
from shipper.shown import shown
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader

_log = logging.getLogger(__name__)

#: As many containers as a node has.
_MAX_LOGS = 4096


class Known(NamedTuple):
    """What is known of a container."""

    #: Under the names of Filebeat's autodiscover events.
    data: Event
    #: Annotations or labels, their names as they are.
    hints: Mapping[str, str]
    #: Its name in its pod.
    name: str = ""
    #: Whether no more will be known of it, because the API server was asked or there is none.
    is_certain: bool = True


class Containers(Protocol):
    """Describes the containers of logs."""

    def of(self, path: str) -> Known | None:
        """What is known of a log's container; None if that may be known soon."""
        ...


class Chosen(NamedTuple):
    """The input for one container."""

    #: None if its log is not wanted.
    config: YamlNode | None
    #: Whether another one may be chosen once more is known of the container.
    is_guess: bool = False
    #: Hints that are not read.
    others: tuple[str, ...] = ()


class Provider(Protocol):
    """Decides what becomes of the logs of containers."""

    @property
    def metadata(self) -> YamlNode:
        """The processor that adds what is known of a container."""
        ...

    def containers(self, metadata: object, /) -> Containers:
        """Who describes the containers; `metadata` is the processor."""
        ...

    def choose(self, known: Known, /) -> Chosen:
        """The input for a container; raises `ValueError` if its hints cannot be read."""
        ...

    def default(self) -> YamlNode | None:
        """The input for a container without hints; None if those are not shipped."""
        ...

    def written(self) -> Iterator[YamlNode]:
        """The inputs as they are written, to be checked."""
        ...


class Discovered(YamlNode):
    """An input for all logs, with the provider that decides about each."""

    provider: Provider | None = None


class ByContainer:
    """The form of each log, by what is known of its container now."""

    def __init__(
        self,
        provider: Provider,
        containers: Containers,
        read: Callable[[Reader, YamlNode], Form | None],
    ) -> None:
        """`read` makes the form of an input."""
        self._provider, self._containers, self._read = provider, containers, read
        self._forms: dict[str, tuple[Known, Form | None]] = {}

    def __call__(self, path: str) -> Form | None:
        """The form, or None while that is not known."""
        known = self._containers.of(path)
        if known is None:
            return None
        before = self._forms.get(path)
        if before is None or before[0] != known:
            while len(self._forms) >= _MAX_LOGS:
                self._forms.pop(next(iter(self._forms)), None)
            before = self._forms[path] = known, self._form(path, known)
        return before[1]

    def _form(self, path: str, known: Known) -> Form | None:
        try:
            chosen = self._provider.choose(known)
        except ValueError as error:
            return self._default(path, [f"hint {error}"])
        if chosen.config is None:
            return None if chosen.is_guess else DROPPED
        if chosen.others:
            _log.warning("%s: hints without effect: %s.", shown(path), ", ".join(chosen.others))
        reader = new_reader()
        form = self._read(reader, chosen.config)
        if reader.problems or form is None:
            return self._default(path, [problem.what for problem in reader.problems])
        return form

    def _default(self, path: str, problems: list[str]) -> Form | None:
        """Without the hints, which cannot be obeyed: no line is lost for them."""
        what = "%s: its hints cannot be obeyed, and it is read without them: %s."
        _log.warning(what, shown(path), "; ".join(problems))
        config = self._provider.default()
        return DROPPED if config is None else self._read(new_reader(), config)
