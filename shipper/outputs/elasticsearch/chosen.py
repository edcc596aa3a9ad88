"""Indices and ingest pipelines that are chosen for each line."""

from collections.abc import Sequence
from typing import Final

import msgspec

from shipper.lines import Lines
from shipper.outputs.base import Outcome, Rejected
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.processors.naming import Names, is_template, names_of

#: Stands in an action for the index that is not chosen yet; no line can name such a data stream.
_PLACEHOLDER: Final = "%{}"


class Chosen:
    """Puts the chosen names into the actions of lines."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._indices = self._pipelines = Names(())
        #: The index of lines that name no data stream, or what stands for it.
        self.placeholder = config.index and config.index.lower()  # as in Filebeat
        #: The pipeline of all lines, if it is the same for all.
        self.pipeline = config.pipeline
        if config.index_rules or is_template(config.index):
            self._indices = names_of(config.index, config.index_rules, is_lower=True)
            self.placeholder = _PLACEHOLDER
        if config.pipeline_rules or is_template(config.pipeline):
            self._pipelines = names_of(config.pipeline, config.pipeline_rules, is_lower=True)
            self.pipeline = None

    @property
    def is_needed(self) -> bool:
        """Whether any name depends on the line."""
        return bool(self._indices.rules or self._pipelines.rules)

    @property
    def has_pipelines(self) -> bool:
        """Whether a line may get a pipeline of its own."""
        return bool(self._pipelines.rules)

    def actions(
        self, lines: Lines, actions: Sequence[bytes], default: bytes
    ) -> tuple[list[bytes], dict[int, Outcome]]:
        """The complete actions, and the outcome of each line that no index is for.

        `default` begins the action of a line that names no data stream.
        """
        chosen = list(actions)
        rejected: dict[int, Outcome] = {}
        for at, action in enumerate(actions):
            if self._indices.rules and action.startswith(default):
                line = lines[at]
                if index := self._indices.of(line):
                    head = b'{"create":{"_index":%b' % _encode(index)
                    chosen[at] = head + action[len(default) :]
                else:
                    rejected[at] = Rejected(self._indices.why_not(line, "index"))
            if self._pipelines.rules and (pipeline := self._pipelines.of(lines[at])):
                chosen[at] = b'%b,"pipeline":%b}}\n' % (
                    chosen[at].removesuffix(b"}}\n"),
                    _encode(pipeline),
                )
        return chosen, rejected


_encode = msgspec.json.Encoder().encode
