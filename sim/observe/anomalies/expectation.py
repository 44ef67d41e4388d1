"""Which records somebody ought to have polled at all.

In Jepsen's workload every consumer begins at the first record and all partitions are polled in the end. Here a topic
may have no consumer, or only such as read what comes after them: then nothing is expected of what came before.
"""

import numpy as np

from sim.observe.anomalies.evidence import UNKNOWN, Evidence, Flags
from sim.observe.anomalies.history import MarkKind
from sim.observe.anomalies.version_order import VersionOrder

__all__ = ["expected"]


def expected(evidence: Evidence, order: VersionOrder) -> Flags:
    """By value, whether a consumer wanted it: one that reads from the beginning, or has begun at or before it."""
    whole = _read_from_beginning(evidence)[evidence.partition]
    lowest = np.full(len(evidence.partitions), len(order.value), dtype=np.int64)
    polled = evidence.reads.value[evidence.reads.offset != UNKNOWN]
    np.minimum.at(lowest, evidence.partition[polled], order.first[polled])
    return np.asarray(whole | ((order.last >= lowest[evidence.partition]) & (order.last != UNKNOWN)))


def _read_from_beginning(evidence: Evidence) -> Flags:
    """By partition, whether some consumer of the topic begins at the first record."""
    history = evidence.history
    topics: dict[str, None] = {}
    for mark in history.marks:
        if mark.kind is not MarkKind.SEEK and history.reader(mark.client).from_beginning:
            topics.update(dict.fromkeys((*mark.topics, *(partition.topic for partition in mark.partitions))))
    begins = [history.reader(client).from_beginning for client in evidence.clients]
    rows = np.append(np.array(begins, dtype=np.bool_), False)[evidence.reads.client]
    for index in np.unique(evidence.partition[evidence.reads.value[rows]]).tolist():
        topics[evidence.partitions[index].topic] = None
    return evidence.of_topics(topics)
