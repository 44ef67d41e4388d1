"""Metrics over time: views over facts, and gauges read once per simulated second.

Names are Kafka's where Kafka has the metric (BrokerTopicMetrics, ReplicaManager, KafkaController, the
consumer's `records-lag`); the others are named in the same spirit, unit last.
"""

from typing import Any, NamedTuple

from sim.observe.latency import Histogram, Window, quantiles
from sim.rules.facts.journal import BatchFailed, GroupChanged, RecordsAcknowledged, RecordsDelivered
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight

__all__ = ["Metrics", "Sample"]

Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One value of one metric at one time (seconds from the start)."""

    time_s: float
    metric: str
    labels: Labels
    value: float


class Metrics:
    """All samples of a run; `metrics["records-lag"]` is the table of one metric."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._cluster = flight.cluster
        self.samples: list[Sample] = []
        self._last: dict[tuple[str, Labels], float] = {}
        self._log_ends: dict[TopicPartition, tuple[int, int]] = {}
        self._windows: dict[tuple[str, Labels], Window] = {}
        self.histograms: dict[tuple[str, Labels], Histogram] = {}
        self._bytes_out: dict[Labels, float] = {}
        self._records_out: dict[Labels, float] = {}
        self._offsets: dict[str, dict[TopicPartition, int]] = {}
        self._sampled_at = 0
        self.records_acknowledged = 0
        self.records_delivered = 0
        self.records_given_up: dict[str, int] = {}
        facts = flight.machine.facts
        facts.listen(RecordsAcknowledged, self._acknowledged)
        facts.listen(RecordsDelivered, self._delivered)
        facts.listen(GroupChanged, self._group_changed)
        facts.listen(BatchFailed, self._failed)

    def __getitem__(self, metric: str) -> list[Sample]:
        """The samples of one metric in order of time. Raises KeyError, naming the metrics there are."""
        found = [sample for sample in self.samples if sample.metric == metric]
        if not found:
            raise KeyError(f"no metric {metric!r}; there are {', '.join(self.names())}")
        return found

    def names(self) -> list[str]:
        """The metrics that have samples."""
        return sorted({sample.metric for sample in self.samples})

    def series(self, metric: str, **labels: str) -> tuple[list[float], list[float]]:
        """Times and values of one metric, summed over all series that carry these labels."""
        wanted = set(labels.items())
        sums: dict[float, float] = {}
        for sample in self.samples:
            if sample.metric == metric and wanted <= set(sample.labels):
                sums[sample.time_s] = sums.get(sample.time_s, 0.0) + sample.value
        return list(sums), list(sums.values())

    def sample(self) -> None:
        """Read the gauges and close the windows of this second."""
        seconds = (self._flight.now - self._sampled_at) / 1e9
        if seconds <= 0:
            return
        self._sampled_at = self._flight.now
        self._sample_throughput(seconds)
        self._sample_replication()
        self._sample_lag()
        for (metric, labels), window in self._windows.items():
            latencies = window.latencies()
            for quantile, value in quantiles(latencies).items():
                self._put(metric, (*labels, ("quantile", quantile)), value)
            self.histograms.setdefault((metric, labels), Histogram()).add(latencies)
            window.clear()

    def summary(self) -> dict[str, Any]:
        """What a run's summary tells of them: quantiles of the whole run, the highest lags, seconds of trouble."""
        found: dict[str, Any] = {}
        for (metric, labels), histogram in self.histograms.items():
            name = "/".join(value for _, value in labels)
            found.setdefault(metric, {})[name] = histogram.summary()
        for group in self._flight.plan.groups:
            times, lags = self.series("records-lag", group=group.group_id)
            if lags:
                peak = max(lags)
                found.setdefault("records-lag-max", {})[group.group_id] = {
                    "records": peak,
                    "at_s": times[lags.index(peak)],
                }
        under = self.series("UnderReplicatedPartitions")[1]
        offline = self.series("OfflinePartitionsCount")[1]
        found["under_replicated_s"] = sum(value > 0 for value in under)
        found["offline_s"] = sum(value > 0 for value in offline)
        return found

    def _put(self, metric: str, labels: Labels, value: float) -> None:
        self.samples.append(Sample(self._flight.now / 1e9, metric, labels, value))

    def _put_change(self, metric: str, labels: Labels, value: float) -> None:
        """Note a value that seldom changes only when it does."""
        if self._last.get((metric, labels)) != value:
            self._last[metric, labels] = value
            self._put(metric, labels, value)

    def _sample_throughput(self, seconds: float) -> None:
        messages: dict[Labels, int] = {}
        size: dict[Labels, int] = {}
        for name in self._cluster.partitions():
            partition = self._cluster.leader(name)
            if partition is None:
                continue
            log_end, size_bytes = partition.log.log_end_offset, partition.log.size_bytes
            before = self._log_ends.get(name, (0, 0))
            self._log_ends[name] = log_end, size_bytes
            labels: Labels = (("topic", name.topic), ("broker", str(partition.broker_id)))
            messages[labels] = messages.get(labels, 0) + max(0, log_end - before[0])
            size[labels] = size.get(labels, 0) + max(0, size_bytes - before[1])
        for labels, count in messages.items():
            self._put("MessagesInPerSec", labels, count / seconds)
            self._put("BytesInPerSec", labels, size[labels] / seconds)
        for metric, amounts in (("BytesOutPerSec", self._bytes_out), ("MessagesOutPerSec", self._records_out)):
            for labels, amount in amounts.items():
                self._put(metric, labels, amount / seconds)
                amounts[labels] = 0.0

    def _sample_replication(self) -> None:
        image = self._cluster.controller.image
        under_replicated = offline = 0
        for name in self._cluster.partitions():
            registration = image.partitions[name]
            labels = (("partition", str(name)),)
            self._put_change("IsrSize", labels, len(registration.isr))
            self._put_change("LeaderId", labels, registration.leader)
            under_replicated += registration.is_under_replicated
            offline += registration.leader < 0
        self._put("UnderReplicatedPartitions", (), under_replicated)
        self._put("OfflinePartitionsCount", (), offline)

    def _sample_lag(self) -> None:
        for group in self._flight.plan.groups:
            known = self._cluster.committed_offsets(group.group_id)
            offsets = self._offsets.get(group.group_id, {}) if known is None else known
            self._offsets[group.group_id] = offsets
            for name in self._cluster.partitions():
                if name.topic not in group.topics:
                    continue
                log = self._cluster.log(name)
                committed = offsets.get(name, log.log_start_offset)
                labels = (("group", group.group_id), ("partition", str(name)))
                lag = max(0, log.log_end_offset - committed)
                self._put("records-lag", labels, lag)
                oldest = next(log.batches(committed), None) if lag else None
                waited = 0.0
                if oldest is not None and oldest.next_offset > committed and oldest.columns.sent_at:
                    index = min(oldest.index_at(committed), oldest.count - 1)
                    waited = (self._flight.now - oldest.columns.sent_at[index]) / 1e9
                self._put("records-lag-seconds", labels, max(0.0, waited))

    def _acknowledged(self, time: int, fact: RecordsAcknowledged) -> None:
        self.records_acknowledged += fact.columns.count
        key = ("produce-latency-ms", (("topic", fact.partition.topic),))
        window = self._windows.get(key) or self._windows.setdefault(key, Window())
        window.add(time, fact.columns.sent_at)

    def _failed(self, _: int, fact: BatchFailed) -> None:
        self.records_given_up[fact.error.name] = self.records_given_up.get(fact.error.name, 0) + fact.columns.count

    def _delivered(self, time: int, fact: RecordsDelivered) -> None:
        batch = fact.batch
        start = batch.index_at(fact.first_offset)
        count = batch.index_at(fact.next_offset) - start
        self.records_delivered += count
        labels = (("group", fact.group_id), ("topic", fact.partition.topic))
        key = ("end-to-end-latency-ms", labels)
        window = self._windows.get(key) or self._windows.setdefault(key, Window())
        window.add(time, batch.columns.sent_at[start : start + count])
        leader = str(self._cluster.controller.image.leader(fact.partition))
        topic_labels = (("topic", fact.partition.topic), ("broker", leader))
        self._bytes_out[topic_labels] = self._bytes_out.get(topic_labels, 0.0) + batch.size_bytes * count / batch.count
        self._records_out[labels] = self._records_out.get(labels, 0.0) + count

    def _group_changed(self, time: int, fact: GroupChanged) -> None:
        labels = (("group", fact.group_id), ("state", fact.state))
        self.samples.append(Sample(time / 1e9, "GroupState", labels, fact.generation))
