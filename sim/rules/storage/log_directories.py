"""Log directories (JBOD): which of them takes the next replica."""

from collections.abc import Iterable, Sequence

from sim.rules.topics import TopicPartition

__all__ = ["METADATA_DIRECTORY", "next_log_directory", "spread_replicas"]

METADATA_DIRECTORY = 0
"""The directory with the metadata log: without metadata.log.dir the first of log.dirs."""


def next_log_directory(places: Iterable[int], live: Sequence[int]) -> int:
    """The live directory with the fewest replicas, the first of several; `places` are those of all replicas.

    Source: core/src/main/scala/kafka/log/LogManager.scala nextLogDirs
    Fidelity: exact
    """
    counts = dict.fromkeys(live, 0)
    for place in places:
        if place in counts:
            counts[place] += 1
    return min(live, key=lambda directory: counts[directory])


def spread_replicas(
    partitions: Iterable[tuple[TopicPartition, Sequence[int]]], directory_count: int
) -> dict[tuple[TopicPartition, int], int]:
    """The directory of each replica, by partition and broker id, once brokers have taken them in one by one.

    `partitions` come with the ids of the brokers that have replicas of them.

    Source: core/src/main/scala/kafka/log/LogManager.scala nextLogDirs
    Fidelity: exact
    """
    found: dict[tuple[TopicPartition, int], int] = {}
    used: dict[int, list[int]] = {}
    for name, replicas in partitions:
        for broker_id in replicas:
            places = used.setdefault(broker_id, [])
            places.append(next_log_directory(places, range(directory_count)))
            found[name, broker_id] = places[-1]
    return found
