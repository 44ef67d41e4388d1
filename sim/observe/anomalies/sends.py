"""Records of one producer that stand in another order than they were sent, or with others between them.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj nonmonotonic-send-cases, int-send-skip+nonmonotonic-cases
"""

from collections.abc import Iterator

import numpy as np

from sim.observe.anomalies.evidence import UNKNOWN, Evidence
from sim.observe.anomalies.history import Outcome
from sim.observe.anomalies.report import Anomaly, anomaly, records_told
from sim.observe.anomalies.version_order import VersionOrder

__all__ = ["send_order"]


def send_order(evidence: Evidence, order: VersionOrder) -> Iterator[Anomaly]:
    """nonmonotonic-send, int-nonmonotonic-send, int-send-skip: what was sent next stands before, or not next.

    The first goes from one operation of a producer to the next, the others stay within one. A producer has several
    operations in flight, so they are taken in the order of sending; failed ones and records without a known offset are
    passed over.
    """
    values = np.unique(evidence.sends.value)
    operation = evidence.writer[values]
    values = values[(evidence.outcome[operation] != Outcome.FAIL) & (order.place[values] != UNKNOWN)]
    operation, stream, place = evidence.writer[values], evidence.stream[values], order.place[values]
    follows, inside = np.diff(stream) == 0, np.diff(operation) == 0
    step = np.diff(place)
    for index in np.flatnonzero(follows & ((step < 1) | (inside & (step > 1)))).tolist():
        before, after = int(values[index]), int(values[index + 1])
        name = "int-send-skip" if step[index] > 1 else "nonmonotonic-send"
        if inside[index] and step[index] < 1:
            name = "int-nonmonotonic-send"
        offsets = order.offset[place[[index, index + 1]]].tolist()
        told = f"with {records_told(int(step[index]) - 1)} between them" if step[index] > 1 else "not behind it"
        yield anomaly(
            evidence,
            name,
            f"{evidence.record(before)} of {evidence.place(before)} is at offset {offsets[0]}, "
            f"{evidence.record(after)}, sent next, at {offsets[1]}, {told}.",
            records=[(before, before), (after, after)],
            operations=operation[[index, index + 1]].tolist(),
            offsets=offsets,
        )
