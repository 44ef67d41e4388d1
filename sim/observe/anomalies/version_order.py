"""The order of each partition's records, put together from what clients were told of offsets.

All polls tell, whatever became of their operation; sends only if they are proven to count. Offsets that nobody has
heard of (markers, aborted records) are no gaps.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj version-orders, log->value->first-index,
    log->last-index->values
"""

import numpy as np

from sim.observe.anomalies.evidence import UNKNOWN, Column, Evidence

__all__ = ["VersionOrder"]

OFFSET_BITS = 44


class VersionOrder:
    """Places: the known offsets of all partitions, numbered in order; those of one partition are in a row.

    Columns by place: `partition`, `offset`, and `value`, one of those seen there. Columns by value: `place` where it
    stands, and `first` and `last` of all places where it was seen, -1 if nobody knows. `pairs` are all places and
    values that belong together, without repetition, ordered by place.
    """

    def __init__(self, evidence: Evidence) -> None:
        sends, reads = evidence.sends, evidence.reads
        counted = evidence.proven[sends.operation] & (sends.offset != UNKNOWN)
        known = reads.offset != UNKNOWN
        values = np.concatenate((sends.value[counted], reads.value[known]))
        offsets = np.concatenate((sends.offset[counted], reads.offset[known]))
        keys = (evidence.partition[values] << OFFSET_BITS) + offsets
        order = np.lexsort((values, keys))
        keys, values = keys[order], values[order]
        new = np.append(True, (np.diff(keys) != 0) | (np.diff(values) != 0))[: len(keys)]
        keys, values = keys[new], values[new]
        self._keys, begins, places = np.unique(keys, return_index=True, return_inverse=True)
        self.pairs: tuple[Column, Column] = places, values
        self.value = values[begins]
        self.partition = self._keys >> OFFSET_BITS
        self.offset = self._keys & ((1 << OFFSET_BITS) - 1)
        self.first, self.last, self.place = (np.full(evidence.count, UNKNOWN, dtype=np.int64) for _ in range(3))
        self.first[values[::-1]] = places[::-1]
        self.last[values] = places
        self.place[self.value] = np.arange(len(self.value))

    def at(self, partition: Column, offset: Column) -> Column:
        """The places of offsets that were polled."""
        return np.searchsorted(self._keys, (partition << OFFSET_BITS) + offset)
