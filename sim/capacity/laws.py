"""Cases that are arithmetic: laws of capacity without a flight."""

from collections.abc import Callable, Mapping

from sim.capacity.cases import Case, Recreation

__all__ = ["LAWS"]


def zookeeper_election(case: Case) -> Recreation:
    """How long a partition has no leader when a broker of the ZooKeeper era dies: leaders are elected one by one.

    If it was the controller, the next one reads each partition of the cluster first.

    Source: Jun Rao, How to choose the number of topics and partitions
    """
    elections_ms = case.number("leaders_on_broker") * case.number("election_ms_per_partition")
    reading_ms = case.number("cluster_partitions") * case.number("init_ms_per_partition")
    return lambda: {
        "max_partition_unavailability_s": elections_ms / 1000,
        "controller_failover_extra_s": reading_ms / 1000,
    }


LAWS: Mapping[str, Callable[[Case], Recreation]] = {"election_ms_per_partition": zookeeper_election}
"""By the key of a configuration that tells which law it is about."""
