"""What a share group is given of a partition, and when it is done with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.share.share_acknowledgement import (
    Acknowledgement,
    AcknowledgeType,
    InvalidRecordStateError,
    InvalidShareRequestError,
)
from sim.rules.share.share_acquisition import AcquiredRecords, ShareLimits, Span, merged, split_new
from sim.rules.share.share_partition import SharePartition
from sim.rules.share.share_records import RecordState

ACCEPT, RELEASE, REJECT = AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT
LOCK_MS = 30_000


def given_to(
    partition: SharePartition, member: str, *batches: tuple[int, int], now_ms: int = 0, max_records: int = 500
) -> list[AcquiredRecords]:
    """Reads these batches of the log, from where the partition wants to read on."""
    log = [Span(*batch) for batch in batches]
    fetch_offset = partition.next_fetch_offset()
    return partition.acquire(member, log, now_ms, fetch_offset=fetch_offset, max_records=max_records)


def say(partition: SharePartition, first: int, last: int, *types: AcknowledgeType, member: str = "a") -> None:
    partition.acknowledge(member, [Acknowledgement(first, last, types or (ACCEPT,))], 0)


def states(partition: SharePartition) -> str:
    """One letter for each offset in flight: free, held, done, archived."""
    letters = {RecordState.AVAILABLE: "f", RecordState.ACQUIRED: "h", RecordState.ACKNOWLEDGED: "d"}
    return "".join(letters.get(part.state, "x") * (last - first + 1) for first, last, part in partition.parts())


def bounds(partition: SharePartition) -> tuple[int, int, int]:
    return partition.start_offset, partition.end_offset, partition.next_fetch_offset()


def test_each_record_goes_to_one_member_until_it_comes_back() -> None:
    partition = SharePartition(10)
    assert bounds(partition) == (10, 10, 10)
    assert given_to(partition, "a", (10, 14), (15, 19)) == [(10, 19, 1)]
    assert given_to(partition, "b", (10, 14), (15, 19)) == []
    assert given_to(partition, "b", (20, 24)) == [(20, 24, 1)]
    assert bounds(partition) == (10, 24, 25)


def test_the_start_follows_what_is_done_without_a_gap() -> None:
    partition = SharePartition(0)
    given_to(partition, "a", (0, 9))
    given_to(partition, "a", (10, 19))
    say(partition, 10, 19)
    assert bounds(partition) == (0, 19, 20)
    say(partition, 0, 4)
    assert bounds(partition) == (5, 19, 20)
    assert states(partition) == "dddddhhhhhdddddddddd"
    say(partition, 5, 9, REJECT)
    assert bounds(partition) == (20, 20, 20)
    assert partition.in_flight_count() == 0


def test_released_records_are_read_again_and_counted() -> None:
    partition = SharePartition(0)
    given_to(partition, "a", (0, 9))
    say(partition, 0, 9, *[ACCEPT] * 4, *[RELEASE] * 3, *[AcknowledgeType.GAP] * 3)
    assert bounds(partition) == (4, 9, 4)
    assert given_to(partition, "b", (0, 9), (10, 11)) == [(4, 6, 2), (10, 11, 1)]
    assert states(partition) == "ddddhhhxxxhh"


def test_what_one_request_says_counts_as_a_whole_or_not_at_all() -> None:
    partition = SharePartition(0)
    given_to(partition, "a", (0, 4))
    given_to(partition, "b", (5, 9))
    with pytest.raises(InvalidRecordStateError, match="offset 5 is not held by a"):
        partition.acknowledge("a", [Acknowledgement(0, 4), Acknowledgement(5, 9)], 0)
    assert states(partition) == "hhhhhhhhhh"
    partition.acknowledge("a", [Acknowledgement(0, 4)], 0)
    assert bounds(partition) == (5, 9, 10)


def test_acknowledging_what_was_never_given_or_is_done_is_refused() -> None:
    partition = SharePartition(10)
    with pytest.raises(InvalidRecordStateError, match="not in flight"):
        say(partition, 10, 12)
    given_to(partition, "a", (10, 14))
    with pytest.raises(InvalidShareRequestError):
        say(partition, 10, 15)
    with pytest.raises(InvalidShareRequestError):
        say(partition, 20, 21)
    with pytest.raises(InvalidShareRequestError):
        Acknowledgement(10, 14, (ACCEPT, ACCEPT))
    say(partition, 12, 12)
    with pytest.raises(InvalidRecordStateError):
        say(partition, 11, 12)
    assert states(partition) == "hhdhh"


def test_a_lock_runs_out_after_its_time_and_can_be_renewed() -> None:
    partition = SharePartition(0)
    given_to(partition, "a", (0, 4), now_ms=1000)
    partition.expire_locks(1000 + LOCK_MS - 1)
    assert states(partition) == "hhhhh"
    partition.acknowledge("a", [Acknowledgement(0, 1, (AcknowledgeType.RENEW,))], 20_000)
    assert partition.next_lock_expiry_ms() == 1000 + LOCK_MS
    partition.expire_locks(1000 + LOCK_MS)
    assert states(partition) == "hhfff"
    assert partition.next_lock_expiry_ms() == 20_000 + LOCK_MS
    with pytest.raises(InvalidRecordStateError):
        say(partition, 2, 4)
    assert given_to(partition, "b", (0, 4), now_ms=31_000) == [(2, 4, 2)]


def test_a_member_that_goes_gives_everything_back() -> None:
    partition = SharePartition(0)
    given_to(partition, "a", (0, 4))
    given_to(partition, "b", (5, 9))
    partition.release("a")
    assert states(partition) == "fffffhhhhh"
    assert bounds(partition) == (0, 9, 0)


def test_what_failed_five_times_is_archived() -> None:
    partition = SharePartition(0)
    for delivery in range(1, 6):
        assert given_to(partition, "a", (0, 0)) == [(0, 0, delivery)]
        say(partition, 0, 0, RELEASE)
    assert bounds(partition) == (1, 1, 1)


def test_records_that_fail_again_and_again_come_in_halves_and_at_last_alone() -> None:
    partition = SharePartition(0)
    for delivery in (1, 2, 3):
        assert given_to(partition, "a", (0, 99)) == [(0, 99, delivery)]
        partition.release("a")
    assert given_to(partition, "a", (0, 99)) == [(0, 49, 4)]
    assert given_to(partition, "b", (0, 99)) == [(50, 99, 4)]
    partition.release("a")
    partition.release("b")
    assert given_to(partition, "a", (0, 99)) == [(0, 0, 5)]
    assert given_to(partition, "a", (0, 99)) == [(1, 1, 5)]
    partition.release("a")
    assert bounds(partition) == (2, 99, 2)


def test_a_throttled_batch_is_not_given_together_with_others() -> None:
    partition = SharePartition(0)
    for _ in range(3):
        given_to(partition, "a", (0, 3))
        partition.release("a")
    given_to(partition, "b", (0, 3))
    given_to(partition, "b", (2, 3))
    given_to(partition, "b", (4, 7))
    partition.release("b")
    assert given_to(partition, "a", (0, 3), (4, 7)) == [(0, 0, 5)]


def test_few_deliveries_are_not_isolated() -> None:
    partition = SharePartition(0, ShareLimits(max_delivery_count=2))
    assert partition.limits.throttle_delivery_count == 2
    for delivery in (1, 2):
        assert given_to(partition, "a", (0, 9)) == [(0, 9, delivery)]
        partition.release("a")
    assert bounds(partition) == (10, 10, 10)


def test_in_flight_records_are_limited_but_what_came_back_may_be_given_again() -> None:
    partition = SharePartition(0, ShareLimits(max_in_flight_records=10))
    given_to(partition, "a", (0, 5))
    assert given_to(partition, "a", (6, 7), (8, 11), (12, 20)) == [(6, 11, 1)]
    assert not partition.can_acquire()
    assert given_to(partition, "a", (12, 20)) == []
    say(partition, 6, 11, RELEASE)
    assert partition.can_acquire()
    assert given_to(partition, "b", (6, 7), (8, 11), (12, 20)) == [(6, 11, 2)]


def test_max_records_is_a_soft_limit() -> None:
    partition = SharePartition(0)
    assert given_to(partition, "a", (0, 9), (10, 19), (20, 29), max_records=15) == [(0, 19, 1)]


def test_records_that_the_log_dropped_are_archived_once_nobody_holds_them() -> None:
    partition = SharePartition(0)
    given_to(partition, "a", (0, 4))
    given_to(partition, "b", (5, 9))
    partition.release("b")
    partition.move_log_start(7)
    assert bounds(partition) == (7, 9, 7)
    assert states(partition) == "hhhhhxxfff"
    partition.expire_locks(LOCK_MS)
    assert states(partition) == "xxxxxxxfff"
    partition.move_log_start(20)
    assert bounds(partition) == (20, 20, 20)
    say(partition, 5, 9)
    assert bounds(partition) == (20, 20, 20)


def test_records_held_across_the_log_start_are_archived_below_it_when_they_come_back() -> None:
    partition = SharePartition(0)
    given_to(partition, "a", (0, 9))
    partition.move_log_start(4)
    partition.release("a")
    assert states(partition) == "xxxxffffff"
    assert bounds(partition) == (4, 9, 4)


def test_batches_that_compaction_removed_are_archived() -> None:
    partition = SharePartition(0)
    for batch in ((0, 4), (5, 9), (10, 14)):
        given_to(partition, "a", batch)
    partition.release("a")
    assert given_to(partition, "b", (10, 14)) == [(10, 14, 2)]
    assert states(partition) == "xxxxxxxxxxhhhhh"


def test_new_records_come_in_pieces_that_end_with_batches() -> None:
    log = [Span(0, 3), Span(4, 7), Span(8, 9), Span(10, 10)]
    assert split_new(log, 0, 10, 5) == [Span(0, 7), Span(8, 10)]
    assert split_new(log, 0, 10, 11) == [Span(0, 10)]
    assert list(merged([(1, 2), (2, 2), (3, 1), (5, 1)])) == [
        AcquiredRecords(1, 2, 2), AcquiredRecords(3, 3, 1), AcquiredRecords(5, 5, 1)]  # fmt: skip


ACTIONS = st.lists(
    st.tuples(st.sampled_from("fffalre"), st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 4)), max_size=30
)


@given(ACTIONS)
def test_no_record_is_given_to_two_or_too_often_or_after_it_is_done(actions: list[tuple[str, str, int, int]]) -> None:
    partition = SharePartition(0, ShareLimits(max_in_flight_records=12))
    held: dict[int, str] = {}
    deliveries: dict[int, int] = {}
    done: set[int] = set()
    log_end = 0
    for kind, member, skip, size in actions:
        if kind == "f":
            fetch_offset = partition.next_fetch_offset()
            log_end = max(log_end, fetch_offset + 4)
            for first, last, count in given_to(partition, member, (fetch_offset, log_end)):
                for offset in range(first, last + 1):
                    assert offset not in held
                    assert offset not in done
                    deliveries[offset] = deliveries.get(offset, 0) + 1
                    assert count == deliveries[offset] <= 5
                    held[offset] = member
        elif kind in "al":
            mine = sorted(offset for offset, holder in held.items() if holder == member)[skip : skip + size]
            for offset in mine:
                say(partition, offset, offset, ACCEPT if kind == "a" else RELEASE, member=member)
                del held[offset]
            done |= set(mine if kind == "a" else ())
        else:
            partition.expire_locks(LOCK_MS) if kind == "e" else partition.release(member)
            held = {} if kind == "e" else {offset: holder for offset, holder in held.items() if holder != member}
        assert partition.start_offset <= partition.next_fetch_offset() <= partition.end_offset + 1
        assert all(offset in done or deliveries[offset] == 5 for offset in range(partition.start_offset))
        assert [offset for offset in held if offset < partition.start_offset] == []
