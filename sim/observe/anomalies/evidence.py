"""The history as columns, one row per record sent or polled, and what follows at once: writers, readers, proofs.

Every record is a number, its `value`: those of one partition are in a row, and those of one producer in the order in
which they were sent. So all questions are asked of whole columns.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj writes-by-type, reads-by-type, must-have-committed?
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from sim.observe.anomalies.history import History, Operation, Outcome, Poll, Records
from sim.observe.anomalies.whereabouts import Whereabouts
from sim.rules.topics import TopicPartition

__all__ = ["Column", "Evidence", "Flags", "Rows"]

Column: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
UNKNOWN = -1


class Rows(NamedTuple):
    """Records sent, or polled; `client` is a consumer's index, `stay` and `tenure` as `Whereabouts` has them."""

    operation: Column
    client: Column
    stay: Column
    tenure: Column
    value: Column
    offset: Column


class Pieces:
    """Records in rows, as they are collected from the history."""

    def __init__(self, streams: dict[tuple[TopicPartition, str], int]) -> None:
        self._streams = streams
        self._pieces: list[tuple[int, ...]] = []

    def add(self, records: Records, *rest: int) -> None:
        """Note records with operation, client, stay and tenure."""
        partition, origin, first_number, count, offset = records
        stream = self._streams.setdefault((partition, origin), len(self._streams))
        self._pieces.append((stream, first_number, count, UNKNOWN if offset is None else offset, *rest))

    def columns(self) -> Column:
        """All that was noted, one column per row of the result."""
        return np.array(self._pieces, dtype=np.int64).reshape(-1, 8).T


class Evidence:
    """What all checkers share; `operations` are those of the history, and a column of operations holds their indexes.

    `writer` has by value the operation that sent it, -1 if none did; `read` whether an operation that is OK has polled
    it, `maybe_read` whether one that is OK or INFO has. `proven` has by operation whether its sends count: it is OK, or
    INFO and something of it was seen.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.operations: list[Operation] = list(history.operations)
        self.clients: list[str] = list(dict.fromkeys(poll.client for _, poll in _polls(self.operations)))
        streams: dict[tuple[TopicPartition, str], int] = {}
        sent, polled = self._collect(streams)
        self.partitions = sorted({partition for partition, _ in streams})
        self._lay_out(streams, sent, polled)
        self.sends, self.reads = _expanded(sent, self._base), _expanded(polled, self._base)
        self.outcome = np.array([each.outcome for each in self.operations], dtype=np.int64)
        self.transactional = np.array([each.transactional for each in self.operations], dtype=np.bool_)
        readers = [history.reader(client) for client in self.clients]
        self.reads_committed = np.array([reader.read_committed for reader in readers], dtype=np.bool_)
        self.writer = np.full(self.count, UNKNOWN, dtype=np.int64)
        self.writer[self.sends.value] = self.sends.operation
        self.read = self._seen(self.outcome[self.reads.operation] == Outcome.OK)
        self.maybe_read = self._seen(self.outcome[self.reads.operation] != Outcome.FAIL)
        self.proven = self._proven()
        self._by_value = np.argsort(self.reads.value, kind="stable")
        self._values_read = self.reads.value[self._by_value]

    def _collect(self, streams: dict[tuple[TopicPartition, str], int]) -> tuple[Column, Column]:
        sent, polled = Pieces(streams), Pieces(streams)
        number = {client: index for index, client in enumerate(self.clients)}
        polls: list[tuple[int, Poll]] = []
        for index, operation in enumerate(self.operations):
            for step in operation.steps:
                if isinstance(step, Poll):
                    polls.append((index, step))
                else:
                    sent.add(step.records, index, UNKNOWN, 0, 0)
        polls.sort(key=lambda each: each[1].order)
        where = Whereabouts(self.history.marks)
        for index, poll in polls:
            where.move(poll.order)
            client = number[poll.client]
            for records in poll.records:
                polled.add(records, index, client, *where.of(poll.client, records.partition))
        return sent.columns(), polled.columns()

    def _lay_out(self, streams: dict[tuple[TopicPartition, str], int], sent: Column, polled: Column) -> None:
        """Give every stream of records a range of values, those of one partition side by side."""
        lengths = np.zeros(len(streams), dtype=np.int64)
        for pieces in (sent, polled):
            np.maximum.at(lengths, pieces[0], pieces[1] + pieces[2])
        names = sorted(streams)
        order = np.array([streams[name] for name in names], dtype=np.int64)
        starts = np.concatenate(([0], np.cumsum(lengths[order])))
        self.count = int(starts[-1])
        self._names, self._starts = names, starts
        self._base = np.zeros(len(streams), dtype=np.int64)
        self._base[order] = starts[:-1]
        of_partition = {partition: index for index, partition in enumerate(self.partitions)}
        indexes = np.array([of_partition[partition] for partition, _ in names], dtype=np.int64)
        self.partition = np.repeat(indexes, lengths[order])
        self.stream = np.repeat(np.arange(len(names)), lengths[order])

    def _seen(self, rows: Flags) -> Flags:
        seen = np.zeros(self.count, dtype=np.bool_)
        seen[self.reads.value[rows]] = True
        return seen

    def _proven(self) -> Flags:
        """That uncommitted records are read proves nothing of their transaction."""
        committed = np.append(self.reads_committed, False)[self.reads.client]
        strict = self._seen((self.outcome[self.reads.operation] == Outcome.OK) & committed)
        proven: Flags = self.outcome == Outcome.OK
        for seen, transactional in ((self.read, False), (strict, True)):
            writers = self.writer[np.flatnonzero(seen & (self.writer != UNKNOWN))]
            writers = writers[(self.transactional[writers] == transactional)]
            proven[writers[self.outcome[writers] == Outcome.INFO]] = True
        return proven

    def of_topics(self, topics: Iterable[str]) -> Flags:
        """By partition, whether it is of one of these topics."""
        wanted = set(topics)
        flags: Flags = np.array([partition.topic in wanted for partition in self.partitions], dtype=np.bool_)
        return flags

    def readers(self, value: int) -> list[int]:
        """The operations that have polled a record, in order."""
        begin, end = np.searchsorted(self._values_read, [value, value + 1])
        operations: list[int] = self.reads.operation[self._by_value[begin:end]].tolist()
        return operations

    def runs(self, values: Column, *, by_operation: bool = True) -> list[Column]:
        """Ascending values, cut where they are not in a row, or (by operation) another one has sent them."""
        if not len(values):
            return []
        cuts = (np.diff(values) != 1) | (np.diff(self.stream[values]) != 0)
        if by_operation:
            cuts |= np.diff(self.writer[values]) != 0
        return np.split(values, np.flatnonzero(cuts) + 1)

    def place(self, value: int) -> str:
        """The name of a value's partition."""
        return str(self.partitions[self.partition[value]])

    def record(self, first: int, last: int | None = None) -> str:
        """A record, or several in a row, as producer and numbers."""
        stream = int(self.stream[first])
        start = int(self._starts[stream])
        told = f"{self._names[stream][1]} #{first - start}"
        return told if last is None or last == first else f"{told} to #{last - start}"


def _polls(operations: Iterable[Operation]) -> Iterator[tuple[int, Poll]]:
    for index, operation in enumerate(operations):
        for step in operation.steps:
            if isinstance(step, Poll):
                yield index, step


def _expanded(pieces: Column, base: Column) -> Rows:
    """One row per record instead of one per piece."""
    stream, first_number, count, offset, *rest = pieces
    within: Any = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    value = np.repeat(base[stream] + first_number, count) + within
    offsets = np.repeat(offset, count)
    offsets = np.where(offsets == UNKNOWN, UNKNOWN, offsets + within)
    operation, client, stay, tenure = (np.repeat(column, count) for column in rest)
    return Rows(operation, client, stay, tenure, value, offsets)
