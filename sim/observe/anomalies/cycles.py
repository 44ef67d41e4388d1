"""Transactions that depend on each other in a circle.

T1 comes before T2 if T2 has written right behind T1 in some partition (write order), or has polled what T1 sent. Only
operations of several steps can close a circle; the others are passed over.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj ww-graph, wr-graph, cycles!
Left out: circles through the order of a process, or of real time (G0-process, G1c-realtime and so on).
"""

from collections.abc import Iterator

import networkx
import numpy as np

from sim.observe.anomalies.evidence import UNKNOWN, Column, Evidence, Flags
from sim.observe.anomalies.history import Outcome
from sim.observe.anomalies.report import Anomaly, anomaly
from sim.observe.anomalies.version_order import VersionOrder

__all__ = ["cycles"]

Circle = list[int]


def cycles(evidence: Evidence, order: VersionOrder) -> Iterator[Anomaly]:
    """G0: a circle of writes alone. G1c: one with at least one poll of what another has sent.

    Of each tangle of operations one shortest circle is told: of polls alone if there is one, else with write order.
    """
    several = np.array([len(each.steps) > 1 for each in evidence.operations], dtype=np.bool_)
    several &= evidence.outcome != Outcome.FAIL
    writes, polls = networkx.DiGraph(), networkx.DiGraph()
    writes.add_edges_from(_write_order(evidence, order, several).tolist())
    polls.add_edges_from(_polled_from(evidence, several).tolist())
    for tangle in _tangles(writes):
        yield _told(evidence, "G0", _circle(writes.subgraph(tangle), next(iter(writes.subgraph(tangle).edges))), polls)
    told: set[int] = set()
    for tangle in _tangles(polls):
        told.update(tangle)
        yield _told(evidence, "G1c", _circle(polls.subgraph(tangle), next(iter(polls.subgraph(tangle).edges))), polls)
    both = networkx.compose(writes, polls)
    for tangle in _tangles(both):
        inside = both.subgraph(tangle)
        closing = next((edge for edge in inside.edges if edge in polls.edges), None)
        if closing is not None and told.isdisjoint(tangle):
            yield _told(evidence, "G1c", _circle(inside, closing), polls)


def _write_order(evidence: Evidence, order: VersionOrder, several: Flags) -> Column:
    """Pairs of operations that follow each other in a partition, without those between that cannot close a circle."""
    writer = evidence.writer[order.value]
    places = np.flatnonzero((writer != UNKNOWN) & np.append(several, False)[writer])
    writer, partition = writer[places], order.partition[places]
    pairs = np.stack((writer[:-1], writer[1:]), axis=1)
    return np.unique(pairs[(np.diff(partition) == 0) & (np.diff(writer) != 0)], axis=0)


def _polled_from(evidence: Evidence, several: Flags) -> Column:
    """Pairs of an operation that sent a record and one that polled it."""
    writer, reader = evidence.writer[evidence.reads.value], evidence.reads.operation
    other = (writer != UNKNOWN) & (writer != reader) & np.append(several, False)[writer] & several[reader]
    return np.unique(np.stack((writer, reader), axis=1)[other], axis=0)


def _tangles(graph: networkx.DiGraph) -> list[list[int]]:
    """Groups of operations of which each depends on each, in a fixed order."""
    return sorted(sorted(tangle) for tangle in networkx.strongly_connected_components(graph) if len(tangle) > 1)


def _circle(graph: networkx.DiGraph, edge: tuple[int, int]) -> Circle:
    """A shortest circle through an edge, without its first operation again at the end."""
    first, second = edge
    return [first, *networkx.shortest_path(graph, second, first)[:-1]]


def _told(evidence: Evidence, name: str, circle: Circle, polls: networkx.DiGraph) -> Anomaly:
    edges = list(zip(circle, [*circle[1:], circle[0]], strict=True))
    words = ["polled from" if edge in polls.edges and name == "G1c" else "wrote behind" for edge in edges]
    told = [
        f"{_name(evidence, after)} {word} {_name(evidence, before)}"
        for (before, after), word in zip(edges, words, strict=True)
    ]
    values = [int(evidence.sends.value[np.argmax(evidence.sends.operation == each)]) for each in circle]
    return anomaly(
        evidence,
        name,
        f"{', '.join(told)}.",
        records=[(value, value) for value in values],
        operations=circle,
        circumstances=["write order"] if "wrote behind" in words else _lax(evidence, circle),
    )


def _lax(evidence: Evidence, circle: Circle) -> list[str]:
    """Whether some consumer of these operations takes uncommitted records."""
    rows = np.isin(evidence.reads.operation, circle)
    return [] if evidence.reads_committed[evidence.reads.client[rows]].all() else ["uncommitted"]


def _name(evidence: Evidence, index: int) -> str:
    operation = evidence.operations[index]
    return f"{operation.process} of {operation.invoked / 1e9:.3f} s"
