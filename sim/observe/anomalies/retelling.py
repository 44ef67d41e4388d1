"""Turns the facts of clients into a history: which sends and polls are one operation, and how it ended.

A transaction is the sends of its producer and the polls of the same application from its begin to its end, and the
polls before whose offsets it commits. Every other batch and every other poll is an operation of its own. An operation
is FAIL only when it certainly had no effect: it was aborted, never left, or was refused for good.

Source: jepsen-io/redpanda src/jepsen/redpanda/workload/queue.clj with-txn, with-errors
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sim.observe.anomalies.history import History, Mark, MarkKind, Operation, Outcome, Poll, Reader, Records, Send
from sim.observe.anomalies.outstanding import Outstanding, began
from sim.rules.errors import ErrorCode
from sim.rules.facts.client import (
    ConsumerOpened,
    ConsumerSubscribed,
    PartitionsTaken,
    PositionSought,
    RecordsPolled,
    TransactionBegan,
    TransactionEnded,
    TransactionOffsetsSent,
)
from sim.rules.facts.journal import AppStopped, BatchFailed, ProducerRecords, RecordsAcknowledged
from sim.rules.storage.batch import RecordBatch
from sim.rules.topics import TopicPartition

__all__ = ["Retelling"]

REFUSED = (
    ErrorCode.MESSAGE_TOO_LARGE,
    ErrorCode.RECORD_LIST_TOO_LARGE,
    ErrorCode.INVALID_RECORD,
    ErrorCode.PRODUCER_FENCED,
    ErrorCode.INVALID_PRODUCER_EPOCH,
)
NEVER = -1


class Polled(NamedTuple):
    """A poll that may yet turn out to be part of a transaction."""

    began: int
    returned: int
    group_id: str
    poll: Poll


class Transaction:
    """A transaction without an end; one of a process that is `gone` takes no more polls."""

    __slots__ = ("app", "began", "gone", "steps")

    def __init__(self, app: str, began: int) -> None:
        self.app = app
        self.began = began
        self.gone = False
        self.steps: list[Send | Poll] = []


class Retelling:
    """Reads the facts once, in order."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self._marks: list[Mark] = []
        self._readers: dict[str, Reader] = {}
        self._names: dict[tuple[str, str], tuple[str, str]] = {}
        self._outstanding = Outstanding()
        self._transactional: dict[str, None] = {}
        self._open: dict[str, Transaction] = {}
        self._loose: dict[str, list[Polled]] = {}
        self._order = 0
        self.tell: dict[type, Callable[[int, Any], None]] = {
            ProducerRecords: self._on_sent,
            RecordsAcknowledged: self._on_acknowledged,
            BatchFailed: self._on_failed,
            ConsumerOpened: self._on_opened,
            ConsumerSubscribed: self._on_subscribed,
            PartitionsTaken: self._on_taken,
            PositionSought: self._on_sought,
            RecordsPolled: self._on_polled,
            TransactionBegan: self._on_began,
            TransactionOffsetsSent: self._on_offsets_sent,
            TransactionEnded: self._on_ended,
            AppStopped: self._on_stopped,
        }

    def of(self, heard: Iterable[tuple[int, Any]]) -> History:
        """The history that these facts, with their times in nanoseconds, amount to."""
        for self._order, (time, fact) in enumerate(heard):
            self.tell[type(fact)](time, fact)
        for records, sent_at in self._outstanding.rest():
            self._settle(records, sent_at, NEVER, Outcome.INFO)
        for origin in list(self._open):
            self._close(origin, Outcome.INFO, NEVER)
        for app in list(self._loose):
            self._let_go(app)
        return History(self._operations, self._marks, self._readers)

    def _on_sent(self, time: int, fact: ProducerRecords) -> None:
        self._outstanding.leaves(fact.partition, fact.columns, time)

    def _on_acknowledged(self, time: int, fact: RecordsAcknowledged) -> None:
        columns, offset = fact.columns, None if fact.base_offset < 0 else fact.base_offset
        self._outstanding.answered(fact.partition, columns)
        records = Records(fact.partition, columns.origin, columns.first_number, columns.count, offset)
        self._settle(records, began(columns, time), time, Outcome.OK)

    def _on_failed(self, time: int, fact: BatchFailed) -> None:
        columns = fact.columns
        unsure = self._outstanding.has(fact.partition, columns) and fact.error not in REFUSED
        self._outstanding.answered(fact.partition, columns)
        records = Records(fact.partition, columns.origin, columns.first_number, columns.count, None)
        self._settle(records, began(columns, time), time, Outcome.INFO if unsure else Outcome.FAIL)

    def _settle(self, records: Records, sent_at: int, time: int, outcome: Outcome) -> None:
        """A batch of a transaction shares its fate; when that is over already, nobody can tell."""
        origin, steps = records.origin, (Send(records),)
        transaction = self._open.get(origin)
        if transaction is not None:
            transaction.steps += steps
        elif origin in self._transactional:
            self._operations.append(Operation(origin, max(outcome, Outcome.INFO), sent_at, time, steps, True))
        else:
            self._operations.append(Operation(origin, outcome, sent_at, time, steps))

    def _on_opened(self, _: int, fact: ConsumerOpened) -> None:
        name, life = fact.client_id, 1
        while name in self._readers:
            life += 1
            name = f"{fact.client_id} ({life})"
        self._names[fact.app, fact.client_id] = name, fact.group_id
        self._readers[name] = Reader(fact.read_committed, fact.from_beginning)

    def _on_subscribed(self, _: int, fact: ConsumerSubscribed) -> None:
        self._mark(fact.app, fact.client_id, MarkKind.SUBSCRIBE, topics=fact.topics)

    def _on_taken(self, _: int, fact: PartitionsTaken) -> None:
        kind = MarkKind.REBALANCE if fact.by_group else MarkKind.ASSIGN
        self._mark(fact.app, fact.client_id, kind, fact.partitions)

    def _on_sought(self, _: int, fact: PositionSought) -> None:
        self._mark(fact.app, fact.client_id, MarkKind.SEEK, fact.partitions)

    def _mark(
        self,
        app: str,
        client_id: str,
        kind: MarkKind,
        partitions: tuple[TopicPartition, ...] = (),
        topics: tuple[str, ...] = (),
    ) -> None:
        """Share consumers take partitions, too; they are not of this history."""
        if (app, client_id) in self._names:
            name, _ = self._names[app, client_id]
            self._marks.append(Mark(name, self._order, kind, partitions, topics))

    def _on_polled(self, time: int, fact: RecordsPolled) -> None:
        client, group_id = self._names[fact.app, fact.client_id]
        poll = Poll(client, self._order, tuple(row for piece in fact.pieces for row in _rows(*piece)))
        for transaction in self._open.values():
            if transaction.app == fact.app and not transaction.gone:
                transaction.steps.append(poll)
                return
        self._loose.setdefault(fact.app, []).append(Polled(fact.began, time, group_id, poll))

    def _on_began(self, time: int, fact: TransactionBegan) -> None:
        self._close(fact.origin, Outcome.INFO, NEVER)
        self._transactional[fact.origin] = None
        self._open[fact.origin] = Transaction(fact.app, time)

    def _on_offsets_sent(self, _: int, fact: TransactionOffsetsSent) -> None:
        if fact.origin in self._open:
            loose = self._loose.pop(fact.app, [])
            self._open[fact.origin].steps[:0] = [each.poll for each in loose if each.group_id == fact.group_id]
            self._loose[fact.app] = [each for each in loose if each.group_id != fact.group_id]

    def _on_ended(self, time: int, fact: TransactionEnded) -> None:
        self._close(fact.origin, Outcome.OK if fact.committed else Outcome.FAIL, time)

    def _on_stopped(self, _: int, fact: AppStopped) -> None:
        self._let_go(fact.app)
        for transaction in self._open.values():
            transaction.gone = transaction.gone or transaction.app == fact.app

    def _let_go(self, app: str) -> None:
        """Polls of an application that no transaction has claimed."""
        for began_at, returned, _, poll in self._loose.pop(app, []):
            self._operations.append(Operation(poll.client, Outcome.OK, began_at, returned, (poll,)))

    def _close(self, origin: str, outcome: Outcome, time: int) -> None:
        transaction = self._open.pop(origin, None)
        if transaction is not None and transaction.steps:
            steps = tuple(transaction.steps)
            self._operations.append(Operation(transaction.app, outcome, transaction.began, time, steps, True))


def _rows(partition: TopicPartition, batch: RecordBatch, first_offset: int, next_offset: int) -> Iterable[Records]:
    """Part of a batch as records in rows; compaction leaves holes in numbers and offsets alike."""
    columns = batch.columns
    deltas, base, number = columns.offset_deltas, batch.base_offset, columns.first_number
    if columns.origin and deltas is None:
        yield Records(partition, columns.origin, number + first_offset - base, next_offset - first_offset, first_offset)
    elif columns.origin and deltas is not None:
        for delta in deltas[batch.index_at(first_offset) : batch.index_at(next_offset)]:
            yield Records(partition, columns.origin, number + delta, 1, base + delta)
