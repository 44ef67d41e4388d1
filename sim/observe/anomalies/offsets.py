"""Records and offsets that do not belong together one to one.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj version-orders (errors), duplicate-cases
"""

from collections.abc import Iterator

import numpy as np

from sim.observe.anomalies.evidence import UNKNOWN, Evidence
from sim.observe.anomalies.report import Anomaly, anomaly
from sim.observe.anomalies.version_order import VersionOrder

__all__ = ["duplicates", "inconsistent_offsets"]


def inconsistent_offsets(evidence: Evidence, order: VersionOrder) -> Iterator[Anomaly]:
    """inconsistent-offsets: clients were told of different records at the same offset of a partition."""
    places, values = order.pairs
    for place in np.flatnonzero(np.bincount(places) > 1).tolist():
        seen = values[slice(*np.searchsorted(places, [place, place + 1]))].tolist()
        offset = int(order.offset[place])
        told = " and ".join(evidence.record(value) for value in seen)
        yield anomaly(
            evidence,
            "inconsistent-offsets",
            f"Offset {offset} of {evidence.place(seen[0])} held {told}.",
            records=[(value, value) for value in seen],
            operations=[each for value in seen for each in witnesses(evidence, value)],
            offsets=[offset],
        )


def duplicates(evidence: Evidence, order: VersionOrder) -> Iterator[Anomaly]:
    """duplicate: a record stands at more than one offset of its partition; to poll one offset twice is none."""
    places, values = order.pairs
    by_value = np.argsort(values, kind="stable")
    sorted_values = values[by_value]
    several = np.flatnonzero(np.bincount(values, minlength=evidence.count) > 1)
    for run in evidence.runs(several):
        first, last = int(run[0]), int(run[-1])
        mine = by_value[slice(*np.searchsorted(sorted_values, [first, first + 1]))]
        offsets = order.offset[places[mine]].tolist()
        told = ", ".join(str(offset) for offset in offsets)
        yield anomaly(
            evidence,
            "duplicate",
            f"{evidence.record(first, last)} of {evidence.place(first)} is there from offsets {told} on.",
            records=[(first, last)],
            operations=witnesses(evidence, first),
            offsets=offsets,
        )


def witnesses(evidence: Evidence, value: int) -> list[int]:
    """The operations that sent or polled a record."""
    return [each for each in (int(evidence.writer[value]), *evidence.readers(value)) if each != UNKNOWN]
