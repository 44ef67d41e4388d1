"""Histories written by hand: `a0`, `a1`, … are what producer `a` sends to a partition, in this order."""

from sim.observe.anomalies import Anomalies, Terms, check
from sim.observe.anomalies.history import (
    History,
    Mark,
    MarkKind,
    Operation,
    Outcome,
    Poll,
    Reader,
    Records,
    Send,
)
from sim.rules.topics import TopicPartition

OK, INFO, FAIL = Outcome.OK, Outcome.INFO, Outcome.FAIL
X, Y = TopicPartition("x", 0), TopicPartition("y", 0)
Pair = tuple[int | None, str]


def record(partition: TopicPartition, pair: Pair) -> Records:
    offset, value = pair
    return Records(partition, value[0], int(value[1:]), 1, offset)


def send(value: str, offset: int | None = None, partition: TopicPartition = X) -> Send:
    """A send, with the offset that the client was told, if any."""
    return Send(record(partition, (offset, value)))


class Diary:
    """A history that grows operation by operation; each takes two seconds."""

    def __init__(self, **readers: Reader) -> None:
        self.operations: list[Operation] = []
        self.marks: list[Mark] = []
        self.readers = readers
        self._order = 0

    def sends(self, *steps: Send, outcome: Outcome = OK) -> None:
        """An operation of sends only."""
        self.operation("writer", *steps, outcome=outcome)

    def polls(self, *pairs: Pair, by: str = "reader", of: TopicPartition = X, outcome: Outcome = OK) -> None:
        """An operation of one poll."""
        self.operation(by, self.poll(*pairs, by=by, of=of), outcome=outcome)

    def transaction(self, process: str, *steps: Send | Poll, outcome: Outcome = OK) -> None:
        """A transaction."""
        self.operation(process, *steps, outcome=outcome, transactional=True)

    def operation(self, process: str, *steps: Send | Poll, outcome: Outcome = OK, transactional: bool = False) -> None:
        """Any operation."""
        begins = 2_000_000_000 * len(self.operations)
        self.operations.append(Operation(process, outcome, begins, begins + 1_000_000_000, steps, transactional))

    def poll(self, *pairs: Pair, by: str = "reader", of: TopicPartition = X) -> Poll:
        """A poll as a step of an operation."""
        self._order += 1
        return Poll(by, self._order, tuple(record(of, pair) for pair in pairs))

    def mark(
        self, kind: MarkKind, *partitions: TopicPartition, topics: tuple[str, ...] = (), by: str = "reader"
    ) -> None:
        """A consumer moves, or is moved."""
        self._order += 1
        self.marks.append(Mark(by, self._order, kind, partitions, topics))

    def check(self, terms: Terms | None = None) -> Anomalies:
        """What the black box makes of it."""
        return check(History(self.operations, self.marks, self.readers), terms)

    def names(self) -> list[str]:
        """The names of all that is found."""
        return self.check().names()
