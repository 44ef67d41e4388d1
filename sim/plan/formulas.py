"""The closed formulas of capacity: what calculators do, as functions. What a flight adds is in the other files.

Rates are bytes per second, times seconds, `write` is what producers send to the whole cluster.
"""

from math import inf
from typing import NamedTuple

__all__ = [
    "Traffic",
    "aws_limit",
    "cached_s",
    "catch_up_s",
    "cpu_weight",
    "drain_s",
    "follower_cpu",
    "partitions_for",
    "replica_cpu",
    "stored_bytes",
    "traffic",
]

LEADER_IN, LEADER_OUT, FOLLOWER_IN = 0.7, 0.15, 0.15
SWEEP_S = 300 + 60
"""log.retention.check.interval.ms and file.delete.delay.ms: how late the deletion of a segment is."""


class Traffic(NamedTuple):
    """What each device of one broker carries, in bytes per second."""

    disk: float
    nic_in: float
    nic_out: float


def aws_limit(
    storage: float, storage_network: float, network: float, brokers: int, replication: int, groups: int
) -> float:
    """The most that producers can send: AWS's Equation 1, with the sustained figures of one broker.

    Source: AWS, Best practices for right-sizing your Apache Kafka clusters
    """
    written = min(storage, storage_network) * brokers / replication
    readers = groups + replication - 1
    return min(written, network * brokers / readers) if readers else written


def traffic(write: float, replication: int, groups: int, brokers: int, lost: int = 0) -> Traffic:
    """The load of each of the brokers that are left when `lost` are gone and the others lead their partitions.

    Replicas on lost brokers are not written; with none lost it is Cloudera's: writes W*R, reads (R+C-1)*W.
    """
    left = brokers - lost
    replicas = replication * left / brokers
    return Traffic(write * replicas / left, write * replicas / left, write * (groups + max(0.0, replicas - 1)) / left)


def cached_s(page_cache: float, write: float, replication: int, brokers: int) -> float:
    """How long what is written stays in the page cache: a reader that lags further behind reads from the disk.

    Source: Cloudera, Kafka performance: cluster sizing
    """
    return page_cache * brokers / (write * replication)


def cpu_weight(leader_in: float, leader_out: float, follower_in: float) -> float:
    """The processor's work of a broker in Cruise Control's model, in its own unit.

    Source: linkedin/cruise-control, ModelParameters
    """
    return LEADER_IN * leader_in + LEADER_OUT * leader_out + FOLLOWER_IN * follower_in


def replica_cpu(
    broker_cpu: float, broker_in: float, broker_out: float, broker_follower_in: float, own_in: float, own_out: float
) -> float:
    """The share of a broker's processor that one leader has, by Cruise Control's ModelUtils."""
    whole = cpu_weight(broker_in, broker_out, broker_follower_in)
    own = LEADER_IN * broker_in * min(1.0, own_in / broker_in) if broker_in else 0.0
    own += LEADER_OUT * broker_out * min(1.0, own_out / broker_out) if broker_out else 0.0
    return broker_cpu * own / whole if whole else 0.0


def follower_cpu(leader_cpu: float, own_in: float, own_out: float) -> float:
    """The processor's share of a follower, from that of its leader, by Cruise Control's ModelUtils."""
    leading = LEADER_IN * own_in + LEADER_OUT * own_out
    return leader_cpu * FOLLOWER_IN * own_in / leading if leading else 0.0


def stored_bytes(write: float, retention: float, replication: int, partitions: int, segment_bytes: float) -> float:
    """What all disks hold: the retention, the time until a segment is deleted, and a segment for each replica.

    Only whole segments are deleted, once their last record is old enough, and none that is still written to; a slow
    partition rolls its segment after a week (log.roll.hours) or after the retention, if that is shorter.
    """
    slow = write / partitions * min(7 * 86_400, retention)
    return replication * (write * (retention + SWEEP_S) + partitions * min(segment_bytes, slow))


def partitions_for(write: float, partition_rate: float, consumer_rate: float) -> float:
    """max(t/p, t/c): enough partitions for producers and for consumers, of which one reads a partition.

    Source: Jun Rao, How to choose the number of topics and partitions in a Kafka cluster
    """
    return max(write / partition_rate, write / consumer_rate)


def drain_s(arrivals: float, outage: float, capacity: float) -> float:
    """How long a backlog lasts after an outage: arrivals * outage / (capacity - arrivals); without end if not above."""
    return arrivals * outage / (capacity - arrivals) if capacity > arrivals else inf


def catch_up_s(utilisation: float, down: float) -> float:
    """How long a replica fetches what it has missed, while new records come: U * T / (1 - U)."""
    return utilisation * down / (1 - utilisation) if utilisation < 1 else inf
