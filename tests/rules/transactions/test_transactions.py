"""Open and aborted transactions of a log, and what a read_committed reader sees."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.producer.producer_state_entry import AppendOrigin, ProducerStateEntry
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.transactions.transactions import (
    AbortedTransaction,
    AbortedTransactionIndex,
    EndTransactionMarker,
    end_transaction_batch,
    end_transaction_marker,
    visible_batches,
)

PROPERTY = settings(max_examples=120, deadline=None)


class Story:
    """A log with producers that write transactions of protocol version 2, and a high watermark."""

    def __init__(self, segment_bytes: int = 300) -> None:
        self.log = Log(segment_bytes=segment_bytes)
        self.high_watermark = 0
        self.epochs: dict[int, int] = {}
        self.sequences: dict[int, int] = {}

    def plain(self, count: int = 1) -> None:
        self.log.append_as_leader(RecordBatch(RecordColumns(count, [0] * count, 70)), 0)

    def data(self, producer_id: int, count: int = 1) -> None:
        epoch, sequence = self.epochs.get(producer_id, 0), self.sequences.get(producer_id, 0)
        columns = RecordColumns(count, [0] * count, 70)
        batch = RecordBatch(columns, 0, -1, producer_id, epoch, sequence, is_transactional=True)
        self.log.append_as_leader(batch, 0)
        self.sequences[producer_id] = sequence + count

    def end(self, producer_id: int, commit: bool) -> None:
        epoch = self.epochs[producer_id] = self.epochs.get(producer_id, 0) + 1
        self.sequences[producer_id] = 0
        batch = end_transaction_batch(producer_id, epoch, EndTransactionMarker(commit, 0), 0)
        self.log.append_as_leader(batch, 0, AppendOrigin.COORDINATOR, 2)

    def replicate(self, high_watermark: int) -> None:
        self.high_watermark = min(max(self.high_watermark, high_watermark), self.log.log_end_offset)
        self.log.on_high_watermark_updated(self.high_watermark)

    @property
    def last_stable_offset(self) -> int:
        return self.log.last_stable_offset(self.high_watermark)

    def committed(self, max_bytes: int = 1_000, start: int = 0) -> list[int]:
        """The offsets that a read_committed consumer gets, fetch by fetch."""
        offset, found = start, []
        while offset < self.last_stable_offset:
            read = self.log.read(offset, max_bytes, self.last_stable_offset)
            visible = visible_batches(read.batches, self.log.aborted_transactions(offset, read))
            found += [record.offset for batch in visible for record in batch.records(offset)]
            offset = read.batches[-1].next_offset
        return found


def test_a_marker_takes_78_bytes_and_an_offset() -> None:
    batch = end_transaction_batch(7, 3, EndTransactionMarker(committed=True, coordinator_epoch=9), 1_000)
    assert (batch.size_bytes, batch.count, batch.is_control, batch.is_transactional) == (78, 1, True, True)
    assert end_transaction_marker(batch) == (True, 9)
    assert end_transaction_marker(batch.retaining([], None)) is None


def test_a_transaction_is_unstable_until_its_marker_is_replicated() -> None:
    story = Story()
    story.data(1, 2)
    story.plain()
    story.replicate(3)
    assert (story.last_stable_offset, story.log.first_unstable_offset) == (0, 0)
    story.end(1, commit=False)
    story.replicate(3)
    assert story.last_stable_offset == 0
    story.replicate(4)
    assert (story.last_stable_offset, story.log.first_unstable_offset) == (4, None)
    assert story.committed() == [2]


def test_the_aborted_index_knows_the_last_stable_offset_of_the_moment() -> None:
    story = Story()
    story.data(1)
    story.data(2)
    story.end(2, commit=False)
    story.end(1, commit=False)
    assert story.log.aborted.entries == [(2, 1, 2, 0), (1, 0, 3, 4)]
    story.log.truncate_to(3)
    assert story.log.aborted.entries == [(2, 1, 2, 0)]
    story.log.aborted.delete_below(3)
    assert story.log.aborted.entries == []


def test_the_search_for_aborted_transactions_ends_where_all_was_decided() -> None:
    index = AbortedTransactionIndex()
    for entry in ((1, 0, 4, 2), (2, 2, 6, 7), (3, 8, 9, 10)):
        index.append(AbortedTransaction(*entry))
    assert [found.producer_id for found in index.collect(0, 7)] == [1, 2]
    assert [found.producer_id for found in index.collect(5, 9)] == [2, 3]
    assert [found.producer_id for found in index.collect(5, 8)] == [2]


def test_a_read_tells_of_aborted_transactions_up_to_the_next_index_entry_or_segment() -> None:
    story = Story(segment_bytes=500)
    for _ in range(8):
        story.data(1)
        story.end(1, commit=False)
    story.replicate(16)
    assert len(story.log.segments) == 3
    read = story.log.read(0, 70, story.last_stable_offset)
    assert [batch.base_offset for batch in read.batches] == [0]
    told = [entry.first_offset for entry in story.log.aborted_transactions(0, read)]
    assert told == [0, 2, 4]
    assert story.log.segments[1].base_offset == 6
    assert story.log.aborted_transactions(16, story.log.read(16, 70, 16)) == []


def test_an_unstable_transaction_begins_at_the_log_start_when_its_first_records_are_deleted() -> None:
    story = Story()
    story.data(1, 3)
    story.log.log_start_offset = 2
    story.replicate(3)
    assert (story.log.first_unstable_offset, story.last_stable_offset) == (2, 2)


@pytest.mark.parametrize("aborted", [None, []])
def test_no_reader_sees_markers(aborted: list[AbortedTransaction] | None) -> None:
    story = Story()
    story.data(1)
    story.end(1, commit=False)
    story.plain()
    assert [batch.base_offset for batch in visible_batches(story.log.batches(), aborted)] == [0, 2]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("plain"), st.integers(1, 3)),
        st.tuples(st.just("data"), st.integers(1, 3)),
        st.tuples(st.just("commit"), st.integers(1, 3)),
        st.tuples(st.just("abort"), st.integers(1, 3)),
        st.tuples(st.just("replicate"), st.integers(0, 40)),
        st.tuples(st.just("truncate"), st.integers(0, 40)),
    ),
    max_size=30,
)


def take(story: Story, step: str, argument: int) -> None:
    if step == "plain":
        story.plain(argument)
    elif step == "data":
        story.data(argument)
    elif step in ("commit", "abort"):
        story.end(argument, step == "commit")
    elif step == "replicate":
        story.replicate(argument)
    else:
        least = max(argument, story.high_watermark)
        ends = (batch.next_offset for batch in story.log.batches())
        story.log.truncate_to(next((end for end in ends if end >= least), story.log.log_end_offset))
        for producer_id, entry in story.log.producers.entries.items():
            story.epochs[producer_id], story.sequences[producer_id] = entry.producer_epoch, entry.last_sequence + 1
        for producer_id in [known for known in story.epochs if known not in story.log.producers.entries]:
            story.epochs[producer_id] = story.sequences[producer_id] = 0


@given(STEPS, st.integers(200, 900))
@PROPERTY
def test_log_start_lso_high_watermark_and_log_end_stay_in_order(
    steps: list[tuple[str, int]], segment_bytes: int
) -> None:
    story = Story(segment_bytes)
    for step, argument in steps:
        take(story, step, argument)
        log = story.log
        assert log.log_start_offset <= story.last_stable_offset <= story.high_watermark <= log.log_end_offset
        assert all(first < second for first, second in pairwise(log.producers.transactions.ongoing))


def remembered(entries: dict[int, ProducerStateEntry]) -> dict[int, object]:
    return {
        producer_id: (entry.producer_epoch, entry.last_sequence, entry.last_data_offset, entry.current_txn_first_offset)
        for producer_id, entry in entries.items()
    }


@given(STEPS, st.integers(0, 40))
@PROPERTY
def test_truncation_leaves_the_state_of_a_log_that_never_had_the_rest(steps: list[tuple[str, int]], cut: int) -> None:
    story, fresh = Story(), Log(segment_bytes=300)
    for step, argument in steps:
        take(story, step, argument)
    story.log.truncate_to(cut)
    for batch in story.log.batches():
        fresh.append_as_follower(batch)
    ours, theirs = story.log.producers, fresh.producers
    assert remembered(ours.entries) == remembered(theirs.entries)
    assert ours.transactions.ongoing == theirs.transactions.ongoing
    story.high_watermark = cut = story.log.log_end_offset
    for log in (story.log, fresh):
        log.on_high_watermark_updated(cut)
    assert story.last_stable_offset == fresh.last_stable_offset(cut)
    assert story.log.aborted.entries == fresh.aborted.entries


@given(STEPS, st.integers(1, 500))
@PROPERTY
def test_readers_see_committed_and_plain_records_below_the_lso(steps: list[tuple[str, int]], max_bytes: int) -> None:
    story = Story()
    for step, argument in steps:
        take(story, step, argument)
    story.replicate(story.log.log_end_offset)
    expected, waiting = [], dict[int, list[int]]()
    for batch in story.log.batches():
        offsets = list(range(batch.base_offset, batch.next_offset))
        marker = end_transaction_marker(batch) if batch.is_control else None
        if marker is not None:
            done = waiting.pop(batch.producer_id, [])
            expected += done if marker.committed else []
        elif batch.is_transactional:
            waiting.setdefault(batch.producer_id, []).extend(offsets)
        else:
            expected += offsets
    below = [offset for offset in expected if offset < story.last_stable_offset]
    undecided = [offset for offsets in waiting.values() for offset in offsets]
    assert story.committed(max_bytes) == sorted(below)
    assert all(offset >= story.last_stable_offset for offset in undecided)
