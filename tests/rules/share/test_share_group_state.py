"""What is kept of a share partition, and what a new leader makes of it."""

from hypothesis import given
from hypothesis import strategies as st

from sim.rules.errors import ErrorCode
from sim.rules.protocol.share_group import acknowledgements_refusal, next_session_epoch
from sim.rules.share.share_acknowledgement import Acknowledgement, AcknowledgeType, acknowledgement_batches
from sim.rules.share.share_acquisition import AcquiredRecords, ShareLimits, Span
from sim.rules.share.share_group_state import (
    SharePartitionKey,
    SharePartitionState,
    StateBatch,
    decode_share_state,
    encode_share_state,
    merged_state,
    partition_for_share_key,
    restored,
    state_of,
)
from sim.rules.share.share_partition import SharePartition
from sim.rules.share.share_records import RecordState
from sim.rules.topics import TopicPartition

KEY = SharePartitionKey("g", TopicPartition("t", 0))
AVAILABLE, ACKNOWLEDGED = RecordState.AVAILABLE, RecordState.ACKNOWLEDGED
TYPES = [AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT]


def given_to(partition: SharePartition, member: str, *batches: tuple[int, int]) -> list[AcquiredRecords]:
    log = [Span(*batch) for batch in batches]
    return partition.acquire(member, log, 0, fetch_offset=partition.next_fetch_offset())


def test_records_in_hand_count_as_not_given_out() -> None:
    partition = SharePartition(10)
    given_to(partition, "a", (10, 19))
    given_to(partition, "b", (20, 29))
    partition.acknowledge("a", [Acknowledgement(10, 11), Acknowledgement(14, 14)], 0)
    partition.acknowledge("a", [Acknowledgement(15, 15, (AcknowledgeType.RELEASE,))], 0)
    assert state_of(partition, 3) == SharePartitionState(
        12,
        (
            StateBatch(12, 13, AVAILABLE, 0),
            StateBatch(14, 14, ACKNOWLEDGED, 1),
            StateBatch(15, 15, AVAILABLE, 1),
            StateBatch(16, 29, AVAILABLE, 0),
        ),
        3,
    )


def test_a_new_leader_delivers_again_what_was_in_hand_with_the_count_that_was_written() -> None:
    partition = SharePartition(10)
    given_to(partition, "a", (10, 19))
    partition.acknowledge("a", [Acknowledgement(10, 11), Acknowledgement(15, 15, (AcknowledgeType.RELEASE,))], 0)
    new = restored(state_of(partition, 3), ShareLimits())
    assert (new.start_offset, new.end_offset, new.next_fetch_offset()) == (12, 19, 12)
    assert given_to(new, "b", (10, 19)) == [(12, 14, 1), (15, 15, 2), (16, 19, 1)]
    empty = restored(SharePartitionState(7), ShareLimits())
    assert (empty.start_offset, empty.next_fetch_offset()) == (7, 7)


def letters(partition: SharePartition) -> list[tuple[int, str]]:
    """Offset and what can become of it: done, or free to be delivered sooner or later."""
    return [
        (offset, "done" if part.state.is_terminal else "free")
        for first, last, part in partition.parts()
        for offset in range(max(first, partition.start_offset), last + 1)
    ]


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(1, 8), st.sampled_from(TYPES)), max_size=20))
def test_nothing_is_lost_or_done_twice_by_a_change_of_leader(said: list[tuple[int, int, AcknowledgeType]]) -> None:
    partition = SharePartition(0)
    for first in range(0, 40, 10):
        given_to(partition, "a", (first, first + 9))
    for first, count, what in said:
        last = min(first + count - 1, 39)
        try:
            partition.acknowledge("a", [Acknowledgement(first, last, (what,))], 0)
        except ValueError:
            continue
    state = state_of(partition, 0)
    _, read = decode_share_state(*encode_share_state(KEY, state))
    assert read == state
    new = restored(read, ShareLimits())
    assert (new.start_offset, new.end_offset) == (partition.start_offset, partition.end_offset)
    assert letters(new) == letters(partition)


def test_an_older_leader_does_not_write_and_a_first_state_changes_nothing() -> None:
    known = SharePartitionState(5, (), 2)
    assert merged_state(None, SharePartitionState()) == SharePartitionState()
    assert merged_state(known, SharePartitionState()) is known
    assert merged_state(known, SharePartitionState(9, (), 1)) is ErrorCode.FENCED_LEADER_EPOCH
    newer = SharePartitionState(9, (), 2)
    assert merged_state(known, newer) is newer


def test_states_are_spread_over_the_topic() -> None:
    homes = {partition_for_share_key(SharePartitionKey("g", TopicPartition("t", number)), 50) for number in range(50)}
    assert homes <= set(range(50))
    assert len(homes) > 25
    assert partition_for_share_key(KEY, 1) == 0


def test_what_is_said_of_single_offsets_is_put_together() -> None:
    accept, release = AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE
    said = {4: accept, 1: accept, 2: accept, 7: accept, 8: release}
    assert acknowledgement_batches(said) == (
        Acknowledgement(1, 2),
        Acknowledgement(4, 4),
        Acknowledgement(7, 8, (accept, release)),
    )
    assert acknowledgement_batches({}) == ()


def test_acknowledgements_out_of_order_and_renewals_out_of_place_are_refused() -> None:
    renewal = Acknowledgement(3, 3, (AcknowledgeType.RENEW,))
    assert acknowledgements_refusal([Acknowledgement(1, 2), Acknowledgement(3, 4)]) is None
    assert acknowledgements_refusal([Acknowledgement(3, 4), Acknowledgement(1, 2)]) is ErrorCode.INVALID_REQUEST
    assert acknowledgements_refusal([Acknowledgement(4, 3)]) is ErrorCode.INVALID_REQUEST
    assert acknowledgements_refusal([renewal]) is ErrorCode.INVALID_REQUEST
    assert acknowledgements_refusal([renewal], is_renewal=True) is None


def test_session_epochs_rise_and_begin_anew_at_one() -> None:
    assert [next_session_epoch(epoch) for epoch in (0, 1, 0x7FFFFFFF, -1)] == [1, 2, 1, -1]


def test_records_of_aborted_transactions_are_not_given_out() -> None:
    partition = SharePartition(0)
    acquired = given_to(partition, "a", (0, 4), (5, 9), (10, 14))
    left = partition.discard(acquired, [Span(5, 9), Span(12, 14)])
    assert left == [(0, 4, 1), (10, 11, 1)]
    partition.acknowledge("a", [Acknowledgement(0, 4), Acknowledgement(10, 11)], 0)
    assert partition.start_offset == 15
