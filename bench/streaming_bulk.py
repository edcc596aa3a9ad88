"""Sends a file of lines to Elasticsearch with its client's helper, as a Python user would.

python -m bench.streaming_bulk FILE URL [--compress]
"""

import argparse
import json
from collections.abc import Iterator

from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("url")
    parser.add_argument("--compress", action="store_true")
    options = parser.parse_args()
    client = Elasticsearch(options.url, http_compress=options.compress)
    # As many documents in a request as the shipper uses.
    for _ in streaming_bulk(client, _actions(options.file), chunk_size=1600):
        pass


def _actions(path: str) -> Iterator[dict[str, object]]:
    with open(path, encoding="utf-8") as lines:  # noqa: PTH123 - as everyone writes it
        for line in lines:
            event = json.loads(line)
            yield {
                "_op_type": "create",
                "_index": "logs-mcp.tools-default",
                "_id": event["event"]["id"],
                "_source": event,
            }


if __name__ == "__main__":
    main()
