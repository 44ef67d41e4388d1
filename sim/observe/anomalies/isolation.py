"""Records that a consumer polled before they were committed, or though they never will be.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj g1a-cases, precommitted-read-cases
"""

from collections.abc import Iterator

import numpy as np

from sim.observe.anomalies.evidence import UNKNOWN, Evidence, Flags
from sim.observe.anomalies.history import Outcome
from sim.observe.anomalies.report import Anomaly, anomaly

__all__ = ["aborted_reads", "precommitted_reads"]


def aborted_reads(evidence: Evidence) -> Iterator[Anomaly]:
    """G1a: an operation that is OK has polled a record whose own operation certainly failed or was aborted."""
    reads = evidence.reads
    failed = np.append(evidence.outcome == Outcome.FAIL, False)[evidence.writer[reads.value]]
    bad = failed & (evidence.outcome[reads.operation] == Outcome.OK)
    yield from _cases(evidence, "G1a", bad, "failed, and yet it was polled")


def precommitted_reads(evidence: Evidence) -> Iterator[Anomaly]:
    """precommitted-read: a transaction polls what it has sent itself, which nobody may see before it commits."""
    reads = evidence.reads
    bad = (reads.operation == evidence.writer[reads.value]) & (reads.operation != UNKNOWN)
    yield from _cases(evidence, "precommitted-read", bad, "was polled by the transaction that sent it")


def _cases(evidence: Evidence, name: str, bad: Flags, told: str) -> Iterator[Anomaly]:
    """One case for each pair of writing and reading operation."""
    reads = evidence.reads
    rows = np.flatnonzero(bad)
    pairs = np.stack((evidence.writer[reads.value[rows]], reads.operation[rows]), axis=1)
    for writer, reader in np.unique(pairs, axis=0).tolist():
        mine = rows[(pairs[:, 0] == writer) & (pairs[:, 1] == reader)]
        runs = evidence.runs(np.unique(reads.value[mine]))
        first, last = int(runs[0][0]), int(runs[0][-1])
        consumer = int(reads.client[mine[0]])
        lax = not evidence.reads_committed[consumer] and evidence.transactional[writer]
        yield anomaly(
            evidence,
            name,
            f"{evidence.record(first, last)} of {evidence.place(first)} {told}, by {evidence.clients[consumer]}.",
            records=[(int(run[0]), int(run[-1])) for run in runs],
            operations=[writer, reader],
            offsets=reads.offset[mine[:1]].tolist(),
            circumstances=["uncommitted"] if lax else [],
        )
