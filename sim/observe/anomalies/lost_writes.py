"""Records that ought to have been polled and were not.

In Jepsen's workload everything is polled once more in the end. Here a group passes over what it polled in a transaction
that was committed as its application died, so what an operation without a known outcome has polled counts as polled.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj lost-write-cases, unseen
"""

from collections.abc import Iterator

import numpy as np

from sim.observe.anomalies.evidence import UNKNOWN, Column, Evidence, Flags
from sim.observe.anomalies.expectation import expected
from sim.observe.anomalies.history import Outcome
from sim.observe.anomalies.report import Anomaly, anomaly, records_told
from sim.observe.anomalies.version_order import VersionOrder

__all__ = ["lost_writes", "unseen"]


def lost_writes(evidence: Evidence, order: VersionOrder, gone: Flags) -> Iterator[Anomaly]:
    """lost-write: a record that counts was never polled, though somebody polled a later offset of its partition.

    `gone` tells by partition whether the topic may remove records before they are polled.
    """
    bound = _polled_up_to(evidence, order)
    known = (order.last != UNKNOWN) & (order.last <= bound[evidence.partition])
    for run in evidence.runs(np.flatnonzero(known & _missed(evidence, order) & _written(evidence, evidence.proven))):
        first, last = int(run[0]), int(run[-1])
        partition = int(evidence.partition[first])
        offset, later = int(order.offset[order.last[first]]), int(order.offset[bound[partition]])
        readers = evidence.readers(int(order.value[bound[partition]]))
        yield anomaly(
            evidence,
            "lost-write",
            f"{evidence.record(first, last)} of {evidence.place(first)} was written at offset {offset} "
            f"and never polled, but offset {later} was.",
            records=[(first, last)],
            operations=[int(evidence.writer[first]), *readers[:1]],
            offsets=[offset, later],
            circumstances=["removed"] if gone[partition] else [],
        )


def unseen(evidence: Evidence, order: VersionOrder, gone: Flags) -> Iterator[Anomaly]:
    """unseen: records were acknowledged, their topic had a consumer, and at the end nobody has polled them."""
    acknowledged = _written(evidence, evidence.outcome == Outcome.OK)
    left = np.flatnonzero(acknowledged & _missed(evidence, order))
    for partition in np.unique(evidence.partition[left]).tolist():
        runs = evidence.runs(left[evidence.partition[left] == partition], by_operation=False)
        count = sum(len(run) for run in runs)
        ends = [int(run[end]) for run in runs for end in (0, -1)]
        told = evidence.record(int(runs[0][0]), int(runs[0][-1]))
        yield anomaly(
            evidence,
            "unseen",
            f"{records_told(count)} of {evidence.partitions[partition]} acknowledged and never polled, first {told}.",
            records=[(int(run[0]), int(run[-1])) for run in runs],
            operations=[int(evidence.writer[end]) for end in ends],
            offsets=[int(order.offset[order.place[end]]) for end in ends if order.place[end] != UNKNOWN],
            circumstances=["removed"] if gone[partition] else [],
        )


def _polled_up_to(evidence: Evidence, order: VersionOrder) -> Column:
    """By partition, the last place that must have been polled: of all that was, the latest first appearance."""
    bound = np.full(len(evidence.partitions), UNKNOWN, dtype=np.int64)
    values = np.flatnonzero(evidence.read)
    np.maximum.at(bound, evidence.partition[values], order.first[values])
    return bound


def _missed(evidence: Evidence, order: VersionOrder) -> Flags:
    return ~evidence.maybe_read & expected(evidence, order)


def _written(evidence: Evidence, operations: Flags) -> Flags:
    """By value, whether one of these operations has sent it."""
    return np.append(operations, False)[evidence.writer]
