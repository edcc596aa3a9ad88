"""The counters in the format that Prometheus scrapes."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from shipper.deliver.stats import Stats
from shipper.run.counters import COUNTERS, READY, waiting_s
from shipper.run.service import Service
from shipper.run.usage import Measured

KIND = CONTENT_TYPE_PLAIN_0_0_4

#: One for each of `COUNTERS`.
_MEANINGS = {
    "read_lines": "Lines read, settled and committed",
    "read_bytes": "Bytes read, settled and committed",
    "batches": "Batches committed",
    "filtered": "Lines that processors dropped",
    "delivered": "Lines that the destination accepted",
    "duplicates": "Delivered lines that the destination already had",
    "diverted": "Delivered lines that Elasticsearch put into its failure store",
    "retried": "Lines sent again, counted once per attempt",
    "rejected": "Lines that became dead letters",
    "truncated": "Lines that were too long and were cut",
}
_GAUGES: dict[str, tuple[str, Callable[[Stats], float]]] = {
    "active": ("Lines read but not settled", lambda stats: stats.active),
    "files": ("Files being followed", lambda stats: stats.files),
    "oldest_unacknowledged_seconds": ("Age of the oldest line that is not acknowledged", waiting_s),
    "ready": ("Whether the output accepts lines", lambda stats: stats.state in READY),
}


class _Collector(Collector):
    """Reads the pipelines' own counters at each scrape."""

    def __init__(self, service: Service) -> None:
        self._pipelines = service.pipelines
        self._usage = service.usage

    def collect(self) -> Iterator[Metric]:
        for name in COUNTERS:
            what = _MEANINGS[name]
            family = CounterMetricFamily(f"mcp_shipper_{name}", what, labels=["output"])
            for output, pipeline in self._pipelines.items():
                family.add_metric([output], getattr(pipeline.stats, name))
            yield family
        yield self._lines()
        for name, (what, read) in _GAUGES.items():
            gauge = GaugeMetricFamily(f"mcp_shipper_{name}", what, labels=["output"])
            for output, pipeline in self._pipelines.items():
                gauge.add_metric([output], float(read(pipeline.stats)))
            yield gauge
        yield self._success()
        yield from _record(self._usage.measure())

    def _success(self) -> Metric:
        what = "The part of lines with an outcome that was delivered"
        family = GaugeMetricFamily("mcp_shipper_delivery_success_ratio", what, labels=["output"])
        for output, pipeline in self._pipelines.items():
            if (rate := pipeline.stats.account.delivery_success_rate) is not None:
                family.add_metric([output], rate)
        return family

    def _lines(self) -> Metric:
        """The account of each output, read once, so that its numbers belong together."""
        what = "Lines of the files by outcome, since the positions were made"
        family = GaugeMetricFamily("mcp_shipper_lines", what, labels=["output", "outcome"])
        for output, pipeline in self._pipelines.items():
            for outcome, count in pipeline.stats.account.plain().items():
                family.add_metric([output, outcome], count)
        return family


def _record(measured: Measured) -> Iterator[Metric]:
    """The amounts of the record on this host."""
    what = "Events a second within the last minute"
    yield GaugeMetricFamily("mcp_shipper_event_rate", what, measured.event_rate)
    raised = CounterMetricFamily("mcp_shipper_alerts", "Alerts in the record", labels=["rule"])
    for rule, count in measured.alerts.items():
        raised.add_metric([rule], count)
    yield raised
    what = "Bytes of audit streams on the disk, by the days that their events are kept"
    labels = ["stream", "retention_days"]
    storage = GaugeMetricFamily("mcp_shipper_storage_bytes", what, labels=labels)
    for one in measured.storage:
        days = "unread" if one.retention_days is None else str(one.retention_days)
        storage.add_metric([one.stream, days], one.bytes)
    yield storage


def metrics(service: Service) -> bytes:
    """The text that Prometheus scrapes."""
    registry = CollectorRegistry()
    registry.register(_Collector(service))
    return generate_latest(registry)
