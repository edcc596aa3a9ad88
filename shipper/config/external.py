"""`filebeat.config`: files with more inputs or modules, which Filebeat would also read."""

import glob
from pathlib import Path

from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader


def read_external(reader: Reader, key: str, node: YamlNode) -> None:
    """A problem if there are such files: their inputs would not be shipped. Otherwise a remark."""
    keys = reader.children(node, ("enabled", "path", "reload"))
    if "enabled" in keys and not reader.truth(keys["enabled"]):
        return
    files = _files(keys["path"], reader.text(keys["path"])) if "path" in keys else []
    if files:
        what = "are not read; put their inputs into this file" if key == "inputs" else _MODULES
        reader.note(node, f"{', '.join(files)}: {what}")
    else:
        reader.remarks.append(str(node.problem(f"no effect: {key} in other files are not read")))


_MODULES = (
    "modules are not supported: ship their files with an input and parse them downstream, with an "
    "ingest pipeline (output.elasticsearch.pipeline) or in Logstash"
)


def _files(node: YamlNode, pattern: str) -> list[str]:
    """The files of a pattern, which begins at the configuration's own directory."""
    home = Path(node.where.rpartition(":")[0]).parent
    return sorted(glob.glob(pattern, root_dir=home))  # noqa: PTH207 - absolute patterns too
