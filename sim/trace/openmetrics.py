"""The metrics of a run in OpenMetrics' text, under the names that Kafka's MBeans have in Prometheus.

Source: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["KAFKA_NAMES", "openmetrics"]

KAFKA_NAMES = {
    "MessagesInPerSec": "kafka_server_BrokerTopicMetrics_MessagesInPerSec",
    "BytesInPerSec": "kafka_server_BrokerTopicMetrics_BytesInPerSec",
    "BytesOutPerSec": "kafka_server_BrokerTopicMetrics_BytesOutPerSec",
    "UnderReplicatedPartitions": "kafka_server_ReplicaManager_UnderReplicatedPartitions",
    "OfflinePartitionsCount": "kafka_controller_KafkaController_OfflinePartitionsCount",
    "IsrSize": "kafka_cluster_Partition_InSyncReplicasCount",
    "records-lag": "kafka_consumer_consumer_fetch_manager_metrics_records_lag",
}
"""What Kafka has a metric for; the others begin with kafkasim."""


class OfRun(Collector):
    """The samples of one run, series by series, each in the order of its times."""

    def __init__(self, run: "Run") -> None:
        self._run = run

    def collect(self) -> Iterable[Metric]:
        """One family for each metric; times are simulated seconds since the start."""
        for metric in self._run.metrics.names():
            samples = self._run.metrics[metric]
            names = tuple(dict.fromkeys(label for sample in samples for label, _ in sample.labels))
            told = f"{metric} of {self._run.scenario.name}, seed {self._run.settings.seed}; times are simulated seconds"
            family = GaugeMetricFamily(KAFKA_NAMES.get(metric, exposed(metric)), told, labels=names)
            series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
            for sample in samples:
                series.setdefault(sample.labels, []).append((sample.time_s, sample.value))
            for labels, points in series.items():
                of_name = dict(labels)
                for time_s, value in dict(points).items():
                    family.add_metric([of_name.get(name, "") for name in names], value, timestamp=time_s)
            yield family


def openmetrics(run: "Run") -> str:
    """All samples of a run as one text, which ends with `# EOF`."""
    registry = CollectorRegistry()
    registry.register(OfRun(run))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


def exposed(metric: str) -> str:
    """A name of the simulator's own as Prometheus wants it."""
    return f"kafkasim_{metric.replace('-', '_')}"
