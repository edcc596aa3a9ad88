"""docs/filebeat.md: `python -m tests.config.page` writes it, a test holds it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from shipper.config.filebeat import ACCEPTED, INPUTS, REFUSED, why_no_input

PAGE = Path(__file__).parent.parent.parent / "docs" / "filebeat.md"

_HEAD = """\
# Coming from Filebeat

<!-- generated from shipper/config/filebeat.py by `make assets`; do not edit -->

You can move these parts of a Filebeat configuration over: `filebeat.inputs`, \
`filebeat.autodiscover`, `output`, `processors`, `path`, `logging`, `http`, `cloud`, variables \
such as `${NAME:default}`, and `a.b: 1` as a short form of `a: {b: 1}`. `mcp-shipper test \
config` lists what has to change. Of 50 configurations of the kinds that people use \
(`tests/filebeat_files`), 43 work unchanged.

Keys that have an effect are on the pages [Operations](operations.md#configure) and \
[Outputs](outputs.md). This page lists Filebeat's other keys. A key on neither page is an error, \
which names the nearest known key.

Before the first run:

- `mcp-shipper import-registry /var/lib/filebeat/registry/filebeat` takes over Filebeat's \
positions, so that nothing is sent twice. Stop Filebeat first. Without it, every file that still \
exists is shipped from its beginning.
- mcp-shipper also sends its [self-audit](operations.md#self-audit) events to every output. \
`self_audit.enabled: false` switches them off.
- mcp-shipper follows symbolic links. Filebeat does so only with \
`prospector.scanner.symlinks: true`.

"""


_MIDDLE = """\
## Keys of Filebeat 1 to 6

The shipper accepts these keys instead of the newer ones, with a note: `filebeat.prospectors` \
(whose default type is `log`), `input_type`, `document_type`, `filebeat.config.prospectors`, \
`filebeat.config_dir`, inputs of the type `docker` with `containers.ids`, `output.*.tls`, \
`shipper.tags`. A `filestream` with keys of the type `log` (`json`, `multiline`, `max_bytes`, \
`scan_frequency`, `symlinks`) obeys them, where Filebeat ignores them.

## Autodiscover

Filebeat asks Docker or Kubernetes which containers run. Here one input follows the logs of all \
containers (`/var/lib/docker/containers/*/*.log`, `/var/log/containers/*.log`, or the `paths` of \
the templates), adds the metadata of their container, and reads each log as the templates and \
hints of its container say. Lines of a container that nothing is for are left out and counted \
(`mcp_shipper_filtered_total`).

- **Docker.** Names, images and labels come from Docker's files beside the logs; the daemon is \
not asked.
- **Kubernetes.** Pods come from the API server, as for \
[`add_kubernetes_metadata`](processors.md#kubernetes), whose options the provider takes: `node`, \
`scope`, `namespace`, `kube_config`, `include_annotations`, `wait_for_metadata_timeout`. A log \
waits for its pod for five seconds. While the server does not answer, no log is left out for a \
label or an annotation: it waits. Without a server only the names of logs are known.
- **Templates.** A log is read as the first template says whose `condition` holds; processors, \
fields and tags of the others whose condition holds are added. `${data.kubernetes.labels.app}` and \
`${data.x:default}` are filled in; a key with a place of which nothing is known is left out.
- **Hints**, for containers without a template: `enabled`, `json.*`, `multiline.*`, \
`include_lines`, `exclude_lines`, `stream`, `processors.*` and `raw` (one input), below \
`co.elastic.logs/`, and for one container of a pod below `co.elastic.logs.<container>/`. `prefix` \
changes `co.elastic`. `hints.default_config` with `enabled: false` ships only containers that \
ask for it. A hint that cannot be obeyed is logged, and the log is read without hints. `module`, \
`fileset`, `pipeline`, numbered sets and hints of namespaces are not read.

A change of labels or annotations has an effect on the lines read after it.

"""


def page() -> str:
    """The page as it must be."""
    return "".join(
        (
            _HEAD,
            _MIDDLE,
            "## Accepted, without effect\n\n",
            "The shipper accepts these keys, and `test config` lists why they have no effect.\n\n",
            *_table(ACCEPTED),
            "\n## Refused\n\nThese keys would change what is shipped, and the shipper does not ",
            "support them. It refuses them, because a configuration that it accepts must be ",
            "obeyed. A key is not refused in a section with `enabled: false`, nor if its value ",
            "asks for nothing.\n\n",
            *_table(REFUSED),
            "\nPlaceholders, `%{…}`, work in `index`, `pipeline`, `topic` and ",
            "`key` ([Outputs](outputs.md#names-by-event)). They are refused in the `path` and ",
            "`filename` of a file and in the `index` of Logstash.\n",
            f"\nInputs of other types {why_no_input('')}: `{'`, `'.join(sorted(INPUTS))}`.\n",
        )
    )


def _table(rows: Mapping[str, str]) -> Iterator[str]:
    """A row for each reason, by its first key."""
    yield "| Key | Why |\n|---|---|\n"
    by_why: dict[str, list[str]] = {}
    for key, why in sorted(rows.items()):
        by_why.setdefault(why, []).append(f"`{key}`")
    for why, keys in by_why.items():
        yield f"| {', '.join(keys)} | {why} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
