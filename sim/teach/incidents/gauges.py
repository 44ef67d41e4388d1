"""What the room can show: metrics under the names that Kafka gives them, read from a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.machine.hardware import nearest
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import BatchFailed, BatchRetried
from sim.teach.incidents.broker_readings import (
    elections,
    fenced,
    follower_fetches,
    idle,
    isr_steps,
    leader_count,
    log_start,
    request_latency,
    requests,
    total_time,
    unstable,
)
from sim.teach.incidents.client_readings import (
    assigned,
    batch_size,
    batches,
    between_polls,
    commits,
    consumed,
    members,
    rebalances,
    throttled,
)
from sim.teach.incidents.readings import Lines, largest, quantile, stepwise, summed

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["GAUGES", "Gauge", "known_gauge"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric: its unit, what it is and what its lines stand for, and how it is read from a run."""

    unit: str
    told: str
    read: Callable[["Run"], Lines]


GAUGES: Mapping[str, Gauge] = {
    "records-lag": Gauge("records", "log end minus committed offset, by group and partition",
                         summed("records-lag", "group", "partition")),
    "records-lag-max": Gauge("records", "the furthest behind of all partitions, by group",
                             largest("records-lag", "group")),
    "records-lag-seconds": Gauge("s", "age of the oldest record not committed, by group",
                                 largest("records-lag-seconds", "group")),
    "records-consumed-rate": Gauge("1/s", "records handed out by polls, by member", consumed),
    "time-between-poll-max": Gauge("ms", "from one poll with records to the next, by member", between_polls),
    "commit-rate": Gauge("1/s", "commits that brought something new, by member", commits),
    "assigned-partitions": Gauge("partitions", "as each member knows it", assigned),
    "rebalance-rate": Gauge("1/s", "rebalances begun, by group", rebalances),
    "group-members": Gauge("members", "as the coordinator counts them, by group", members),
    "end-to-end-latency-ms": Gauge("ms", "from send to poll, 95th percentile, by group",
                                   quantile("end-to-end-latency-ms", "group")),
    "produce-latency-ms": Gauge("ms", "from send() to acknowledgement, 95th percentile, by topic",
                                quantile("produce-latency-ms", "topic")),
    "request-latency-max": Gauge("ms", "produce requests as clients see them, by broker asked", request_latency),
    "records-per-batch-max": Gauge("records", "the largest batch acknowledged, by topic", batch_size),
    "record-retry-rate": Gauge("1/s", "records sent again, by application", batches(BatchRetried)),
    "record-error-rate": Gauge("1/s", "records given up, by application", batches(BatchFailed)),
    "produce-throttle-time-max": Gauge("ms", "told to producers by brokers, by application", throttled),
    "MessagesInPerSec": Gauge("1/s", "records appended, by topic", summed("MessagesInPerSec", "topic")),
    "BytesInPerSec": Gauge("B/s", "bytes appended, by broker", summed("BytesInPerSec", "broker")),
    "BytesOutPerSec": Gauge("B/s", "bytes handed to consumers, by broker", summed("BytesOutPerSec", "broker")),
    "RequestsPerSec": Gauge("1/s", "requests answered by brokers, by kind", requests),
    "ProduceTotalTimeMs": Gauge("ms", "produce requests, from arrival to answer, by broker", total_time("Produce")),
    "FetchConsumerTotalTimeMs": Gauge("ms", "fetches of consumers, from arrival to answer, by broker",
                                      total_time("FetchConsumer")),
    "FetchFollowerTotalTimeMs": Gauge("ms", "fetches of replicas, from arrival to answer, by leader",
                                      total_time("FetchFollower")),
    "FetchFollowerRequestsPerSec": Gauge("1/s", "fetches of replicas, by follower", follower_fetches),
    "RequestHandlerAvgIdlePercent": Gauge("%", "request handlers' time left, by broker", idle),
    "UnderReplicatedPartitions": Gauge("partitions", "with fewer replicas in sync than they have",
                                       summed("UnderReplicatedPartitions")),
    "OfflinePartitionsCount": Gauge("partitions", "without a leader", summed("OfflinePartitionsCount")),
    "InSyncReplicasCount": Gauge("replicas", "by partition", stepwise("IsrSize")),
    "IsrShrinksPerSec": Gauge("1/s", "ISRs that lost a replica", isr_steps(-1)),
    "IsrExpandsPerSec": Gauge("1/s", "ISRs that got one back", isr_steps(1)),
    "LeaderCount": Gauge("partitions", "by broker that leads them", leader_count),
    "LeaderElectionsPerSec": Gauge("1/s", "elections, clean and unclean", elections),
    "FencedBrokerCount": Gauge("brokers", "given up by the controller", fenced),
    "LastStableOffsetLag": Gauge("records", "high watermark minus last stable offset, by partition", unstable),
    "LogStartOffset": Gauge("offset", "the first one that is still there, by partition", log_start),
}  # fmt: skip
"""All metrics by name."""


def known_gauge(name: str) -> str:
    """The name, if there is such a metric. Raises ConfigError, one line with the nearest one."""
    found = {known.lower(): known for known in GAUGES}
    if name.lower() not in found:
        near = nearest(name.lower(), found)
        hint = near if near.startswith(",") else "; ask for the list of metrics"
        raise ConfigError(f"unknown metric {name!r}{hint}")
    return found[name.lower()]
