"""The recorder and what it makes of the facts of clients, told by hand."""

from sim.machine.facts import Facts
from sim.observe.anomalies.history import History, MarkKind, Operation, Outcome, Poll, Reader, Records, Send
from sim.observe.anomalies.recorder import Recorder
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
from sim.rules.storage.batch import RecordBatch, RecordColumns
from tests.observe.anomalies.histories import FAIL, INFO, OK, X


def columns(first: int, count: int = 2, origin: str = "p") -> RecordColumns:
    return RecordColumns.of(
        [0] * count, None, [b"v"] * count, sent_at=[first] * count, origin=origin, first_number=first
    )


class Desk:
    """Facts told one after the other, a nanosecond apart."""

    def __init__(self) -> None:
        self._facts = Facts()
        self.recorder = Recorder(self._facts)
        self._time = 1000

    def tell(self, *facts: object) -> None:
        for fact in facts:
            self._time += 1
            self._facts.announce(self._time, fact)

    def sent(self, *given: RecordColumns) -> None:
        self.tell(*(ProducerRecords("p", X, each) for each in given))

    def acknowledged(self, given: RecordColumns, offset: int) -> None:
        self.tell(RecordsAcknowledged("p", X, given, offset, 1))

    def failed(self, given: RecordColumns, error: ErrorCode = ErrorCode.REQUEST_TIMED_OUT) -> None:
        self.tell(BatchFailed("p", X, error, given))

    def polled(self, given: RecordColumns, offset: int, begin: int = 0) -> None:
        batch = RecordBatch(given, offset)
        self.tell(RecordsPolled("app", "c", self._time, [(X, batch, offset + begin, batch.next_offset)]))

    @property
    def history(self) -> History:
        return self.recorder.history()


def rows(operation: Operation) -> list[Records]:
    return [row for step in operation.steps for row in ((step.records,) if isinstance(step, Send) else step.records)]


def test_batches_are_operations_by_what_their_producer_heard_of_them() -> None:
    desk = Desk()
    written, timed_out, refused, unsent, silent = (columns(first) for first in (0, 2, 4, 6, 8))
    desk.sent(written, timed_out, refused, silent)
    desk.acknowledged(written, 10)
    desk.failed(timed_out)
    desk.failed(refused, ErrorCode.MESSAGE_TOO_LARGE)
    desk.failed(unsent)
    told = [(each.outcome, *rows(each)) for each in desk.history.operations]
    assert told == [
        (OK, Records(X, "p", 0, 2, 10)),
        (INFO, Records(X, "p", 2, 2, None)),
        (FAIL, Records(X, "p", 4, 2, None)),
        (FAIL, Records(X, "p", 6, 2, None)),
        (INFO, Records(X, "p", 8, 2, None)),
    ]
    assert (desk.history.operations[0].invoked, desk.history.operations[0].completed) == (0, 1005)


def test_parts_of_a_batch_that_was_split_are_answered_in_any_order() -> None:
    desk = Desk()
    desk.sent(columns(0, 9))
    desk.acknowledged(columns(3, 3), 30)
    desk.acknowledged(columns(0, 3), 10)
    told = [(each.outcome, *rows(each)) for each in desk.history.operations]
    assert told == [
        (OK, Records(X, "p", 3, 3, 30)),
        (OK, Records(X, "p", 0, 3, 10)),
        (INFO, Records(X, "p", 6, 3, None)),
    ]


def test_without_an_offset_it_is_acknowledged_nevertheless() -> None:
    desk = Desk()
    desk.sent(columns(0))
    desk.acknowledged(columns(0), -1)
    (operation,) = desk.history.operations
    assert (operation.outcome, rows(operation)[0].first_offset) == (OK, None)


def test_a_poll_has_the_numbers_of_its_records_also_after_compaction() -> None:
    desk = Desk()
    desk.tell(ConsumerOpened("app", "c", "g", True, False))
    desk.polled(columns(4, 5), 100, begin=2)
    desk.polled(columns(4, 5).retaining([1, 3], None), 200)
    first, second = desk.history.operations
    assert rows(first) == [Records(X, "p", 6, 3, 102)]
    assert rows(second) == [Records(X, "p", 5, 1, 201), Records(X, "p", 7, 1, 203)]
    assert desk.history.readers == {"c": Reader(read_committed=True, from_beginning=False)}


def test_marks_and_polls_are_in_the_order_of_the_facts_and_a_new_life_has_a_name_of_its_own() -> None:
    desk = Desk()
    opened = ConsumerOpened("app", "c", "g", False, True)
    desk.tell(opened, ConsumerSubscribed("app", "c", ("x",)), PartitionsTaken("app", "c", (X,), True))
    desk.polled(columns(0), 0)
    desk.tell(PositionSought("app", "c", (X,)), AppStopped("app", False), opened)
    desk.tell(PartitionsTaken("app", "c", (X,), False), PartitionsTaken("app", "a share consumer", (X,), True))
    history = desk.history
    (poll,) = (step for operation in history.operations for step in operation.steps if isinstance(step, Poll))
    assert [(mark.client, mark.kind) for mark in history.marks] == [
        ("c", MarkKind.SUBSCRIBE),
        ("c", MarkKind.REBALANCE),
        ("c", MarkKind.SEEK),
        ("c (2)", MarkKind.ASSIGN),
    ]
    assert history.marks[1].order < poll.order < history.marks[2].order


def transaction(committed: bool | None) -> tuple[Outcome, list[type]]:
    """How a transaction with a poll before, one inside, and two sends is told."""
    desk = Desk()
    desk.tell(ConsumerOpened("app", "c", "g", True, True))
    desk.polled(columns(0, origin="q"), 0)
    desk.tell(TransactionBegan("app", "p"))
    desk.sent(columns(0), columns(2))
    desk.acknowledged(columns(0), 10)
    desk.polled(columns(2, origin="q"), 2)
    desk.tell(TransactionOffsetsSent("app", "p", "g"))
    desk.acknowledged(columns(2), 12)
    desk.tell(*([] if committed is None else [TransactionEnded("app", "p", committed)]))
    (operation,) = desk.history.operations
    assert operation.transactional
    return operation.outcome, [type(step) for step in operation.steps]


def test_a_transaction_is_one_operation_with_the_polls_whose_offsets_it_sends() -> None:
    steps = [Poll, Send, Poll, Send]
    assert transaction(True) == (OK, steps)
    assert transaction(False) == (FAIL, steps)
    assert transaction(None) == (INFO, steps)


def test_polls_of_a_dead_application_are_in_no_transaction_of_its_next_life() -> None:
    desk = Desk()
    opened = ConsumerOpened("app", "c", "g", True, True)
    desk.tell(opened, TransactionBegan("app", "p"))
    desk.sent(columns(0))
    desk.tell(AppStopped("app", False), opened)
    desk.polled(columns(0, origin="q"), 0)
    desk.tell(TransactionBegan("app", "p (start 2)"), TransactionOffsetsSent("app", "p (start 2)", "g"))
    desk.tell(TransactionEnded("app", "p (start 2)", True))
    told = [(each.outcome, [type(step) for step in each.steps]) for each in desk.history.operations]
    assert told == [(OK, [Poll]), (INFO, [Send])]


def test_a_batch_that_is_acknowledged_after_its_transaction_was_left_proves_nothing() -> None:
    desk = Desk()
    desk.tell(TransactionBegan("app", "p"))
    desk.sent(columns(0))
    desk.tell(TransactionEnded("app", "p", False))
    desk.acknowledged(columns(0), 0)
    (operation,) = desk.history.operations
    assert (operation.outcome, operation.transactional) == (INFO, True)
