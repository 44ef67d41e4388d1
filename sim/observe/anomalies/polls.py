"""Polls that leave records out or go back, within an operation and from one to the next.

A poll goes by offsets, where Jepsen goes by values: so a record that is there twice is a duplicate and no step back.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj int-poll-skip+nonmonotonic-cases,
    poll-skip+nonmonotonic-cases
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sim.observe.anomalies.evidence import UNKNOWN, Column, Evidence, Flags, Rows
from sim.observe.anomalies.history import Outcome
from sim.observe.anomalies.report import Anomaly, anomaly, records_told
from sim.observe.anomalies.version_order import VersionOrder

__all__ = ["PollOrder"]


class Steps(NamedTuple):
    """Rows that one consumer polled one after the other, as indexes of rows."""

    before: Column
    after: Column


class PollOrder:
    """What each consumer has polled of each partition, in order. `gone` as for lost writes."""

    def __init__(self, evidence: Evidence, order: VersionOrder, gone: Flags) -> None:
        self._evidence, self._order, self._gone = evidence, order, gone
        reads = evidence.reads
        partition = evidence.partition[reads.value]
        order_of = np.argsort(reads.client * len(evidence.partitions) + partition, kind="stable")
        self._reads = Rows(*(column[order_of] for column in reads))
        self._partition = partition[order_of]
        found = order.at(self._partition, self._reads.offset)
        self._place = np.where(self._reads.offset == UNKNOWN, order.place[self._reads.value], found)
        writer = evidence.writer[order.value]
        binding = (writer == UNKNOWN) | evidence.proven[writer] | ~evidence.transactional[writer]
        self._binding = np.append(0, np.cumsum(binding))

    def within(self) -> Iterator[Anomaly]:
        """int-poll-skip, int-nonmonotonic-poll: one operation polls a partition with a gap, or not forward.

        A partition that was moved meanwhile, by application or group, begins anew.
        """
        reads = self._reads
        after = np.arange(1, len(reads.value))
        steps = Steps(after - 1, after)
        same = self._follows(steps) & (reads.operation[steps.before] == reads.operation[steps.after])
        same &= reads.tenure[steps.before] == reads.tenure[steps.after]
        yield from self._cases("int-", Steps(steps.before[same], steps.after[same]))

    def between(self) -> Iterator[Anomaly]:
        """poll-skip, nonmonotonic-poll: an operation does not go on where the last one that is OK has ended.

        Skipped is what must be visible to this consumer: not what an unproven transaction wrote.
        """
        reads = self._reads
        count = len(reads.value)
        ends = np.append(np.diff(reads.operation) != 0, True)[:count]
        done = ends & (self._evidence.outcome[reads.operation] == Outcome.OK)
        last = np.maximum.accumulate(np.where(done, np.arange(count), UNKNOWN))
        after = np.flatnonzero(np.append(False, ends[:-1])) if count else np.arange(0)
        steps = Steps(last[after - 1], after)
        same = (steps.before != UNKNOWN) & self._follows(steps)
        same &= reads.operation[steps.before] != reads.operation[steps.after]
        yield from self._cases("", Steps(steps.before[same], steps.after[same]))

    def _follows(self, steps: Steps) -> Flags:
        reads, (before, after) = self._reads, steps
        same = (reads.client[before] == reads.client[after]) & (self._partition[before] == self._partition[after])
        return np.asarray(same & (reads.stay[before] == reads.stay[after]))

    def _cases(self, prefix: str, steps: Steps) -> Iterator[Anomaly]:
        known = (self._place[steps.before] != UNKNOWN) & (self._place[steps.after] != UNKNOWN)
        steps = Steps(steps.before[known], steps.after[known])
        here, there = self._place[steps.before], self._place[steps.after]
        strict = self._evidence.reads_committed[self._reads.client[steps.after]]
        visible = self._binding[there] - self._binding[np.minimum(here + 1, there)]
        skipped = np.where(strict, visible, there - here - 1)
        for index in np.flatnonzero(there <= here).tolist():
            yield self._case(f"{prefix}nonmonotonic-poll", int(steps.before[index]), int(steps.after[index]), 0)
        for index in np.flatnonzero((there > here) & (skipped > 0)).tolist():
            count = int(skipped[index])
            yield self._case(f"{prefix}poll-skip", int(steps.before[index]), int(steps.after[index]), count)

    def _case(self, name: str, before: int, after: int, skipped: int) -> Anomaly:
        evidence, reads = self._evidence, self._reads
        values, offsets = reads.value[[before, after]].tolist(), reads.offset[[before, after]].tolist()
        told = f"leaving out {records_told(skipped)}" if skipped else "not forward"
        left_out = self._order.value[self._place[before] + 1 : self._place[after]].tolist() if skipped else []
        circumstances = ["rebalanced"] if reads.tenure[before] != reads.tenure[after] else []
        if self._gone[self._partition[after]] and skipped:
            circumstances.append("removed")
        return anomaly(
            evidence,
            name,
            f"{evidence.clients[reads.client[after]]} polled offset {offsets[0]} of {evidence.place(values[0])}, "
            f"then {offsets[1]}, {told}.",
            records=[(value, value) for value in (*values, *left_out)],
            operations=reads.operation[[before, after]].tolist(),
            offsets=offsets,
            circumstances=circumstances,
        )
