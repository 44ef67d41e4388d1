"""The verdict on records of transactions, on logs made by hand."""

from sim.observe.sentences import _fate
from sim.rules.facts.storage import SegmentsDeleted
from sim.rules.producer.producer_state_entry import AppendOrigin
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.retention import RetentionPolicy, delete_old_segments
from sim.rules.transactions.transactions import EndTransactionMarker, end_transaction_batch
from tests.observe.test_verdict import NAME, Desk
from tests.observe.test_verdict_of_cleaned_logs import log_of


class Transactions(Desk):
    """A desk with one transactional producer, which raises its epoch with each transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0
        log_of(self).producers.verification_enabled = False

    def send(self, first_number: int) -> tuple[RecordColumns, RecordBatch]:
        """Two acknowledged records of a transaction."""
        columns = self.columns(first_number)
        batch = RecordBatch(columns, 0, -1, 7, self.epoch, 0, is_transactional=True)
        self.acknowledge(columns)
        return columns, log_of(self).append_as_leader(batch, 0).batch

    def end(self, commit: bool) -> None:
        """The marker of the transaction."""
        self.epoch += 1
        marker = end_transaction_batch(7, self.epoch, EndTransactionMarker(commit, 0), 0)
        log_of(self).append_as_leader(marker, 0, AppendOrigin.COORDINATOR, 2)


def test_records_of_an_aborted_transaction_are_told_as_aborted_and_not_as_undelivered() -> None:
    desk = Transactions()
    desk.send(0)
    desk.end(commit=False)
    _, committed = desk.send(2)
    desk.end(commit=True)
    missing = desk.witness.verdict()
    assert (missing.aborted, missing.ok) == (2, False)
    assert [fate.number for fate in missing.undelivered] == [2, 3]
    desk.deliver(committed)
    verdict = desk.witness.verdict()
    assert (verdict.aborted, verdict.ok) == (2, True)
    assert verdict.as_json()["aborted"] == 2
    assert "The transactions of 2 were aborted" in _fate(verdict)


def test_records_of_an_open_transaction_are_undelivered() -> None:
    desk = Transactions()
    desk.send(0)
    verdict = desk.witness.verdict()
    assert (verdict.aborted, len(verdict.undelivered)) == (0, 2)
    assert "aborted" not in verdict.as_json()


def test_an_abort_does_not_reach_back_over_a_commit_marker_that_was_cleaned_away() -> None:
    desk = Transactions()
    desk.send(0)
    desk.epoch += 1
    desk.send(2)
    desk.end(commit=False)
    verdict = desk.witness.verdict()
    assert verdict.aborted == 2
    assert [fate.number for fate in verdict.undelivered] == [0, 1]


def test_aborted_records_that_retention_has_deleted_are_still_aborted() -> None:
    desk = Transactions()
    desk.send(0)
    log_of(desk).roll(2)
    desk.end(commit=False)
    desk.send(3)
    removed = delete_old_segments(log_of(desk), 2, 10, RetentionPolicy(retention_ms=0))
    batches = tuple(batch for segment in removed for batch in segment.batches)
    assert [batch.base_offset for batch in batches] == [0]
    desk.flight.announce(SegmentsDeleted(2, NAME, len(removed), 0, 2, batches))
    verdict = desk.witness.verdict()
    assert (verdict.aborted, verdict.removed) == (2, 2)
    assert [fate.number for fate in verdict.undelivered] == [3, 4]
